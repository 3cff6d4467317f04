"""A run second by second (or in longer rows): what was asked and answered, the pods behind it, the latencies.

Comes in: a journal; goes out: `Row`s, which `trial.py` lays out as a table, a chart or JSON. Everything is numpy
over whole files: a row costs the same however many requests it holds. A request counts in the second of its
arrival (offered) or of its answer (answered, errors, latencies). Pods are those of the revisions that the clients'
requests go to; where no autoscaler says what it wants (a Deployment), the pods that exist count as desired.

Leaves out: intervals; a window of the same journal has them (`sandbox.journal.window`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.journal.histogram import BUCKETS, bucket_edges_s
from sandbox.journal.journal import Journal, of_series
from sandbox.journal.schema import Gauge, RecordKind, What
from sandbox.journal.selection import clients, fronts
from sandbox.journal.statistics import Floats
from sandbox.journal.writer import Rows

# Lengths of a row that people can add up in their heads.
_LENGTHS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400)
_FIRST_STATUS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Some seconds from t_s on. Pods are as of the row's end; percentiles are None where nothing was answered."""

    t_s: int
    offered_per_s: float
    answered_per_s: float
    errors_per_s: float
    desired_pods: int
    ready_pods: int
    concurrency: float
    p50_ms: float | None
    p99_ms: float | None
    cold_starts: int


def row_length_s(duration_s: float, at_most: int = 30) -> int:
    """The shortest handy row with which a run fits into `at_most` rows.

    >>> row_length_s(600), row_length_s(20), row_length_s(86_400)
    (20, 1, 3600)
    """
    for length_s in _LENGTHS_S:
        if math.ceil(duration_s / length_s) <= at_most:
            return length_s
    return math.ceil(duration_s / at_most)


def rows_of(journal: Journal, length_s: int = 1) -> list[Row]:
    """The whole run, a row for every `length_s` seconds; the last one may be shorter."""
    count = math.ceil(journal.duration_s / length_s)
    if count == 0:
        return []
    starts = np.arange(count) * length_s
    lengths = np.minimum(starts + length_s, journal.duration_s) - starts
    counts = _Counts(journal, count, length_s)
    answered = counts.between(_FIRST_STATUS, np.iinfo(np.uint16).max)
    pods = _Gauges(journal, count, length_s)
    ready, desired = pods.ready_and_desired()
    p50, p99 = percentiles_ms(journal, (0.5, 0.99), count, length_s)
    cold = _cold_starts(journal, count, length_s)
    columns = (
        _rounded(counts.of(What.ARRIVED) / lengths),
        _rounded(answered / lengths),
        _rounded((answered - counts.between(200, 300)) / lengths),
        desired.astype(int).tolist(),
        ready.astype(int).tolist(),
        _rounded(pods.concurrency()),
        [None if math.isnan(value) else value for value in _rounded(p50)],
        [None if math.isnan(value) else value for value in _rounded(p99)],
        cold.tolist(),
    )
    return [
        Row(
            t_s=int(t_s),
            offered_per_s=offered,
            answered_per_s=done,
            errors_per_s=errors,
            desired_pods=wanted,
            ready_pods=there,
            concurrency=inside,
            p50_ms=median,
            p99_ms=tail,
            cold_starts=fresh,
        )
        for t_s, offered, done, errors, wanted, there, inside, median, tail, fresh in zip(starts, *columns, strict=True)
    ]


def percentiles_ms(journal: Journal, shares: tuple[float, ...], count: int, length_s: int) -> list[Floats]:
    """For each share, the latency that it stays within, row by row in ms; NaN where nothing was answered.

    A bucket stands for its middle, at most 0.8 % off. All rows are answered at once: the histogram rows are sorted
    by (row, bucket), and a row's percentile is one look-up in the running sum of all of them.
    """
    rows = journal.hist
    rows = rows[of_series(rows, clients(journal.series).requests)]
    key = rows["second"].astype(np.int64) // length_s * BUCKETS + rows["bucket"]
    order = np.argsort(key, kind="stable")
    upto = np.cumsum(rows["n"][order], dtype=np.int64)
    bucket = rows["bucket"][order]
    ends = np.searchsorted(key[order], np.arange(1, count + 1) * BUCKETS)
    total = np.concatenate([[0], upto])[ends]
    before = np.concatenate([[0], total[:-1]])
    edges_s = bucket_edges_s()
    middle_ms = (edges_s[:-1] + edges_s[1:]) / 2 * 1000
    return [_look_up(share, before, total - before, upto, middle_ms[bucket]) for share in shares]


