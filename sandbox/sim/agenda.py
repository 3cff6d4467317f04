"""Simulated time and what is due when: the control plane's event queue.

Entries leave in the order (time, priority, sequence): at one instant the second that ends there is measured and
written down first, then come steps of the timeline, pods and reconcilers, then the autoscaler. So what happens at
75 s is in second 75 of the journal, as its record is, and not in second 74. Times are integer nanoseconds.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from enum import IntEnum

NS = 1_000_000_000


class Priority(IntEnum):
    """Who goes first at one instant."""

    METRICS = 0
    HARVEST = 1
    TIMELINE = 2
    PODS = 3
    RECONCILE = 4
    AUTOSCALER = 5


def to_ns(seconds: float) -> int:
    """Seconds as whole nanoseconds."""
    return round(seconds * NS)


class Agenda:
    """A queue of callbacks."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._entries: list[tuple[int, int, int, Callable[[], None]]] = []
        self._sequence = 0

    @property
    def now_s(self) -> float:
        return self.now_ns / NS

    def at(self, time_ns: int, priority: Priority, action: Callable[[], None]) -> None:
        """Do `action` at `time_ns`; an instant that has passed means now."""
        self._sequence += 1
        heapq.heappush(self._entries, (max(time_ns, self.now_ns), int(priority), self._sequence, action))

    def after(self, seconds: float, priority: Priority, action: Callable[[], None]) -> None:
        self.at(self.now_ns + to_ns(seconds), priority, action)

    @property
    def next_ns(self) -> int | None:
        """The instant of the next entry."""
        return self._entries[0][0] if self._entries else None

    def run_due(self) -> None:
        """Do everything that is due now, in order; entries may add more of it."""
        while self._entries and self._entries[0][0] <= self.now_ns:
            heapq.heappop(self._entries)[3]()
