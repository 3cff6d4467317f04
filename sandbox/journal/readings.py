"""What a window hands out: latencies, cache look-ups, gauges and pods, as `Measured` values.

Comes in: arrays that `window.py` took from a journal (never empty), and the words for where they come from;
goes out: `Measured` values. A gauge is exact: one value for each second that has one, summed over revisions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.journal.histogram import LatencyTable, extremes_of, mean_of, quantile_of
from sandbox.journal.measured import Measured
from sandbox.journal.schema import Gauge
from sandbox.journal.statistics import CONFIDENCE, Estimate, Floats, share_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value was measured, in words: "of ranker, after cutover (480–500 s)"."""

    name: str
    window: str

    def label(self, what: str) -> str:
        of = f" of {self.name}" if self.name else ""
        return f"{what}{of}, {self.window}"

    def measured(self, estimate: Estimate, n: float, unit: str, what: str) -> Measured:
        return Measured(estimate.value, estimate.low, estimate.high, int(n), unit, self.label(what), CONFIDENCE)

    def exact(self, value: float, n: float, unit: str, what: str) -> Measured:
        return Measured.exact(value, int(n), unit, self.label(what))

    def share(self, hits: Floats, tries: Floats, what: str) -> Measured:
        """A share from hits and tries second by second."""
        return self.measured(share_of(hits, tries), float(tries.sum()), "", what)


@dataclass(frozen=True, slots=True)
class Latency:
    """Latencies of the answers in a window, seconds."""

    place: Place
    table: LatencyTable

    @property
    def mean(self) -> Measured:
        return self._measured("latency.mean", mean_of(self.table))

    @property
    def p50(self) -> Measured:
        return self.quantile(0.5)

    @property
    def p90(self) -> Measured:
        return self.quantile(0.9)

    @property
    def p99(self) -> Measured:
        return self.quantile(0.99)

    def quantile(self, q: float) -> Measured:
        """The latency that a share q of the answers stays within."""
        return self._measured(f"latency.p{100 * q:g}", quantile_of(self.table, q))

    @property
    def min(self) -> Measured:
        return self._measured("latency.min", extremes_of(self.table)[0])

    @property
    def max(self) -> Measured:
        return self._measured("latency.max", extremes_of(self.table)[1])

    def _measured(self, what: str, estimate: Estimate) -> Measured:
        return self.place.measured(estimate, float(self.table.n.sum()), "s", what)


@dataclass(frozen=True, slots=True)
class Cache:
    """Look-ups of the response cache in a window, second by second."""

    place: Place
    hits: Floats
    looked_up: Floats
    stale: Floats

    @property
    def hit_ratio(self) -> Measured:
        """Share of the look-ups answered from the cache."""
        return self.place.share(self.hits, self.looked_up, "cache.hit_ratio")

    @property
    def stale_ratio(self) -> Measured:
        """Share of the look-ups answered from the cache with what another model had said."""
        return self.place.share(self.stale, self.looked_up, "cache.stale_ratio")

    @property
    def lookups(self) -> Measured:
        """How many look-ups: exact."""
        total = float(self.looked_up.sum())
        return self.place.exact(total, total, "lookups", "cache.lookups")


@dataclass(frozen=True, slots=True)
class Level:
    """A gauge over a window: exact, `n` is the number of seconds that have a value."""

    place: Place
    what: str
    unit: str
    seconds: Floats
    values: Floats

    def series(self) -> list[tuple[int, float]]:
        """(second, value), as plain numbers, for checks tick by tick."""
        return [(int(second), float(value)) for second, value in zip(self.seconds, self.values, strict=True)]

    @property
    def peak(self) -> Measured:
        return self._exact("peak", float(self.values.max()))

    @property
    def min(self) -> Measured:
        return self._exact("min", float(self.values.min()))

    @property
    def mean(self) -> Measured:
        return self._exact("mean", float(self.values.mean()))

    @property
    def last(self) -> Measured:
        return self._exact("last", float(self.values[-1]))

    def _exact(self, which: str, value: float) -> Measured:
        return self.place.exact(value, len(self.values), self.unit, f"{self.what}.{which}")


@dataclass(frozen=True, slots=True)
class Pods:
    """Pods over a window. peak, min, mean and last are of the ready ones."""

    level: Callable[[Gauge], Level]

    @property
    def ready(self) -> Level:
        return self.level(Gauge.READY)

    @property
    def existing(self) -> Level:
        """Pods that exist and are not terminating."""
        return self.level(Gauge.PODS)

    @property
    def terminating(self) -> Level:
        return self.level(Gauge.TERMINATING)

    @property
    def peak(self) -> Measured:
        return self.ready.peak

    @property
    def min(self) -> Measured:
        return self.ready.min

    @property
    def mean(self) -> Measured:
        return self.ready.mean

    @property
    def last(self) -> Measured:
        return self.ready.last
