"""A Route's traffic block, resolved: which revisions get which share, under which tags, or why not.

Comes in: the traffic block, what is known of configurations and revisions. Goes out: targets per route (the
default one and one a tag), the list at revision level, what was referred to, an error. `initial_rollout`
hands the targets to gradual.py; `status_traffic` and `weights` read its result back. While there is an
error the control plane leaves the previous ingress as it is.

Mirrors knative/serving v0.47.0 pkg/reconciler/route/traffic/{traffic,errors}.go, the split of
pkg/reconciler/route/resources/ingress.go, and the conditions of pkg/apis/serving/v1/route_lifecycle.go.

Leaves out: visibility, the check that a revision belongs to the Route's own Service (newer than v0.47.0),
and the admission of the block (percents add up to 100, tags are unique), which is the manifests' part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from sandbox.manifests.objects import TrafficTarget
from sandbox.mechanisms.rollout.conditions import Condition, Status
from sandbox.mechanisms.rollout.gradual import ConfigurationRollout, RevisionRollout, Rollout, sorted_rollout

DEFAULT_ROUTE = ""
TAG_HOST = "{tag}-{name}.{namespace}.{domain}"  # Knative's default tag-template in its default domain-template


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationState:
    name: str
    latest_ready: str = ""
    latest_created: str = ""
    ready: Status = Status.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionState:
    name: str
    configuration: str
    ready: Status = Status.UNKNOWN
    protocol: str = "http1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedTarget:
    """A target at revision level. `latest`: it follows the configuration's latest ready revision."""

    configuration_name: str
    revision_name: str
    percent: int
    latest: bool
    tag: str = ""
    protocol: str = "http1"


class TargetErrorKind(Enum):
    """What is wrong with a target; the value is the name errors are recorded under."""

    MISSING_CONFIGURATION = "missing_configuration"  # no such object
    MISSING_REVISION = "missing_revision"  # no such object
    UNREADY_CONFIGURATION = "unready_configuration"  # no revision of it was ever ready
    UNREADY_REVISION = "unready_revision"  # the revision is not ready


@dataclass(frozen=True, slots=True)
class TargetError:
    """`failure`: this will not come right by waiting."""

    kind: TargetErrorKind
    name: str
    failure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """`targets`: per route, percents within that route; both it and `flattened` are empty with an error."""

    targets: Mapping[str, tuple[ResolvedTarget, ...]] = field(default_factory=dict)
    flattened: tuple[ResolvedTarget, ...] = ()
    configurations: frozenset[str] = frozenset()
    revisions: frozenset[str] = frozenset()
    missing: tuple[tuple[str, str], ...] = ()  # (kind, name)
    error: TargetError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusTarget:
    """One line of status.traffic."""

    revision_name: str
    percent: int
    latest: bool = False
    tag: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteIdentity:
    """What a tag's URL is made of."""

    name: str
    namespace: str = "default"
    domain: str = "example.com"
    scheme: str = "http"
    tag_host: str = TAG_HOST

    def tag_url(self, tag: str) -> str:
        host = self.tag_host.format(tag=tag, name=self.name, namespace=self.namespace, domain=self.domain)
        return f"{self.scheme}://{host}"


def resolve_traffic(
    targets: Iterable[TrafficTarget],
    configurations: Mapping[str, ConfigurationState],
    revisions: Mapping[str, RevisionState],
    *,
    own_configuration: str = "",
) -> Resolution:
    """Resolve a traffic block. A target that names nothing means `own_configuration`, the Service's own.

    An exception of a look-up other than absence is not caught.
    """
    walk = _Walk(configurations, revisions)
    for target in targets:
        found = walk.revision(target) if target.revision_name else walk.latest(target, own_configuration)
        if isinstance(found, TargetError):
            walk.note(found)
        else:
            walk.resolved.append(found)
    return walk.result()


