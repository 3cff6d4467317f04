"""The metric windows of the autoscaler: sums per bucket, and their average over the last `window_s` seconds.

Values come in with their time, averages go out; the collector keeps a stable and a panic window of each metric.
Mirrors knative/serving pkg/autoscaler/aggregation/bucketing.go (v0.47). Worth knowing:

- the average of a young revision is over the seconds since its first value, not over the whole window;
- trailing silent seconds are dropped, not averaged as zeros (a scrape outage freezes the average);
- holes that later values follow do count as zeros.

`weighted=True` is `metric-aggregation-algorithm: weightedExponential`. Leaves out the locks.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from math import ceil, floor
from operator import add, mul

_NEVER = -(1 << 62)  # a bucket number before all others: nothing was written yet
_ROUNDING = 1_000_000.0  # averages are cut to 6 decimals
_WEIGHT_LEFT_OUT = 0.0001  # share of the weight that lies beyond the window
_MIN_SMOOTHING = 0.2


def smoothing_coefficient(buckets: int) -> float:
    """Weight of the newest bucket, so that the window holds 99.99 % of all weight.

    >>> round(smoothing_coefficient(6), 5), smoothing_coefficient(60)
    (0.78456, 0.2)
    """
    coefficient: float = 1 - _WEIGHT_LEFT_OUT ** (1 / buckets)
    return max(coefficient, _MIN_SMOOTHING)


def _plain_sum(values: Iterable[float]) -> float:
    """Left to right: since Python 3.12 sum() compensates rounding, and decisions must be alike on every version."""
    return reduce(add, values, 0.0)


class TimedBuckets:
    """A ring of buckets, each `granularity_s` wide, that covers `window_s`."""

    __slots__ = ("_first", "_granularity_s", "_last", "_ring", "_span", "_total", "_weights", "_window_s", "weighted")

    def __init__(self, window_s: float, granularity_s: float = 1.0, weighted: bool = False) -> None:
        self.weighted = weighted
        self._granularity_s = granularity_s
        self._first: int | None = None
        self._last = _NEVER
        self._total = 0.0
        self._set_window(window_s, [0.0] * ceil(window_s / granularity_s))

    def _set_window(self, window_s: float, ring: list[float]) -> None:
        self._window_s = window_s
        self._span = window_s / self._granularity_s  # in buckets, not necessarily whole
        self._ring = ring
        self._weights: list[float] = []
        if self.weighted:
            weight = coefficient = smoothing_coefficient(len(ring))
            for _ in ring:
                self._weights.append(weight)
                weight *= 1 - coefficient

    @property
    def window_s(self) -> float:
        return self._window_s

    @property
    def bucket_count(self) -> int:
        return len(self._ring)

    @property
    def first_write_s(self) -> float | None:
        """Start of the bucket from which on the window counts, None before any value."""
        return None if self._first is None else self._first * self._granularity_s

    @property
    def last_write_s(self) -> float | None:
        return None if self._last == _NEVER else self._last * self._granularity_s

    def record(self, t_s: float, value: float) -> None:
        bucket = floor(t_s / self._granularity_s)
        last = self._last
        ring = self._ring
        if bucket != last:
            if bucket + self._span <= last:
                return  # exactly one window old is too old already
            if self._first is None or bucket < self._first:
                self._first = bucket
            if bucket > last:
                self._advance(bucket)
        ring[bucket % len(ring)] += value
        self._total += value

    def _advance(self, bucket: int) -> None:
        """Clears what `bucket` pushes out of the window: skipped seconds become zeros."""
        ring = self._ring
        count = len(ring)
        last = self._last
        if bucket - last >= self._span:
            ring[:] = [0.0] * count
            self._total = 0.0
            self._first = bucket
        elif bucket == last + 1:
            at = bucket % count
            self._total -= ring[at]
            ring[at] = 0.0
        else:
            for skipped in range(last + 1, bucket + 1):
                self._total -= ring[skipped % count]
                ring[skipped % count] = 0.0
        self._last = bucket

    def average(self, now_s: float) -> float:
        if self.weighted:
            return self._weighted_average(now_s)
        if self._first is None:
            return 0.0
        last = self._last
        ring = self._ring
        silent = floor(now_s / self._granularity_s) - last
        written = last - self._first + 1
        total = self._total
        count = len(ring)
        if silent > 0:
            if silent >= self._span:
                return 0.0
            for bucket in range(last + 1, last + silent + 1):
                total -= ring[bucket % count]
            count -= silent
        return floor(total / min(written, count) * _ROUNDING) / _ROUNDING

    def _weighted_average(self, now_s: float) -> float:
        if self.is_empty(now_s):
            return 0.0
        silent = max(0, floor(now_s / self._granularity_s) - self._last)
        weights = self._weights[silent:] if silent else self._weights
        return _plain_sum(map(mul, self._newest_first(), weights))

    def _newest_first(self) -> list[float]:
        at = self._last % len(self._ring)
        return self._ring[at::-1] + self._ring[:at:-1]

    def sum(self, now_s: float) -> float:
        """Sum of the buckets that are still inside the window."""
        return _plain_sum(self.buckets(now_s).values())

    def buckets(self, now_s: float) -> dict[float, float]:
        """Start of the bucket in seconds -> its value, newest first."""
        silent = max(0, floor(now_s / self._granularity_s) - self._last)
        if silent >= self._span:
            return {}
        valid = self._newest_first()[: len(self._ring) - silent]
        return {(self._last - age) * self._granularity_s: value for age, value in enumerate(valid)}

    def is_empty(self, now_s: float) -> bool:
        return floor(now_s / self._granularity_s) - self._last > self._span

    def resize(self, window_s: float, now_s: float | None = None) -> None:
        """Changes the window and keeps the newest buckets; `now_s` None means right after the last value."""
        if window_s == self._window_s:
            return
        count = ceil(window_s / self._granularity_s)
        ring = [0.0] * count
        self._total = 0.0
        if now_s is not None and self.is_empty(now_s):
            self._first = None
        elif self._last != _NEVER:
            for age, value in enumerate(self._newest_first()[:count]):
                ring[(self._last - age) % count] = value
                self._total += value
            self._first = self._last - len(self._ring) + 1
        self._set_window(window_s, ring)
