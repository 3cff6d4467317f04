"""A link of fixed bandwidth that all its transfers share evenly: model downloads from one object store.

Processor sharing: k transfers get a k-th of the bandwidth each, and all finish times move when one begins or
ends. `Transfers` only does the arithmetic; whoever owns it asks for the next completion and comes back then.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class Transfers:
    """Transfers by name, with the bytes each has left."""

    bytes_per_s: float
    left: dict[str, float] = field(default_factory=dict)
    at_s: float = 0.0
    moved_bytes: float = 0.0

    def begin(self, now_s: float, name: str, size_bytes: float) -> None:
        self._progress(now_s)
        self.left[name] = float(size_bytes)

    def cancel(self, now_s: float, name: str) -> None:
        self._progress(now_s)
        self.left.pop(name, None)

    def finished(self, now_s: float) -> list[str]:
        """Names of the transfers that are over by `now_s`, in the order they began; they are forgotten."""
        self._progress(now_s)
        # What moves in two nanoseconds: instants are rounded to one.
        done = [name for name, left in self.left.items() if left <= self.bytes_per_s * 2e-9 + 1e-6]
        for name in done:
            del self.left[name]
        return done

    def next_s(self) -> float | None:
        """When the next transfer is over if nothing else begins."""
        if not self.left:
            return None
        return self.at_s + min(self.left.values()) * len(self.left) / self.bytes_per_s

    def _progress(self, now_s: float) -> None:
        if self.left and now_s > self.at_s:
            share = (now_s - self.at_s) * self.bytes_per_s / len(self.left)
            for name in self.left:
                moved = min(share, self.left[name])
                self.left[name] -= moved
                self.moved_bytes += moved
        self.at_s = now_s
