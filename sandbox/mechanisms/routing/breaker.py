"""The breaker in front of a container (queue-proxy) or a revision (activator): who runs, who waits, who is refused.

Scalar functions in numba's subset, compiled into the simulated data plane, plus `Breaker`, the same decisions
over a counter object for whoever wants one (conformance, real servers). Upstream: knative/serving
pkg/queue/breaker.go and cmd/queue (queue depth = 10 x containerConcurrency).
"""

from __future__ import annotations

from dataclasses import dataclass

QUEUE_DEPTH_PER_SLOT = 10  # knative/serving pkg/queue/sharedmain/main.go


def queue_depth(container_concurrency: int) -> int:
    """How many requests queue-proxy lets wait. 0 concurrency means no limit, and so no queue.

    >>> queue_depth(3)
    30
    """
    return QUEUE_DEPTH_PER_SLOT * container_concurrency


def admits(inside: int, depth: int, max_concurrency: int) -> bool:
    """May one more request come in, to run or to wait? `inside` counts both."""
    return inside < depth + max_concurrency


def runs_at_once(running: int, capacity: int) -> bool:
    """Is there capacity right now?"""
    return running < capacity


class BreakerRefused(ValueError):
    """Parameters no breaker can have."""


@dataclass(slots=True)
class Breaker:
    """A breaker as a counter. capacity may change at any time; running requests always finish."""

    depth: int
    max_concurrency: int
    capacity: int
    running: int = 0
    waiting: int = 0

    def __post_init__(self) -> None:
        if self.depth <= 0:
            raise BreakerRefused(f"queue depth must be above 0, got {self.depth}")
        if self.max_concurrency < 0:
            raise BreakerRefused(f"max concurrency must be 0 or more, got {self.max_concurrency}")
        if not 0 <= self.capacity <= self.max_concurrency:
            raise BreakerRefused(f"initial capacity must be within 0 … {self.max_concurrency}, got {self.capacity}")

    def request(self) -> str:
        """One request comes: "running", "queued" or "rejected"."""
        if not admits(self.running + self.waiting, self.depth, self.max_concurrency):
            return "rejected"
        if runs_at_once(self.running, self.capacity):
            self.running += 1
            return "running"
        self.waiting += 1
        return "queued"

    def reserve(self) -> bool:
        """A slot at once or not at all."""
        if not admits(self.running + self.waiting, self.depth, self.max_concurrency):
            return False
        if not runs_at_once(self.running, self.capacity):
            return False
        self.running += 1
        return True

    def cancel(self) -> None:
        """A waiting request goes away."""
        self.waiting -= 1

    def finish(self) -> None:
        """A running request completes; the longest waiting one takes its place if there is capacity."""
        self.running -= 1
        self._wake()

    def set_capacity(self, capacity: int) -> None:
        """Change how many may run; waiting requests start at once where there is room."""
        self.capacity = min(capacity, self.max_concurrency)
        self._wake()

    def _wake(self) -> None:
        while self.waiting and runs_at_once(self.running, self.capacity):
            self.waiting -= 1
            self.running += 1
