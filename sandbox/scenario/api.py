"""What people write: a scenario and its timeline.

Comes in: a scenario file's own words (`Scenario(...)`, `at("5m").apply("green.yaml")`); goes out: frozen values
that `resolve.py` reads files for and turns into `model.Variant`s. Whatever is wrong without looking at a file is
refused here, with the line where it was written.

Steps are what kubectl and the weather do; each may carry a mark, the name of its instant.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sandbox.errors import Location, UsageError
from sandbox.scenario.durations import Duration, seconds
from sandbox.scenario.model import Action
from sandbox.scenario.origin import written_at
from sandbox.scenario.traffic import Traffic

FAULTS = ("kill-pod", "crash-container", "hang-container", "flush-cache")
SHORT_KEYS = ("rate", "users", "duration", "manifests", "config", "keys", "params")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """An instant of the timeline: on its own a mark, with one of its methods a step. Made by `at`."""

    at_s: float
    mark: str = ""
    short_s: float | None = None
    action: Action = Action.NOTHING
    files: tuple[str, ...] = ()
    target: str = ""
    patched: Mapping[str, Any] = field(default_factory=dict)
    replicas: int = 0
    fault_name: str = ""
    count: int = 1
    as_user: str = ""
    written: Location | None = None

    def apply(self, *files: str) -> Moment:
        """kubectl apply -f: create or update what the files hold."""
        if not files:
            raise UsageError("apply needs a file", where=written_at(), rule='at("5m").apply("green.yaml")')
        return self._doing(Action.APPLY, files=files)

    def patch(self, target: str, patch: Mapping[str, Any]) -> Moment:
        """kubectl patch --type merge: a JSON merge patch on one object ("isvc/ranker")."""
        if not isinstance(patch, Mapping) or not patch:
            rule = '{"spec": {"predictor": {"canaryTrafficPercent": 50}}}'
            raise UsageError("a patch is a mapping that changes something", where=written_at(), value=patch, rule=rule)
        return self._doing(Action.PATCH, target=_target(target), patched=patch)

    def delete(self, target: str) -> Moment:
        """kubectl delete: one object ("isvc/ranker")."""
        return self._doing(Action.DELETE, target=_target(target))

    def scale(self, target: str, *, replicas: int) -> Moment:
        """kubectl scale: the replicas of a Deployment."""
        if isinstance(replicas, bool) or not isinstance(replicas, int) or replicas < 0:
            raise UsageError("replicas must be a whole number, zero or more", where=written_at(), value=replicas)
        return self._doing(Action.SCALE, target=_target(target), replicas=replicas)

    def get(self, target: str, *, as_: str = "") -> Moment:
        """kubectl get --as: somebody reads an object; `run.answer(mark)` is the API server's status.

        >>> at("10s", mark="peek").get("isvc/ranker.tenant-b", as_="system:serviceaccount:tenant-a:default").target
        'isvc/ranker.tenant-b'
        """
        if not isinstance(as_, str):
            rule = '"system:serviceaccount:NAMESPACE:NAME", or the name of a user'
            raise UsageError("as_ is a user", where=written_at(), value=as_, rule=rule)
        return self._doing(Action.GET, target=_target(target), as_user=as_)

    def fault(self, name: str, *, of: str, count: int = 1) -> Moment:
        """What the weather does (FAULTS) to `count` pods of a target (0 = all)."""
        if name not in FAULTS:
            raise UsageError(
                f"there is no fault {name!r}", where=written_at(), value=name, rule=f"one of {', '.join(FAULTS)}"
            )
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise UsageError("count must be a whole number; 0 means all", where=written_at(), value=count)
        return self._doing(Action.FAULT, target=_target(of), fault_name=name, count=count)

    def _doing(self, action: Action, **fields: Any) -> Moment:
        if self.action is not Action.NOTHING:
            rule = 'write at("5m").apply(…), at("5m").patch(…): steps of one instant keep their order'
            raise UsageError("one at(…) takes one step", where=written_at(), value=action.value, rule=rule)
        return replace(self, action=action, written=written_at(), **fields)


def at(time: Duration, *, mark: str = "", short: Duration | None = None) -> Moment:
    """An instant of the timeline, from the start of the run. `short` is its time in the short form.

    >>> at("8m", mark="cutover").apply("route-to-green.yaml").at_s
    480.0
    """
    if not isinstance(mark, str):
        raise UsageError("a mark is a name", where=written_at(), value=mark)
    short_s = None if short is None else seconds(short, "short")
    return Moment(at_s=seconds(time, "at"), mark=mark, short_s=short_s, written=written_at())


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Manifests, traffic and a timeline, to be played. `then` makes variants of it.

    manifests: files as `kubectl apply` takes them, beside the scenario file; applied at 0 s
    traffic:   what clients ask for (`sandbox.traffic`)
    duration:  how long to play
    profile:   a file saying how the models behave (service time, start-up, memory)
    config:    files with the platform's ConfigMaps and the cluster's nodes
    params:    the scenario's own named numbers, for its tests (`run.params`)
    short:     what the short form overrides: rate, users, duration, keys, params; manifests and config are added
               (an object of the same kind and name replaces the first). Times of steps and rates shrink with
               duration, unless a step says `short=`.

    >>> from sandbox import traffic
    >>> steady = Scenario(manifests=["a.yaml"], traffic=traffic.poisson(rate=150, to="a"), duration="20m")
    >>> len(steady.then(at("5m", mark="half")).steps)
    1
    """

    manifests: Sequence[str]
    traffic: Traffic
    duration: Duration
    profile: str | None = None
    config: Sequence[str] = ()
    params: Mapping[str, float] = field(default_factory=dict)
    short: Mapping[str, Any] = field(default_factory=dict)
    settle: bool = True
    steps: tuple[Moment, ...] = ()
    written: Location = field(default_factory=written_at, compare=False)

    def __post_init__(self) -> None:
        for what, given in (("manifests", self.manifests), ("config", self.config)):
            _files(what, given)
        if not isinstance(self.traffic, Traffic):
            rule = 'traffic=traffic.poisson(rate=150, to="ranker")'
            raise UsageError("traffic is not what it should be", where=written_at(), value=self.traffic, rule=rule)
        seconds(self.duration, "duration", positive=True)
        _numbers("params", self.params)
        _check_short(self.short, self.params)

    def then(self, *steps: Moment) -> Scenario:
        """The same scenario with more steps on its timeline."""
        for step in steps:
            if not isinstance(step, Moment):
                raise UsageError("then takes steps", where=written_at(), value=step, rule='at("5m").apply("x.yaml")')
        return replace(self, steps=self.steps + steps)


