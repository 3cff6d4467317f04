"""Outcomes of real requests as rows of a journal, in the words of the simulated world's.

Comes in: one `Outcome` after the other; goes out: COUNT, HIST and GAUGE rows of sandbox/journal/schema.py. Called by
the real worlds. A request counts as arrived in the second for which it was planned and as answered in the second in
which its answer came; rows of a second may therefore follow those of a later one, which the journal's reader sorts.

What a client cannot know is approximated, and said here: a hit is stale when another model's digest was heard last
in an answer that did not come from the cache; a request that got no answer belongs to the revision "(no answer)" of
its service, with status 599; the time of inner requests (transformer to predictor) is not known and has no histogram.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sandbox.journal.schema import COUNT, GAUGE, HIST, NO_POD, Gauge, Role, Series, What, bucket_of
from sandbox.journal.writer import JournalWriter
from sandbox.kind.load.outcome import NO_ANSWER, Outcome

Reals = npt.NDArray[np.float64]

NS = 1_000_000_000
UNANSWERED = 599  # in place of a status, where no answer came
NOBODY = "(no answer)"
_LOOKED = ("hit", "miss", "shared", "error")  # `off`: the cache was not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Whom the requests of one flow ask."""

    service: str
    namespace: str = "default"
    component: str = "predictor"  # which component answers the client: predictor or transformer


@dataclass(slots=True)
class _Tally:
    """What was counted and not written yet."""

    counts: Counter[tuple[int, int, int, int]] = field(default_factory=Counter)  # second, series, what, pod
    latencies: Counter[tuple[int, int, int]] = field(default_factory=Counter)  # second, series, bucket


class Recorder:
    """Turns outcomes into rows. `targets`: by the number of a flow."""

    def __init__(self, writer: JournalWriter, targets: Mapping[int, Target]) -> None:
        self._writer = writer
        self._targets = targets
        self._tally = _Tally()
        self._pods: dict[str, int] = {}
        self._inside: dict[int, list[tuple[float, float]]] = {}  # by entry series: from when to when
        self._model = dict.fromkeys(targets, "")  # by flow: whose answer was heard last

    def pod(self, name: str) -> int:
        """The number of a pod in this journal; NO_POD without a name."""
        return self._pods.setdefault(name, len(self._pods)) if name else NO_POD

    def add(self, one: Outcome) -> None:
        """Count one outcome."""
        target = self._targets[one.flow]
        entry = self._series(one.revision or NOBODY, Role.ENTRY, target, target.component)
        pod = self.pod(one.pod)
        asked, answered = int(one.intended_s), int(one.ended_s)
        status = UNANSWERED if one.status == NO_ANSWER else one.status
        self._count(asked, entry, What.ARRIVED, NO_POD)
        if one.pod:
            self._count(asked, entry, What.STARTED, pod)
        self._count(answered, entry, status, pod)
        if status == 200:
            self._tally.latencies[answered, entry, bucket_of(round(one.latency_s * NS))] += 1
        self._look(one, entry, pod, asked)
        if one.inner_revision and one.cache in ("", "off", "miss", "error"):
            self._inner(one, target, asked, answered, status)
        self._inside.setdefault(entry, []).append((one.intended_s, one.ended_s))

    def flush(self) -> None:
        """Write what was counted so far."""
        tally, self._tally = self._tally, _Tally()
        counts = [(second, series, what, pod, n) for (second, series, what, pod), n in sorted(tally.counts.items())]
        hist = [(*place, n) for place, n in sorted(tally.latencies.items())]
        self._writer.counts(np.array(counts, dtype=COUNT))
        self._writer.hist(np.array(hist, dtype=HIST))

    def close(self, seconds: int, levels: Sequence[tuple[int, int, Gauge, float]] = ()) -> None:
        """Write what is left, and the gauges: those counted here for `seconds` seconds, and `levels` as they are.

        levels: (second, series, gauge, value), as an observer of the world saw them.
        """
        self.flush()
        rows = [*levels]
        for series, spans in self._inside.items():
            rows += [(second, series, gauge, value) for second, gauge, value in _levels(spans, seconds)]
        rows.sort(key=lambda row: row[:3])
        self._writer.gauges(np.array(rows, dtype=GAUGE))

    def _look(self, one: Outcome, entry: int, pod: int, asked: int) -> None:
        """A look-up of the response cache: it comes right after the request, however long the answer takes."""
        if one.cache in _LOOKED:
            self._count(asked, entry, What.HIT if one.cache == "hit" else What.MISS, pod)
        heard = self._model[one.flow]
        if one.cache == "hit":
            if heard and one.model != heard:
                self._count(asked, entry, What.STALE, pod)
        elif one.model:
            self._model[one.flow] = one.model

    def _inner(self, one: Outcome, target: Target, asked: int, answered: int, status: int) -> None:
        inner = self._series(one.inner_revision, Role.INNER, target, "predictor")
        pod = self.pod(one.inner_pod)
        self._count(asked, inner, What.ARRIVED, NO_POD)
        self._count(asked, inner, What.STARTED, pod)
        self._count(answered, inner, status, pod)

    def _series(self, revision: str, role: Role, target: Target, component: str) -> int:
        return self._writer.series(Series(revision, role, target.service, component, target.namespace))

    def _count(self, second: int, series: int, what: int, pod: int) -> None:
        self._tally.counts[second, series, int(what), pod] += 1


def _levels(spans: Sequence[tuple[float, float]], seconds: int) -> list[tuple[int, Gauge, float]]:
    """Requests inside at the end of each second, and their mean number over it.

    >>> [value for _, gauge, value in _levels([(0.5, 1.25)], 2) if gauge is Gauge.CONCURRENCY]
    [0.5, 0.25]
    """
    begins, ends = np.sort([begin for begin, _ in spans]), np.sort([end for _, end in spans])
    edges = np.arange(seconds + 1, dtype=np.float64)
    inside = np.searchsorted(begins, edges, side="right") - np.searchsorted(ends, edges, side="right")
    area = _area_until(begins, edges) - _area_until(ends, edges)
    rows: list[tuple[int, Gauge, float]] = []
    for second in range(seconds):
        rows.append((second, Gauge.IN_FLIGHT, float(inside[second + 1])))
        rows.append((second, Gauge.CONCURRENCY, round(float(area[second + 1] - area[second]), 9)))
    return rows


def _area_until(instants: Reals, edges: Reals) -> Reals:
    """For each edge, the sum over earlier instants of the time since them."""
    n = np.searchsorted(instants, edges)
    sums = np.concatenate([[0.0], np.cumsum(instants)])
    return np.asarray(n * edges - sums[n], dtype=np.float64)