def _look_up(
    share: float, before: NDArray[np.int64], n: NDArray[np.int64], upto: NDArray[np.int64], value: Floats
) -> Floats:
    """The value of rank ceil(share * n) within each row."""
    rank = before + np.maximum(np.ceil(share * n).astype(np.int64), 1)
    found = np.full(len(n), math.nan)
    some = n > 0
    found[some] = value[np.searchsorted(upto, rank[some])]
    return found


class _Counts:
    """What the clients' requests came to, summed row by row."""

    def __init__(self, journal: Journal, count: int, length_s: int) -> None:
        rows = journal.counts
        rows = rows[of_series(rows, clients(journal.series).requests)]
        self._row, self._what, self._n = rows["second"] // length_s, rows["what"], rows["n"]
        self._count = count

    def of(self, what: int) -> Floats:
        return self.between(what, what + 1)

    def between(self, first: int, end: int) -> Floats:
        mask = (self._what >= first) & (self._what < end)
        sums = np.bincount(self._row[mask], weights=self._n[mask], minlength=self._count)
        return np.asarray(sums[: self._count], dtype=np.float64)


class _Gauges:
    """Levels of the revisions in front, row by row."""

    def __init__(self, journal: Journal, count: int, length_s: int) -> None:
        rows = journal.gauges
        self._rows = rows[of_series(rows, fronts(journal.series, journal.asked))]
        self._count, self._length_s = count, length_s
        self._seconds = count * length_s

    def ready_and_desired(self) -> tuple[Floats, Floats]:
        """As of the end of each row, summed over the revisions that the route sends requests to."""
        routed = self._without(self._of(Gauge.READY), self._unrouted())
        wanted = self._of(Gauge.DESIRED)
        existing = self._without(self._of(Gauge.PODS), wanted)
        desired = self._without(np.concatenate([wanted, existing]), self._unrouted())
        return self._at_ends(routed), self._at_ends(desired)

    def concurrency(self) -> Floats:
        """The mean over each row."""
        rows = self._of(Gauge.CONCURRENCY)
        seen = np.bincount(np.unique(rows["second"]) // self._length_s, minlength=self._count)
        total = np.bincount(rows["second"] // self._length_s, weights=rows["value"], minlength=self._count)
        return np.asarray(total[: self._count] / np.maximum(seen[: self._count], 1))

    def _of(self, gauge: Gauge) -> Rows:
        return np.asarray(self._rows[self._rows["what"] == gauge])

    def _unrouted(self) -> Rows:
        percent = self._of(Gauge.PERCENT)
        return percent[percent["value"] <= 0]

    @staticmethod
    def _without(rows: Rows, others: Rows) -> Rows:
        """The rows whose (second, series) is none of the others'."""
        return np.asarray(rows[~np.isin(_place(rows), _place(others))])

    def _at_ends(self, rows: Rows) -> Floats:
        """The sum in the last second of each row that has a value."""
        sums = np.bincount(rows["second"], weights=rows["value"], minlength=self._seconds)[: self._seconds]
        last = np.full(self._count, -1, dtype=np.int64)
        np.maximum.at(last, rows["second"] // self._length_s, rows["second"])
        return np.where(last >= 0, sums[last], 0.0)


def _place(rows: Rows) -> NDArray[np.int64]:
    return np.asarray((rows["second"].astype(np.int64) << 16) + rows["series"])


def _cold_starts(journal: Journal, count: int, length_s: int) -> NDArray[np.int64]:
    """Pods that became ready while requests were waiting for one, row by row."""
    cold = [one for one in journal.of_kind(RecordKind.POD) if one.get("cold") and one.get("phase") == "Ready"]
    instants = [int(one["t_s"] // length_s) for one in cold if 0 <= one["t_s"] < count * length_s]
    return np.bincount(np.array(instants, dtype=np.int64), minlength=count)


def _rounded(values: Floats) -> list[float]:
    return [float(value) for value in np.round(values, 3)]
