"""What a run leaves behind: one schema, written by every world.

A journal is a folder:

    meta.json       scenario, variant, world, seed, form, versions, series table, totals, how the run ended
    records.jsonl   one JSON object a line, in time order: marks, steps, pods, objects, decisions, events, resources
    counts.bin      COUNT rows: how many of what, per series, pod and second
    hist.bin        HIST rows: latencies of answered requests, per series and second, sparse
    gauges.bin      GAUGE rows: a value per series and second

The three .bin files are plain little-endian numpy rows, appended second by second; a killed run loses at most
the window that was not flushed yet. Nothing that depends on the wall clock or the machine is in any file but
meta.json, and the journal's digest (sha256 over records, counts, hist and gauges) is the same for the same
scenario, seed and sandbox version everywhere.

A *series* is a stream of requests as one revision sees it; `role` entry: what the client asked for, inner: what
a transformer asked of a predictor. Client-side numbers are the sums over the entry series.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, IntEnum

import numpy as np

SCHEMA_VERSION = 1

COUNT = np.dtype([("second", "<i4"), ("series", "<u2"), ("what", "<u2"), ("pod", "<i4"), ("n", "<i4")])
HIST = np.dtype([("second", "<i4"), ("series", "<u2"), ("bucket", "<u2"), ("n", "<u4")])
GAUGE = np.dtype([("second", "<i4"), ("series", "<u2"), ("what", "<u2"), ("value", "<f8")])

NO_POD = -1  # pod column of counts that belong to no pod (refused before one was picked)


class What(IntEnum):
    """The `what` of a COUNT row. 100 and above: answers by HTTP status."""

    ARRIVED = 1  # requests that reached the revision's front door (gateway, activator or pod)
    STARTED = 2  # requests that reached a pod
    HIT = 3  # cache look-ups answered from the cache
    MISS = 4  # cache look-ups that went to the model
    STALE = 5  # hits whose entry came from another model than the one now deployed behind the transformer
    PROXIED = 6  # requests that came through the activator
    # n >= 100: answers with that HTTP status (200, 404, 500, 502, 503, 504 ...)


class Gauge(IntEnum):
    """The `what` of a GAUGE row; one value per second and series (inner and entry series of a revision share one)."""

    DESIRED = 1  # pods the autoscaler wants
    READY = 2  # pods that are ready
    PODS = 3  # pods that exist and are not terminating
    TERMINATING = 4  # pods that are on their way out
    IN_FLIGHT = 5  # requests inside the revision at the end of the second, queued ones included
    CONCURRENCY = 6  # mean number of requests inside the revision over the second
    QUEUED = 7  # requests waiting (activator, queue-proxy, container) at the end of the second
    STABLE = 8  # metric over the stable window (revision total), as the autoscaler saw it last
    PANIC = 9  # the same over the panic window
    EXCESS_BURST = 10  # excess burst capacity, requests
    PROXY_MODE = 11  # 1: the activator is in the path
    PERCENT = 12  # share of the route's traffic, percent
    CPU_REQUESTED = 13  # cores requested by the revision's pods (terminating ones included)
    GPU_REQUESTED = 14  # GPUs requested by the revision's pods
    MEMORY_REQUESTED = 15  # bytes


class RecordKind(Enum):
    """The `kind` of a line of records.jsonl. Every line has t_s (float seconds) and kind."""

    MARK = "mark"  # name
    STEP = "step"  # action, target, mark, result
    POD = "pod"  # pod (number), name, series' revision, phase, node, cold (bool), and reason where there is one
    OBJECT = "object"  # object "kind/name", event (created, updated, deleted, condition, traffic), and details
    DECISION = "decision"  # loop, revision, inputs, decided, formula (the numbers filled in), outcome (within bounds)
    EVENT = "event"  # object, reason, message: as Kubernetes words them
    RESOURCES = "resources"  # node, cpu_milli, memory_bytes, gpu, pods: after a change
    NOTE = "note"  # what the run wants said: not modelled fields, unlimited capacity


class Role(Enum):
    """Who sends the requests of a series."""

    ENTRY = "entry"  # the client
    INNER = "inner"  # a transformer


@dataclass(frozen=True, slots=True)
class Series:
    """One row of meta.json's series table; its index is the `series` column."""

    revision: str
    role: Role
    service: str  # InferenceService or Knative Service or Deployment the revision belongs to
    component: str  # predictor, transformer or ""
    namespace: str = "default"


# Latency buckets: 64 to an octave of nanoseconds, so a bucket is at most 1.6 % wide and its middle at most
# 0.8 % off. Bucket b of octave e (2^e .. 2^(e+1) ns) is e*64 + b; 64 octaves fit into u2.
BUCKETS_PER_OCTAVE_LOG2 = 6


def bucket_of(latency_ns: int) -> int:
    """Index of the bucket that holds `latency_ns` (at least 1). The kernel has the same in numba's subset.

    >>> bucket_of(1), bucket_of(64), bucket_of(1_000_000)
    (0, 384, 1274)
    """
    value = max(int(latency_ns), 1)
    octave = value.bit_length() - 1
    fraction = (value << BUCKETS_PER_OCTAVE_LOG2 >> octave) & ((1 << BUCKETS_PER_OCTAVE_LOG2) - 1)
    return (octave << BUCKETS_PER_OCTAVE_LOG2) + fraction


def bucket_bounds_ns(bucket: int) -> tuple[float, float]:
    """Lower and upper edge of a bucket, nanoseconds.

    >>> bucket_bounds_ns(384)
    (64.0, 65.0)
    """
    octave, fraction = divmod(bucket, 1 << BUCKETS_PER_OCTAVE_LOG2)
    width = 2.0**octave / (1 << BUCKETS_PER_OCTAVE_LOG2)
    low = 2.0**octave + fraction * width
    return low, low + width