@dataclass(slots=True)
class _Walk:
    """What one walk over a traffic block has seen so far."""

    known_configurations: Mapping[str, ConfigurationState]
    known_revisions: Mapping[str, RevisionState]
    configurations: set[str] = field(default_factory=set)
    revisions: set[str] = field(default_factory=set)
    missing: list[tuple[str, str]] = field(default_factory=list)
    resolved: list[ResolvedTarget] = field(default_factory=list)
    error: TargetError | None = None

    def revision(self, target: TrafficTarget) -> ResolvedTarget | TargetError:
        found = self._ready_revision(target.revision_name)
        if isinstance(found, TargetError):
            return found
        configuration = self._configuration(found.configuration)
        return configuration if isinstance(configuration, TargetError) else _resolved(target, found, latest=False)

    def latest(self, target: TrafficTarget, own_configuration: str) -> ResolvedTarget | TargetError:
        configuration = self._configuration(target.configuration_name or own_configuration)
        if isinstance(configuration, TargetError):
            return configuration
        if not configuration.latest_ready:
            failure = configuration.ready is Status.FALSE
            return TargetError(TargetErrorKind.UNREADY_CONFIGURATION, configuration.name, failure)
        found = self._ready_revision(configuration.latest_ready)
        return found if isinstance(found, TargetError) else _resolved(target, found, latest=True)

    def note(self, error: TargetError) -> None:
        """The first error stays, unless a later one is a failure."""
        if self.error is None or error.failure:
            self.error = error

    def result(self) -> Resolution:
        resolved = [] if self.error else self.resolved
        tags = dict.fromkeys(target.tag for target in resolved if target.tag)
        targets = {tag: _consolidated([one for one in resolved if one.tag == tag]) for tag in tags}
        if resolved:
            targets = {DEFAULT_ROUTE: _consolidated(resolved), **targets}
        return Resolution(
            targets=targets,
            flattened=_flattened(resolved),
            configurations=frozenset(self.configurations),
            revisions=frozenset(self.revisions),
            missing=tuple(self.missing),
            error=self.error,
        )

    def _configuration(self, name: str) -> ConfigurationState | TargetError:
        if (found := self.known_configurations.get(name)) is None:
            self.missing.append(("Configuration", name))
            return TargetError(TargetErrorKind.MISSING_CONFIGURATION, name, failure=True)
        self.configurations.add(name)
        return found

    def _ready_revision(self, name: str) -> RevisionState | TargetError:
        if (found := self.known_revisions.get(name)) is None:
            self.missing.append(("Revision", name))
            return TargetError(TargetErrorKind.MISSING_REVISION, name, failure=True)
        self.revisions.add(name)
        if found.ready is not Status.TRUE:
            return TargetError(TargetErrorKind.UNREADY_REVISION, name, failure=found.ready is Status.FALSE)
        return found


def _resolved(target: TrafficTarget, revision: RevisionState, *, latest: bool) -> ResolvedTarget:
    return ResolvedTarget(
        configuration_name=revision.configuration,
        revision_name=revision.name,
        percent=target.percent,
        latest=latest,
        tag=target.tag,
        protocol=revision.protocol,
    )


def _consolidated(targets: Sequence[ResolvedTarget]) -> tuple[ResolvedTarget, ...]:
    """One entry a revision; a route with one revision gives it everything, whatever was written."""
    by_revision: dict[str, ResolvedTarget] = {}
    for target in targets:
        known = by_revision.get(target.revision_name)
        merged = replace(known, percent=known.percent + target.percent) if known else target
        by_revision[target.revision_name] = merged
    if len(by_revision) == 1:
        return tuple(replace(only, percent=100) for only in by_revision.values())
    return tuple(by_revision.values())


def _flattened(targets: Sequence[ResolvedTarget]) -> tuple[ResolvedTarget, ...]:
    merged: dict[tuple[str, str, bool], ResolvedTarget] = {}
    for target in targets:
        key = (target.revision_name, target.tag, target.latest)
        known = merged.get(key)
        merged[key] = replace(known, percent=known.percent + target.percent) if known else target
    return tuple(merged.values())