def suggestion(name: str, known: Sequence[str]) -> str:
    """ "did you mean …?" or nothing."""
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def _files(what: str, given: object) -> None:
    if isinstance(given, str) or not isinstance(given, Sequence) or not all(isinstance(one, str) for one in given):
        raise UsageError(f"{what} is a list of file names", where=written_at(), value=given, rule='["ranker.yaml"]')


def _numbers(what: str, given: object) -> None:
    ok = isinstance(given, Mapping) and all(
        isinstance(name, str) and isinstance(value, int | float) for name, value in given.items()
    )
    if not ok:
        raise UsageError(f"{what} is a mapping of names to numbers", where=written_at(), value=given)


def _check_short(short: Mapping[str, Any], params: Mapping[str, float]) -> None:
    if not isinstance(short, Mapping):
        raise UsageError("short is a mapping", where=written_at(), value=short, rule=", ".join(SHORT_KEYS))
    for key in short:
        if key not in SHORT_KEYS:
            rule = f"{suggestion(str(key), SHORT_KEYS)}known: {', '.join(SHORT_KEYS)}"
            raise UsageError(f"short has no {key!r}", where=written_at(), value=key, rule=rule)
    for key in ("rate", "users", "keys"):
        value = short.get(key, 1)
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise UsageError(f"short[{key!r}] must be a number above zero", where=written_at(), value=value)
    seconds(short.get("duration", 1), "short['duration']", positive=True)
    for key in ("manifests", "config"):
        _files(f"short[{key!r}]", short.get(key, ()))
    _numbers("short['params']", short.get("params", {}))
    for name in short.get("params", {}):
        if name not in params:
            rule = f"{suggestion(name, list(params))}params has {', '.join(params) or 'none'}"
            raise UsageError(f"short['params'] overrides nothing: {name!r}", where=written_at(), value=name, rule=rule)


def _target(target: object) -> str:
    if not isinstance(target, str) or target.count("/") != 1 or not all(target.split("/")):
        rule = '"isvc/ranker", "isvc/ranker.tenant-b"'
        raise UsageError("a target is kind/name or kind/name.namespace", where=written_at(), value=target, rule=rule)
    return target
