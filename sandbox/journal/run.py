"""A played variant as test functions get it: `runs["blue-green"]`, with windows relative to marks.

Comes in: the variant and the journal it left; goes out: `Window`s. Windows are whole seconds, the start rounded
up and the end rounded down, so that no window holds a second that belongs to both sides of a mark. `requests=N`
takes the fewest whole seconds next to the mark in which N requests of clients arrived.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sandbox.errors import UsageError
from sandbox.journal.journal import Journal, between, of_series
from sandbox.journal.measured import Measured
from sandbox.journal.schema import RecordKind, What
from sandbox.journal.selection import clients
from sandbox.journal.statistics import Floats
from sandbox.journal.window import Window
from sandbox.scenario.model import Flow, Form, Variant


@dataclass(frozen=True, slots=True)
class Run:
    """One played variant."""

    journal: Journal
    variant: Variant

    @property
    def name(self) -> str:
        """The variant's name."""
        return self.variant.name

    @property
    def params(self) -> Mapping[str, float]:
        """The scenario's own named numbers, in the form that was played."""
        return self.variant.params

    @property
    def form(self) -> Form:
        return self.variant.form

    @property
    def flows(self) -> tuple[Flow, ...]:
        return self.variant.flows

    @property
    def marks(self) -> dict[str, float]:
        """When each named instant was, seconds."""
        return self.journal.marks

    @property
    def duration_s(self) -> float:
        return self.journal.duration_s

    def mark(self, name: str) -> float:
        """When a named instant was; UsageError with the known names if there is none."""
        if name not in self.marks:
            known = ", ".join(f"{mark} ({t_s:g} s)" for mark, t_s in self.marks.items()) or "none at all"
            raise UsageError(
                f"the run {self.name!r} has no mark {name!r}",
                value=name,
                rule=f"known marks: {known}",
                next_step=f'give a step of the timeline mark="{name}"',
            )
        return self.marks[name]

    def answer(self, mark: str) -> Measured:
        """The API server's answer to the `get` at a mark: its HTTP status, exact."""
        self.mark(mark)
        found = [one for one in self.journal.of_kind(RecordKind.STEP) if one["mark"] == mark and "status" in one]
        if len(found) != 1:
            raise UsageError(
                f"the mark {mark!r} of the run {self.name!r} has {len(found)} steps that get something",
                value=mark,
                rule="an answer belongs to one step",
                next_step="give each get a mark of its own",
            )
        return Measured.exact(float(found[0]["status"]), 1, "", f"status of get {found[0]['target']} at {mark}")

    @property
    def whole(self) -> Window:
        """The run from 0 to its end."""
        return self._window(0, self._end(), "the whole run")

    def last(self, seconds: float) -> Window:
        """The last seconds of the run."""
        return self.slice(self._end() - seconds, self._end(), "at the end")

    def slice(self, start_s: float, end_s: float, label: str = "") -> Window:
        """Any span of the run, in seconds from its start."""
        start, end = math.ceil(start_s), math.floor(end_s)
        if start < 0 or end > self._end():
            raise UsageError(
                f"the window {label} reaches beyond the run {self.name!r}".replace("  ", " "),
                value=f"{start} s to {end} s",
                rule=f"the run goes from 0 s to {self._end()} s",
                next_step="ask for fewer seconds, or make the run longer",
            )
        return self._window(start, end, label)

    def before(self, mark: str, seconds: float | None = None, requests: int | None = None) -> Window:
        """Up to a mark: from the start of the run, or only the nearest seconds or requests."""
        end = math.floor(self.mark(mark))
        label = f"before {mark}"
        if requests is not None:
            return self._window(end - self._seconds_of(requests, seconds, 0, end, label, backwards=True), end, label)
        return self.slice(end - seconds if seconds is not None else 0, end, label)

    def after(self, mark: str, seconds: float | None = None, requests: int | None = None, skip: float = 0.0) -> Window:
        """From a mark (and `skip` seconds) on: to the end of the run, or only the nearest seconds or requests."""
        start, end = math.ceil(self.mark(mark) + skip), self._end()
        label = f"{skip:g} s after {mark}" if skip else f"after {mark}"
        if requests is not None:
            return self._window(start, start + self._seconds_of(requests, seconds, start, end, label), label)
        return self.slice(start, start + seconds if seconds is not None else end, label)

    def between(self, first: str, second: str) -> Window:
        """From one mark to another."""
        return self.slice(self.mark(first), self.mark(second), f"between {first} and {second}")

    def at(self, mark: str) -> Window:
        """The one second that holds a mark."""
        start = math.floor(self.mark(mark))
        return self.slice(start, start + 1, f"at {mark}")

    def _end(self) -> int:
        return math.floor(self.duration_s)

    def _window(self, start: int, end: int, label: str) -> Window:
        span = f"{start}–{end} s"
        return Window(self.journal, start, end, f"{label} ({span})" if label else span)

    def _seconds_of(
        self, requests: int, seconds: float | None, start: int, end: int, label: str, backwards: bool = False
    ) -> int:
        """The fewest seconds from `start` on (or back from `end`) in which `requests` arrived."""
        if seconds is not None or requests < 1:
            rule = "a window is so many seconds or so many requests (at least 1), not both"
            raise UsageError(f"cannot tell how long the window {label} is", value=(seconds, requests), rule=rule)
        arrived = self._arrivals(start, end)
        enough = np.flatnonzero(np.cumsum(arrived[::-1] if backwards else arrived) >= requests)
        if not len(enough):
            raise UsageError(
                f"the window {label} cannot hold {requests:,} requests",
                value=f"{int(arrived.sum()):,} requests arrived from {start} s to {end} s",
                rule="requests=N needs N requests next to the mark",
                next_step="ask for fewer requests, or make the run longer or the load heavier",
            )
        return int(enough[0]) + 1

    def _arrivals(self, start: int, end: int) -> Floats:
        """Requests of clients that arrived in each second."""
        rows = between(self.journal.counts, start, end)
        mask = of_series(rows, clients(self.journal.series).requests) & (rows["what"] == What.ARRIVED)
        second, n = rows["second"][mask] - start, rows["n"][mask]
        return np.asarray(np.bincount(second, weights=n, minlength=max(end - start, 0)), dtype=np.float64)
