"""The maximum over the newest buckets: what `scale-down-delay` holds a decision to.

Mirrors knative/serving pkg/autoscaler/aggregation/max (window.go, time_window.go). Bucket numbers must not step
back. Called by kpa.py once a decision; each call costs a constant on average.
"""

from __future__ import annotations

from collections import deque
from math import ceil, floor


class MaxWindow:
    """Maximum of the values in the newest `buckets` buckets."""

    __slots__ = ("_buckets", "_falling")

    def __init__(self, buckets: int) -> None:
        self._buckets = buckets
        # Values that may still become the maximum, falling from left to right, with their buckets.
        self._falling: deque[tuple[int, int]] = deque()

    def record(self, bucket: int, value: int) -> None:
        falling = self._falling
        while falling and falling[-1][1] <= value:
            falling.pop()
        while falling and falling[0][0] <= bucket - self._buckets:
            falling.popleft()
        falling.append((bucket, value))

    @property
    def current(self) -> int:
        """The maximum; asked only after a value was recorded."""
        return self._falling[0][1]


class TimedMaxWindow:
    """The same over seconds, in buckets of `granularity_s`."""

    __slots__ = ("_granularity_s", "_window")

    def __init__(self, window_s: float, granularity_s: float) -> None:
        self._granularity_s = granularity_s
        self._window = MaxWindow(ceil(window_s / granularity_s))

    def record(self, t_s: float, value: int) -> None:
        self._window.record(floor(t_s / self._granularity_s), value)

    @property
    def current(self) -> int:
        return self._window.current
