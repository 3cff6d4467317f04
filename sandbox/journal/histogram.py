"""Mean, quantiles and extremes of latencies from HIST rows, with intervals that own up to the buckets.

Comes in: the HIST rows of a window (`LatencyTable`); goes out: `Estimate`s in seconds. A bucket is at most 1.6 %
wide; a value is reported as its bucket's middle, at most 0.8 % off, and every interval reaches from a bucket's
lower edge to a bucket's upper edge, so that a constant latency is never reported as more certain than it is.

Leaves out: interpolation inside a bucket, exact latencies (they are not kept).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import UsageError
from sandbox.journal.schema import BUCKETS_PER_OCTAVE_LOG2
from sandbox.journal.statistics import (
    CONFIDENCE,
    Estimate,
    Floats,
    binomial_interval,
    half_width,
    ratio_of_sums,
    z_quantile,
)

_NS = 1e-9
_PER_OCTAVE = 1 << BUCKETS_PER_OCTAVE_LOG2
BUCKETS = 64 * _PER_OCTAVE


def bucket_edges_s() -> Floats:
    """Lower edges of all buckets in seconds, and the last one's upper edge: BUCKETS + 1 numbers."""
    octave, fraction = np.divmod(np.arange(BUCKETS + 1), _PER_OCTAVE)
    return np.asarray(np.ldexp(1.0 + fraction / _PER_OCTAVE, octave) * _NS, dtype=np.float64)


_EDGES = bucket_edges_s()
_LOW, _HIGH = _EDGES[:-1], _EDGES[1:]
_MIDDLE = (_LOW + _HIGH) / 2


@dataclass(frozen=True, slots=True)
class LatencyTable:
    """The HIST rows of a window as columns; `second` counts from the window's start."""

    second: NDArray[np.int64]
    bucket: NDArray[np.int64]
    n: Floats
    seconds: int

    def dense(self) -> Floats:
        """Answers per bucket."""
        return np.bincount(self.bucket, weights=self.n, minlength=BUCKETS).astype(np.float64)

    def per_second(self, weight: Floats | float = 1.0) -> Floats:
        """Sum of n * weight for each second."""
        return np.bincount(self.second, weights=self.n * weight, minlength=self.seconds).astype(np.float64)


def mean_of(table: LatencyTable, confidence: float = CONFIDENCE) -> Estimate:
    """Mean latency. The caller has made sure that the table is not empty."""
    counts = table.dense()
    n = counts.sum()
    value = float(counts @ _MIDDLE / n)
    batched = ratio_of_sums(table.per_second(_MIDDLE[table.bucket]), table.per_second(), confidence)
    half = batched.high - batched.value if batched else _independent_half(counts, value, confidence)
    low, high = float(counts @ _LOW / n), float(counts @ _HIGH / n)
    return Estimate(value, max(low - half, 0.0), high + half)


def _independent_half(counts: Floats, mean: float, confidence: float) -> float:
    """Half an interval of the mean as if the answers were independent: all there is in a window of few seconds."""
    n = float(counts.sum())
    variance = float(counts @ np.square(_MIDDLE - mean)) / max(n - 1.0, 1.0)
    return z_quantile(confidence) * math.sqrt(variance / n) if n > 1 else math.inf


def quantile_of(table: LatencyTable, q: float, confidence: float = CONFIDENCE) -> Estimate:
    """The latency that a share q of the answers stays within.

    The interval lies between two order statistics: their ranks are where a binomial count of answers below the
    true quantile must lie, moved apart further where seconds hang together. Too few answers to bound the quantile
    from above (n < 527 for p99) leave the upper end infinite.
    """
    if not 0.0 < q < 1.0:
        raise UsageError("a quantile lies between 0 and 1", value=q, next_step="0.99 is the 99th percentile")
    upto = np.cumsum(table.dense())
    n = int(upto[-1])
    middle = int(np.searchsorted(upto, max(math.ceil(q * n), 1)))
    low_share, high_share = _rank_shares(table, q, n, middle, confidence)
    low_rank, high_rank = math.floor(low_share * n + 1e-9), math.ceil(high_share * n - 1e-9) + 1
    low = float(_LOW[np.searchsorted(upto, low_rank)]) if low_rank >= 1 else 0.0
    high = float(_HIGH[np.searchsorted(upto, high_rank)]) if high_rank <= n else math.inf
    return Estimate(float(_MIDDLE[middle]), low, high)


def _rank_shares(table: LatencyTable, q: float, n: int, middle: int, confidence: float) -> tuple[float, float]:
    """Between which shares of the sorted answers the true quantile lies."""
    low, high = binomial_interval(n, q, confidence)
    below = table.per_second((table.bucket <= middle).astype(np.float64))
    half = half_width(below, table.per_second(), confidence) or 0.0
    return min(low, q - half), max(high, q + half)


def extremes_of(table: LatencyTable) -> tuple[Estimate, Estimate]:
    """Smallest and largest latency, as exact as their buckets."""
    present = np.flatnonzero(table.dense())
    first, last = int(present[0]), int(present[-1])
    return _bucket(first), _bucket(last)


def _bucket(index: int) -> Estimate:
    return Estimate(float(_MIDDLE[index]), float(_LOW[index]), float(_HIGH[index]))
