"""Gradual rollout of a Route: how a new revision takes over a configuration's share, step by step.

Comes in: the rollout stored with the ingress, the one the traffic block wants now, the time. Goes out: the
rollout to store and to route by, and when to look again. The control plane's route reconciler calls
`reconcile_rollout` each time it looks at a Route.

Mirrors knative/serving pkg/reconciler/route/traffic/rollout.go and reconcileRollout in
pkg/reconciler/route/reconcile_resources.go (98e5ef90). All times are whole nanoseconds, as upstream stores
them, and 0 means "none", so a rollout cannot start at the very instant 0.

Leaves out: the JSON annotation the state is kept in and its validation (state never leaves the program).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True)
class RevisionRollout:
    """A revision and its share of the whole route, in percent."""

    revision_name: str
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StepParams:
    """Pace of a running rollout. All zero: none runs; only start set: the ingress has not been ready since."""

    start_ns: int = 0
    next_step_ns: int = 0
    duration_ns: int = 0
    size: int = 0  # percentage points a step


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationRollout:
    """State of one configuration under one tag ("" = the default route); revisions oldest first."""

    configuration_name: str
    tag: str = ""
    percent: int
    revisions: tuple[RevisionRollout, ...] = ()
    step: StepParams = field(default_factory=StepParams)

    @property
    def done(self) -> bool:
        return len(self.revisions) < 2


@dataclass(frozen=True, slots=True)
class Rollout:
    """All configurations of a route, sorted by tag, then by name."""

    configurations: tuple[ConfigurationRollout, ...] = ()

    @property
    def done(self) -> bool:
        return all(configuration.done for configuration in self.configurations)

    def find(self, tag: str, configuration_name: str) -> ConfigurationRollout | None:
        for configuration in self.configurations:
            if (configuration.tag, configuration.configuration_name) == (tag, configuration_name):
                return configuration
        return None


def reconcile_rollout(
    previous: Rollout | None, current: Rollout, now_ns: int, duration_s: int, *, ingress_became_ready: bool
) -> tuple[Rollout, int]:
    """One look at a route: the rollout to store, and when to look again (0: nothing scheduled).

    `duration_s` is the Route's rollout-duration or the cluster's, 0 switches gradual rollout off.
    `ingress_became_ready`: the ingress is ready and the Route has not said so yet.
    """
    if duration_s <= 0:
        return current, 0
    if previous is not None and ingress_became_ready:
        previous = observe_ready(previous, now_ns, duration_s)
    return step(previous, current, now_ns)


def sorted_rollout(configurations: Iterable[ConfigurationRollout]) -> Rollout:
    return Rollout(tuple(sorted(configurations, key=lambda one: (one.tag, one.configuration_name))))


def observe_ready(rollout: Rollout, now_ns: int, duration_s: float) -> Rollout:
    """The ingress carries the first percent: the time that took sets the pace of the rest."""
    return Rollout(tuple(_paced(one, now_ns, duration_s) for one in rollout.configurations))


def _paced(configuration: ConfigurationRollout, now_ns: int, duration_s: float) -> ConfigurationRollout:
    params = configuration.step
    remaining_percent = configuration.percent - 1
    if params.duration_ns or params.start_ns <= 0 or remaining_percent < 1:
        return configuration
    first_step_s = max(1.0, math.ceil((now_ns - params.start_ns) / NS_PER_S))
    rest_s = max(1.0, duration_s - first_step_s)
    # Not rounded: 3.4 steps make larger steps of which the last is cut short.
    steps = min(max(1.0, rest_s / first_step_s), float(remaining_percent))
    step_ns = rest_s / steps * NS_PER_S
    return replace(
        configuration,
        step=replace(
            params,
            duration_ns=int(step_ns),
            size=math.floor(remaining_percent / steps + 0.5),
            next_step_ns=int(now_ns + step_ns),
        ),
    )


def step(previous: Rollout | None, current: Rollout, now_ns: int) -> tuple[Rollout, int]:
    """Merge what is wanted now (one revision a configuration) with what was stored.

    Returns the new state and the earliest next step in ns, 0 if none is scheduled.
    """
    if previous is None or not previous.configurations:
        return current, 0
    merged: list[ConfigurationRollout] = []
    for tag in dict.fromkeys(one.tag for one in current.configurations):
        wanted = [one for one in current.configurations if one.tag == tag]
        stored = [one for one in previous.configurations if one.tag == tag]
        # A tag that is new has nothing to roll from; upstream keeps its first configuration only.
        merged.extend(_merge_tag(wanted, stored, now_ns) if stored else wanted[:1])
    scheduled = [one.step.next_step_ns for one in merged if one.step.next_step_ns > 0]
    return sorted_rollout(merged), min(scheduled, default=0)


def _merge_tag(
    wanted: Sequence[ConfigurationRollout], stored: Sequence[ConfigurationRollout], now_ns: int
) -> list[ConfigurationRollout]:
    """Walk both lists in step, as upstream does: it relies on both having one order."""
    merged: list[ConfigurationRollout] = []
    i = j = 0
    while i < len(wanted):
        goal = wanted[i]
        if j >= len(stored):
            merged.append(goal)
            i += 1
        elif goal.configuration_name == stored[j].configuration_name:
            if goal.percent > 1:
                merged.append(_step_configuration(goal, stored[j], now_ns))
            elif goal.percent == 1:  # nothing to split
                merged.append(goal)
            i, j = i + 1, j + 1
        elif goal.configuration_name < stored[j].configuration_name:  # new configuration
            if goal.percent != 0:
                merged.append(goal)
            i += 1
        else:  # configuration gone from the traffic block
            j += 1
    return merged


def _step_configuration(
    goal: ConfigurationRollout, previous: ConfigurationRollout, now_ns: int
) -> ConfigurationRollout:
    revisions = adjust_percentage(goal.percent, previous.percent, previous.revisions)
    if not revisions:
        return replace(goal, step=StepParams())
    if goal.revisions[0].revision_name != revisions[-1].revision_name:
        return _start_configuration(goal, revisions, now_ns)
    if len(revisions) == 1:
        return replace(goal, step=StepParams())
    stepped = replace(goal, revisions=revisions, step=previous.step)
    return step_revisions(stepped, now_ns) if previous.step.size > 0 else stepped


def _start_configuration(
    goal: ConfigurationRollout, revisions: Sequence[RevisionRollout], now_ns: int
) -> ConfigurationRollout:
    """A new revision gets its first percent, from the newest one that has any."""
    donor = max((i for i, one in enumerate(revisions) if one.percent > 0), default=-1)
    drained = [replace(one, percent=one.percent - 1) if i == donor else one for i, one in enumerate(revisions)]
    kept = tuple(one for one in drained if one.percent != 0)
    newest = replace(goal.revisions[0], percent=1)
    return replace(goal, revisions=(*kept, newest), step=StepParams(start_ns=now_ns))


def adjust_percentage(
    goal: int, previous_percent: int, revisions: Sequence[RevisionRollout]
) -> tuple[RevisionRollout, ...]:
    """The configuration's share changed: growth goes to the newest, reduction is taken from the oldest."""
    if goal == 0 or not revisions:
        return ()
    if goal >= previous_percent:
        newest = revisions[-1]
        return (*revisions[:-1], replace(newest, percent=newest.percent + goal - previous_percent))
    return _take_from(tuple(revisions), previous_percent - goal)


def _take_from(revisions: tuple[RevisionRollout, ...], points: int) -> tuple[RevisionRollout, ...]:
    """Take points from the front; who reaches 0 is dropped."""
    for i, one in enumerate(revisions):
        if points == 0:
            return revisions[i:]
        if one.percent > points:
            return (replace(one, percent=one.percent - points), *revisions[i + 1 :])
        points -= one.percent
    return ()


def step_revisions(configuration: ConfigurationRollout, now_ns: int) -> ConfigurationRollout:
    """One step, if it is due: `size` points to the newest, from the second newest backwards."""
    params = configuration.step
    if now_ns < params.next_step_ns or configuration.done:
        return configuration
    *older, newest = configuration.revisions
    kept = _take_from(tuple(reversed(older)), params.size)[::-1]
    # The share may have shrunk below the step since the step was computed.
    grown = replace(newest, percent=min(newest.percent + params.size, configuration.percent))
    # The last step clears the pace: nothing runs any more.
    pace = replace(params, next_step_ns=now_ns + params.duration_ns) if kept else StepParams()
    return replace(configuration, revisions=(*kept, grown), step=pace)
