"""Which series and revisions a name in a test function means.

Comes in: the series table and a name as people write it: a revision ("ranker-predictor-00002"), a Knative Service
of a component ("ranker-predictor"), an InferenceService, Knative Service or Deployment ("ranker"), or the end of
one revision's name ("predictor-00002"), each with ".namespace" behind it where two namespaces share names.
Goes out: indices of series (requests) or revision names (pods), or a UsageError that lists what there is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.errors import UsageError
from sandbox.journal.schema import Role, Series


@dataclass(frozen=True, slots=True)
class Selection:
    """What a name stands for: the series that count as its requests, and all series of its revisions (pods)."""

    name: str
    requests: frozenset[int]
    everything: frozenset[int]


def clients(series: tuple[Series, ...]) -> Selection:
    """What the clients saw: the entry series; pods are those of all revisions."""
    return Selection("", _indices(series, Role.ENTRY), frozenset(range(len(series))))


def select(series: tuple[Series, ...], name: str) -> Selection:
    """The series that `name` means. A service's requests are those that came from clients, if there are any.

    >>> table = (Series("ranker-predictor-00001", Role.INNER, "ranker", "predictor"),)
    >>> select(table, "ranker-predictor").requests
    frozenset({0})
    """
    exact = _where(series, lambda one: name in _spelled(one, one.revision))
    if exact:
        return Selection(name, exact, exact)
    component = _where(
        series, lambda one: bool(one.component) and name in _spelled(one, f"{one.service}-{one.component}")
    )
    if component:
        return Selection(name, component, component)
    service = _where(series, lambda one: name in _spelled(one, one.service))
    if service:
        return Selection(name, _entries(series, service) or service, service)
    return _by_ending(series, name)


def siblings(series: tuple[Series, ...], chosen: frozenset[int]) -> frozenset[int]:
    """All series of the same service, component and role: what a share of an inner series is a share of."""
    kinds = {(series[i].namespace, series[i].service, series[i].component, series[i].role) for i in chosen}
    return _where(series, lambda one: (one.namespace, one.service, one.component, one.role) in kinds)


def fronts(series: tuple[Series, ...], asked: frozenset[int]) -> frozenset[int]:
    """All series of the components that clients' requests go to: a transformer's, not those of the predictor behind it.

    A request inside a predictor is inside its transformer as well, and gauges would count it twice. The table alone
    cannot tell, a world may give every revision an entry series: `asked` are the ones that requests arrived at.
    Without any request: every component, except predictors that have a transformer before them.

    >>> front, back = (Series(f"m-{part}-00001", Role.ENTRY, "m", part) for part in ("transformer", "predictor"))
    >>> fronts((front, back), frozenset({0})), fronts((front, back), frozenset())
    (frozenset({0}), frozenset({0}))
    """
    parts = [(one.namespace, one.service, one.component) for one in series]
    wanted = {parts[index] for index in asked} or {
        part for part in parts if part[2] != "predictor" or (*part[:2], "transformer") not in parts
    }
    return frozenset(index for index, part in enumerate(parts) if part in wanted)


def _by_ending(series: tuple[Series, ...], name: str) -> Selection:
    found = _where(series, lambda one: any(spelled.endswith(f"-{name}") for spelled in _spelled(one, one.revision)))
    revisions = sorted({series[i].revision for i in found})
    if len(revisions) == 1:
        return Selection(name, found, found)
    what = f"{name!r} could be any of several revisions" if revisions else f"the run has nothing called {name!r}"
    raise UsageError(
        what,
        value=name,
        rule=f"known here: {', '.join(revisions or known_names(series)) or 'nothing (no series in the journal)'}",
        next_step="use one of these names",
    )


def known_names(series: tuple[Series, ...]) -> list[str]:
    """Services and revisions, for messages."""
    return sorted({one.service for one in series} | {one.revision for one in series})


def _spelled(one: Series, name: str) -> tuple[str, str]:
    return name, f"{name}.{one.namespace}"


def _entries(series: tuple[Series, ...], chosen: frozenset[int]) -> frozenset[int]:
    return chosen & _indices(series, Role.ENTRY)


def _indices(series: tuple[Series, ...], role: Role) -> frozenset[int]:
    return _where(series, lambda one: one.role is role)


def _where(series: tuple[Series, ...], holds: Callable[[Series], bool]) -> frozenset[int]:
    return frozenset(index for index, one in enumerate(series) if holds(one))
