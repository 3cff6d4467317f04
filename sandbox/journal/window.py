"""A window: some whole seconds of a run, and what was measured in them, each value a `Measured`.

Comes in: a journal, a span of seconds, and a name to narrow to (none: what the clients saw, the sum over the entry
series). `run.py` makes windows, test functions ask them. Times are in seconds, rates per second. A request counts
in the second of its arrival (`offered`, `share`, `split`) or of its answer (`rate`, `errors`, `latency`).

Counts and pods are exact (intervals of zero width); shares, rates and latencies carry intervals (`statistics.py`,
`histogram.py`). What no request or row stands behind raises `EmptyWindow`: no expectation passes on nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import UsageError
from sandbox.journal.histogram import LatencyTable
from sandbox.journal.journal import Journal, Record, between, of_series
from sandbox.journal.measured import Measured
from sandbox.journal.readings import Cache, Latency, Level, Place, Pods
from sandbox.journal.schema import Gauge, RecordKind, What
from sandbox.journal.selection import Selection, clients, fronts, select, siblings
from sandbox.journal.statistics import Floats, rate_of

_FIRST_STATUS, _END_STATUS = 100, 1000


class EmptyWindow(UsageError):
    """Nothing in the window stands behind the question."""


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds start_s .. end_s - 1 of a run; `label` says which in words, `of` narrows to a part of the platform."""

    journal: Journal
    start_s: int
    end_s: int
    label: str
    narrowed: Selection | None = None

    def __post_init__(self) -> None:
        if self.end_s <= self.start_s:
            raise EmptyWindow(
                f"the window '{self.label}' holds no whole second",
                value=f"{self.start_s} s to {self.end_s} s",
                next_step="take a longer window, or marks further apart",
            )

    def __len__(self) -> int:
        """Seconds."""
        return self.end_s - self.start_s

    def of(self, name: str) -> Window:
        """The same seconds, narrowed to a revision, a component's service ("ranker-predictor") or a service."""
        return replace(self, narrowed=select(self.journal.series, name))

    def each(self, seconds: int) -> Iterator[Window]:
        """The window cut into pieces of `seconds`; a shorter rest is left out."""
        for start in range(self.start_s, self.end_s - seconds + 1, seconds):
            yield replace(self, start_s=start, end_s=start + seconds, label=f"{start}–{start + seconds} s")

    # -- requests --------------------------------------------------------------------------------------------

    @property
    def offered(self) -> Measured:
        """Arrivals a second."""
        arrived = self._needed(self._count(What.ARRIVED), "no request arrived")
        return self._place.measured(rate_of(arrived), float(arrived.sum()), "requests/s", "offered")

    @property
    def rate(self) -> Measured:
        """Answers a second, of any status."""
        answered = self._answered()
        self._needed(answered + self._count(What.ARRIVED), "no request arrived or was answered")
        return self._place.measured(rate_of(answered), float(answered.sum()), "requests/s", "rate")

    @property
    def statuses(self) -> dict[int, int]:
        """Answers by HTTP status."""
        rows = between(self.journal.counts, self.start_s, self.end_s)
        mask = of_series(rows, self._selected.requests)
        totals = np.bincount(rows["what"][mask], weights=rows["n"][mask])
        return {int(what): int(totals[what]) for what in np.flatnonzero(totals) if what >= _FIRST_STATUS}

    @property
    def error_ratio(self) -> Measured:
        """Share of the answers whose status is not 2xx."""
        answered = self._some_answers()
        return self._place.share(answered - self._answered(200, 300), answered, "error_ratio")

    @property
    def errors(self) -> Measured:
        """How many answers were not 2xx: exact."""
        answered = self._some_answers()
        count = float((answered - self._answered(200, 300)).sum())
        return self._place.exact(count, float(answered.sum()), "requests", "errors")

    @property
    def server_errors(self) -> Measured:
        """How many answers were 5xx: exact."""
        answered = self._some_answers()
        return self._place.exact(
            float(self._answered(500, 600).sum()), float(answered.sum()), "requests", "server_errors"
        )

    @property
    def latency(self) -> Latency:
        """How long the answers took."""
        rows = between(self.journal.hist, self.start_s, self.end_s)
        mask = of_series(rows, self._selected.requests)
        n = self._needed(rows["n"][mask].astype(np.float64), "no answered request has a latency")
        second, bucket = rows["second"][mask].astype(np.int64), rows["bucket"][mask].astype(np.int64)
        return Latency(self._place, LatencyTable(second - self.start_s, bucket, n, len(self)))

    @property
    def cache(self) -> Cache:
        """The response cache's look-ups."""
        series = self._selected.everything
        hits = self._count(What.HIT, series)
        looked_up = self._needed(hits + self._count(What.MISS, series), "no cache look-up happened")
        return Cache(self._place, hits, looked_up, self._count(What.STALE, series))

    def share(self, name: str) -> Measured:
        """Share of `name` in this window's arrivals, or (an inner one) in what transformers asked of its siblings."""
        wanted, whole = select(self.journal.series, name).everything, self._selected.requests
        if not wanted & whole:
            whole = siblings(self.journal.series, wanted)
        return self._share_of(wanted & whole, whole, f"share of {name}")

    @property
    def split(self) -> dict[str, Measured]:
        """Share of each revision in the window's arrivals."""
        series, whole = self.journal.series, self._selected.requests
        parts: dict[str, set[int]] = {}
        for index in sorted(whole, key=lambda i: series[i].revision):
            parts.setdefault(series[index].revision, set()).add(index)
        return {name: self._share_of(frozenset(part), whole, f"share of {name}") for name, part in parts.items()}

    # -- pods and other gauges -------------------------------------------------------------------------------

    def pods(self, name: str | None = None) -> Pods:
        """Pods of a revision or service (default: all that the window is about): ready ones, unless asked further."""
        window = self._of(name)
        return Pods(lambda gauge: window.gauge(gauge, unit="pods"))

    def desired(self, name: str | None = None) -> Level:
        """Pods that the autoscaler wanted."""
        return self.gauge(Gauge.DESIRED, name, "pods")

    @property
    def requested_cpu(self) -> Level:
        """Cores requested by the pods, terminating ones included."""
        return self.gauge(Gauge.CPU_REQUESTED, unit="cores")

    @property
    def requested_gpu(self) -> Level:
        """GPUs requested by the pods."""
        return self.gauge(Gauge.GPU_REQUESTED, unit="GPUs")

    @property
    def requested_memory(self) -> Level:
        """Bytes requested by the pods."""
        return self.gauge(Gauge.MEMORY_REQUESTED, unit="bytes")

    @property
    def in_flight(self) -> Level:
        """Requests inside at the end of each second: the clients' ones, unless narrowed."""
        return self._level(Gauge.IN_FLIGHT, "requests", self._fronts())

    @property
    def concurrency(self) -> Level:
        """Mean number of requests inside, each second: the clients' ones, unless narrowed."""
        return self._level(Gauge.CONCURRENCY, "requests", self._fronts())

    def gauge(self, gauge: Gauge, name: str | None = None, unit: str = "") -> Level:
        """Any gauge, summed over the revisions of `name` (default: all that the window is about)."""
        window = self._of(name)
        return window._level(gauge, unit, window._selected.everything)

    def series(self, gauge: Gauge, name: str | None = None) -> list[tuple[int, float]]:
        """A gauge second by second, as plain numbers, for checks tick by tick."""
        return self.gauge(gauge, name).series()

    # -- records ---------------------------------------------------------------------------------------------

    def records(self, kind: RecordKind) -> list[Record]:
        """The records of the window; of a narrowed one those that name one of its revisions."""
        inside = [one for one in self.journal.of_kind(kind) if self.start_s <= one["t_s"] < self.end_s]
        if self.narrowed is None:
            return inside
        revisions = {self.journal.series[index].revision for index in self.narrowed.everything}
        return [one for one in inside if one.get("revision") in revisions]

    def decisions(self, name: str | None = None) -> list[Record]:
        """What the control loops decided, with the numbers of the formula."""
        return self._of(name).records(RecordKind.DECISION)

    @property
    def cold_starts(self) -> Measured:
        """Pods that became ready while requests of their revision were waiting for one: exact."""
        rows = [between(rows, self.start_s, self.end_s) for rows in (self.journal.counts, self.journal.gauges)]
        self._needed(np.array([float(len(some)) for some in rows]), "nothing was recorded")
        pods = [one for one in self.records(RecordKind.POD) if one.get("cold") and one.get("phase") == "Ready"]
        return self._place.exact(float(len(pods)), float(len(self)), "pods", "cold_starts")

    # -- inside ----------------------------------------------------------------------------------------------

    @property
    def _selected(self) -> Selection:
        return self.narrowed or clients(self.journal.series)

    @property
    def _place(self) -> Place:
        return Place(self._selected.name, self.label)

    def _of(self, name: str | None) -> Window:
        return self.of(name) if name else self

    def _fronts(self) -> frozenset[int]:
        """Series whose gauges count the clients' requests once."""
        return self.narrowed.everything if self.narrowed else fronts(self.journal.series, self.journal.asked)

    def _sum(self, first: int, end: int, series: frozenset[int]) -> Floats:
        """COUNT rows whose `what` goes from `first` up to `end`, summed second by second."""
        rows = between(self.journal.counts, self.start_s, self.end_s)
        mask = of_series(rows, series) & (rows["what"] >= first) & (rows["what"] < end)
        return self._by_second(rows["second"][mask], rows["n"][mask])

    def _by_second(self, second: NDArray[np.int32], amount: NDArray[np.generic]) -> Floats:
        sums = np.bincount(second - self.start_s, weights=amount, minlength=len(self))
        return np.asarray(sums, dtype=np.float64)

    def _count(self, what: What, series: frozenset[int] | None = None) -> Floats:
        return self._sum(what, what + 1, self._selected.requests if series is None else series)

    def _answered(self, first: int = _FIRST_STATUS, end: int = _END_STATUS) -> Floats:
        """Answers with a status from `first` up to `end`, second by second."""
        return self._sum(first, end, self._selected.requests)

    def _some_answers(self) -> Floats:
        return self._needed(self._answered(), "no request was answered")

    def _share_of(self, part: frozenset[int], whole: frozenset[int], what: str) -> Measured:
        arrived = self._needed(self._count(What.ARRIVED, whole), "no request arrived")
        return self._place.share(self._count(What.ARRIVED, part), arrived, what)

    def _level(self, gauge: Gauge, unit: str, chosen: frozenset[int]) -> Level:
        rows = between(self.journal.gauges, self.start_s, self.end_s)
        rows = rows[of_series(rows, chosen) & (rows["what"] == gauge)]
        what = gauge.name.lower()
        self._needed(np.ones(len(rows)), f"no value of {what} was recorded")
        seconds = np.unique(rows["second"])
        values = self._by_second(rows["second"], rows["value"])[seconds - self.start_s]
        return Level(self._place, what, unit, seconds.astype(np.float64), values)

    def _needed(self, amounts: Floats, missing: str) -> Floats:
        if amounts.sum() <= 0:
            where = f"'{self.label}'" + (f" for {self._selected.name}" if self.narrowed else "")
            raise EmptyWindow(
                f"{missing} in the window {where}",
                value=f"{self.start_s} s to {self.end_s} s",
                rule="no expectation passes on an empty window",
                next_step="choose a window with traffic, or see in the journal why there was none",
            )
        return amounts
