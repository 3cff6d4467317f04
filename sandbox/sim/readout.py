"""Reads the data plane's counters and integrals once a second, compiled: the cost of a second stays flat.

`drain_*` write the journal's rows as 32-bit integers (schema.COUNT is four of them, schema.HIST three, with two
16-bit fields in the second one) and set what they read back to zero.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sandbox.sim.columns import (
    P_AREA,
    P_COUNT,
    P_INSIDE,
    P_PROXIED,
    P_PROXIED_AREA,
    P_PROXIED_COUNT,
    P_QUEUED,
    P_WAITING,
)
from sandbox.sim.compiled import jit_outer

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]

PERIOD_NS = 1_000_000_000.0


@jit_outer
def drain_counts(
    counts: Ints, rows: int, series: Ints, pods: Ints, words: Ints, second: int, out: Words, at: int
) -> int:
    """Append a COUNT row for every counter above zero; returns the number of rows in `out`.

    series, pods: by counter row; words: the journal's word by column. `out` must have room for all.
    """
    for row in range(rows):
        for column in range(counts.shape[1]):
            n = counts[row, column]
            if n != 0:
                counts[row, column] = 0
                out[at, 0] = second
                out[at, 1] = series[row] | (words[column] << 16)
                out[at, 2] = pods[row]
                out[at, 3] = n
                at += 1
    return at


@jit_outer
def drain_hist(hist: Ints, rows: int, series: Ints, second: int, out: Words) -> int:
    """Write a HIST row for every bucket above zero; returns their number."""
    at = 0
    for row in range(rows):
        for bucket in range(hist.shape[1]):
            n = hist[row, bucket]
            if n != 0:
                hist[row, bucket] = 0
                out[at, 0] = second
                out[at, 1] = series[row] | (bucket << 16)
                out[at, 2] = n
                at += 1
    return at


@jit_outer
def read_reports(pods: Ints, rows: Ints, now: int, out: Floats, totals: Ints) -> None:
    """Each pod's report of the second that ends now, and the start of the next.

    out[i]: mean concurrency, the part of it that came through the activator, requests, proxied requests.
    totals: requests inside and requests waiting, over all pods.
    """
    totals[0] = 0
    totals[1] = 0
    for i in range(rows.shape[0]):
        row = rows[i]
        held = pods[row, P_INSIDE] * now
        held_proxied = pods[row, P_PROXIED] * now
        out[i, 0] = (pods[row, P_AREA] + held) / PERIOD_NS
        out[i, 1] = (pods[row, P_PROXIED_AREA] + held_proxied) / PERIOD_NS
        out[i, 2] = pods[row, P_COUNT]
        out[i, 3] = pods[row, P_PROXIED_COUNT]
        pods[row, P_AREA] = -held
        pods[row, P_PROXIED_AREA] = -held_proxied
        pods[row, P_COUNT] = 0
        pods[row, P_PROXIED_COUNT] = 0
        totals[0] += pods[row, P_INSIDE]
        totals[1] += pods[row, P_QUEUED] + pods[row, P_WAITING]