def initial_rollout(resolution: Resolution) -> Rollout:
    """What the traffic block wants, before gradual rollout: each latest target on its one revision."""
    return sorted_rollout(
        ConfigurationRollout(
            configuration_name=target.configuration_name,
            tag=route,
            percent=target.percent,
            revisions=(RevisionRollout(target.revision_name, target.percent),),
        )
        for route, targets in resolution.targets.items()
        for target in targets
        if target.latest and target.percent > 0
    )


def status_traffic(resolution: Resolution, rollout: Rollout, route: RouteIdentity) -> tuple[StatusTarget, ...]:
    """status.traffic: latest targets as the rollout has them, the others as resolved.

    A latest target whose rollout is over keeps its own percent, also where another target of the same revision has
    the rest: KServe tells by it that a rolled-out revision is taken back, and clusters show it (kserve#2097: 1 and
    99 on one revision). knative/serving's GetRevisionTrafficTargets, read alone, would report the joined 100.
    """
    return tuple(
        StatusTarget(
            revision_name=share.revision_name,
            percent=share.percent,
            latest=target.latest,
            tag=target.tag,
            url=route.tag_url(target.tag) if target.tag else "",
        )
        for target in resolution.flattened
        for share in _reported(target, rollout)
    )


def _reported(target: ResolvedTarget, rollout: Rollout) -> tuple[RevisionRollout, ...]:
    shares = _shares(target, rollout, target.tag)
    over = [share.revision_name for share in shares] == [target.revision_name]
    return (RevisionRollout(target.revision_name, target.percent),) if over else shares


def weights(resolution: Resolution, rollout: Rollout, tag: str = DEFAULT_ROUTE) -> tuple[tuple[str, int], ...]:
    """What the gateway splits by on one route: (revision, percent), only those above 0."""
    return tuple(
        (share.revision_name, share.percent)
        for target in resolution.targets.get(tag, ())
        if target.percent > 0
        for share in _shares(target, rollout, tag)
    )


def _shares(target: ResolvedTarget, rollout: Rollout, tag: str) -> tuple[RevisionRollout, ...]:
    rolling = rollout.find(tag, target.configuration_name) if target.latest else None
    return rolling.revisions if rolling else (RevisionRollout(target.revision_name, target.percent),)


_MESSAGES: Mapping[tuple[TargetErrorKind, bool], str] = {
    (TargetErrorKind.MISSING_CONFIGURATION, True): 'Configuration "{}" referenced in traffic not found.',
    (TargetErrorKind.MISSING_REVISION, True): 'Revision "{}" referenced in traffic not found.',
    (TargetErrorKind.UNREADY_CONFIGURATION, False): 'Configuration "{}" is waiting for a Revision to become ready.',
    (TargetErrorKind.UNREADY_CONFIGURATION, True): 'Configuration "{}" does not have any ready Revision.',
    (TargetErrorKind.UNREADY_REVISION, False): 'Revision "{}" is not yet ready.',
    (TargetErrorKind.UNREADY_REVISION, True): 'Revision "{}" failed to become ready.',
}


def route_conditions(error: TargetError | None) -> tuple[Condition, ...]:
    """AllTrafficAssigned, and with an error Ready, which then says the same."""
    if error is None:
        return (Condition("AllTrafficAssigned", Status.TRUE),)
    status = Status.FALSE if error.failure else Status.UNKNOWN
    absent = error.kind is TargetErrorKind.MISSING_CONFIGURATION
    reason = "ConfigurationMissing" if absent else "RevisionMissing"
    message = _MESSAGES[error.kind, error.failure].format(error.name)
    return tuple(Condition(kind, status, reason, message) for kind in ("AllTrafficAssigned", "Ready"))
