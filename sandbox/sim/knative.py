"""Knative Serving's controllers: from a Service to revisions, from a traffic block to shares.

A changed template makes a new revision; a revision is Ready when it reached its initial scale once; the route
moves only to ready revisions and keeps the previous shares otherwise; routed revisions are reachable, the others
are let go. What is decided here is decided by `mechanisms.rollout` (traffic, gradual, revision_gc); this file
carries the results to the data plane and tells listeners (KServe) about a changed status.

Mirrors knative/serving pkg/reconciler/{service,configuration,route,labeler,gc}.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sandbox.durations import parse_go_duration
from sandbox.journal.schema import RecordKind
from sandbox.manifests.objects import KnativeService, TrafficTarget
from sandbox.mechanisms.rollout.conditions import Status
from sandbox.mechanisms.rollout.gradual import Rollout, reconcile_rollout
from sandbox.mechanisms.rollout.kserve import ROLLOUT_DURATION
from sandbox.mechanisms.rollout.kserve_status import KnativeServiceStatus
from sandbox.mechanisms.rollout.revision_gc import GcConfig, RevisionAge, revisions_to_delete
from sandbox.mechanisms.rollout.traffic import (
    ConfigurationState,
    Resolution,
    RevisionState,
    RouteIdentity,
    initial_rollout,
    resolve_traffic,
    route_conditions,
    status_traffic,
    weights,
)
from sandbox.sim.agenda import Priority
from sandbox.sim.context import Context
from sandbox.sim.revision import Revision

LATEST = (TrafficTarget(latest_revision=True, percent=100),)
NO_GC = "serving.knative.dev/no-gc"


@dataclass(slots=True, eq=False)
class ServiceState:
    """A Knative Service as the controllers see it."""

    spec: KnativeService
    component: str = ""
    owner: str = ""
    revisions: dict[str, Revision] = field(default_factory=dict)
    created: int = 0
    latest_created: str = ""
    latest_ready: str = ""
    rollout: Rollout | None = None
    resolution: Resolution = field(default_factory=Resolution)
    shares: tuple[tuple[str, int], ...] = ()
    assigned: str = ""  # AllTrafficAssigned, as last journalled
    was_ready: bool = False  # the ingress has carried the rollout's first step
    deleted: bool = False

    @property
    def name(self) -> str:
        return self.spec.metadata.name

    @property
    def key(self) -> tuple[str, str]:
        return (self.spec.metadata.namespace, self.name)


class Knative:
    """All Knative Services of the cluster. `make_revision` starts a revision's pods and autoscaler."""

    def __init__(
        self,
        context: Context,
        make_revision: Callable[[ServiceState, str], Revision],
        on_routes: Callable[[], None],
        gc: GcConfig,
    ) -> None:
        self.context = context
        self.services: dict[tuple[str, str], ServiceState] = {}
        self.on_status: Callable[[ServiceState, KnativeServiceStatus], None] = lambda state, status: None
        self.gc = gc
        self._make_revision = make_revision
        self._on_routes = on_routes

    # ---- Service and Configuration

    def apply(self, spec: KnativeService, component: str = "", owner: str = "") -> ServiceState:
        """Create or update a Service; only a changed template makes a new revision."""
        key = (spec.metadata.namespace, spec.metadata.name)
        state = self.services.get(key)
        fresh = state is None or state.deleted
        if state is None or state.deleted:
            state = ServiceState(spec, component, owner)
            self.services[key] = state
        changed = fresh or state.spec.template != spec.template
        state.spec = spec
        if changed:
            self._new_revision(state)
        self.reconcile_route(state)
        return state

    def delete(self, namespace: str, name: str) -> None:
        state = self.services.get((namespace, name))
        if state is None or state.deleted:
            return
        state.deleted = True
        state.shares = ()
        for revision in state.revisions.values():
            revision.remove()
        self._on_routes()

    def _new_revision(self, state: ServiceState) -> None:
        state.created += 1
        name = state.spec.template.name or f"{state.name}-{state.created:05d}"
        state.latest_created = name
        revision = self._make_revision(state, name)
        revision.generation = state.created
        state.revisions[name] = revision
        self.context.record(RecordKind.OBJECT, object=f"revision/{name}", event="created", service=state.name)
        revision.on_status = lambda: self._revision_changed(state, revision)
        revision.begin()

    def _revision_changed(self, state: ServiceState, revision: Revision) -> None:
        """A revision became ready or failed: LatestReady is the newest generation that is ready."""
        self.context.record(
            RecordKind.OBJECT,
            object=f"revision/{revision.name}",
            event="condition",
            type="Ready",
            status=revision.ready.value,
            reason=revision.reason,
        )
        ready = [one for one in state.revisions.values() if one.ready is Status.TRUE]
        current = state.revisions.get(state.latest_ready)
        newest = max(ready, key=lambda one: one.generation, default=None)
        if newest is not None and (current is None or newest.generation > current.generation):
            state.latest_ready = newest.name
        self.reconcile_route(state)

    # ---- Route

    def reconcile_route(self, state: ServiceState, *, ingress_ready: bool = False) -> None:
        """Look at the traffic block again: shares move only when every target is ready."""
        if state.deleted:
            return
        resolution = resolve_traffic(
            state.spec.traffic or LATEST,
            {state.name: self._configuration(state)},
            {name: self._revision_state(state, one) for name, one in state.revisions.items()},
            own_configuration=state.name,
        )
        condition = route_conditions(resolution.error)[0]
        if state.assigned != f"{condition.status.value} {condition.reason}":
            state.assigned = f"{condition.status.value} {condition.reason}"
            self.context.record(
                RecordKind.OBJECT,
                object=f"route/{state.name}",
                event="condition",
                type=condition.type,
                status=condition.status.value,
                reason=condition.reason,
                message=condition.message,
            )
        if resolution.error is None:
            self._shift(state, resolution, ingress_ready)
        self._label(state)
        self.on_status(state, self.status(state))

    def _shift(self, state: ServiceState, resolution: Resolution, ingress_ready: bool) -> None:
        state.resolution = resolution
        now_ns = self.context.agenda.now_ns
        before = state.rollout
        state.rollout, next_step_ns = reconcile_rollout(
            before,
            initial_rollout(resolution),
            now_ns,
            self._rollout_duration_s(state),
            ingress_became_ready=ingress_ready,
        )
        shares = weights(resolution, state.rollout)
        if shares != state.shares:
            state.shares = shares
            self.context.record(
                RecordKind.OBJECT,
                object=f"route/{state.name}",
                event="traffic",
                traffic=[[name, percent] for name, percent in shares],
            )
            self._on_routes()
            if not state.rollout.done and not ingress_ready:
                # The gateways have taken the new shares over: that tells the rollout its pace.
                delay_s = self.context.profiles.platform.endpoint_delay_s
                self.context.agenda.after(
                    delay_s, Priority.RECONCILE, lambda: self.reconcile_route(state, ingress_ready=True)
                )
        if next_step_ns > now_ns:
            self.context.agenda.at(next_step_ns, Priority.RECONCILE, lambda: self.reconcile_route(state))

    def _rollout_duration_s(self, state: ServiceState) -> int:
        text = state.spec.metadata.annotations.get(ROLLOUT_DURATION)
        return int(parse_go_duration(text)) if text else int(self.context.platform.rollout_duration_s)

    def _configuration(self, state: ServiceState) -> ConfigurationState:
        latest = state.revisions.get(state.latest_created)
        return ConfigurationState(
            name=state.name,
            latest_ready=state.latest_ready,
            latest_created=state.latest_created,
            ready=latest.ready if latest is not None else Status.UNKNOWN,
        )

    def _revision_state(self, state: ServiceState, revision: Revision) -> RevisionState:
        return RevisionState(name=revision.name, configuration=state.name, ready=revision.ready)

    def _label(self, state: ServiceState) -> None:
        """Routed revisions are active, the rest goes to the reserve; a latest target keeps LatestCreated active."""
        routed = set(state.resolution.revisions)
        rollout = state.rollout
        for one in rollout.configurations if rollout is not None else ():
            routed.update(share.revision_name for share in one.revisions)
        if any(not target.revision_name for target in state.spec.traffic or LATEST):
            routed.add(state.latest_created)
        percents = dict(state.shares)
        for revision in list(state.revisions.values()):
            revision.set_routed(revision.name in routed, percents.get(revision.name, 0))
        self._collect(state)

    def _collect(self, state: ServiceState) -> None:
        """Delete revisions nobody needs any more."""
        ages = [
            RevisionAge(
                name=one.name,
                routing=one.routing,
                created_s=one.created_s,
                last_active_s=one.routing_since_s,
                keep=one.annotations.get(NO_GC) == "true",
            )
            for one in state.revisions.values()
        ]
        for name in revisions_to_delete(ages, state.latest_ready, self.gc, self.context.agenda.now_s):
            state.revisions.pop(name).remove()
            self.context.record(
                RecordKind.OBJECT, object=f"revision/{name}", event="deleted", reason="GarbageCollected"
            )

    def status(self, state: ServiceState) -> KnativeServiceStatus:
        """What the Service reports."""
        route = RouteIdentity(name=state.name, namespace=state.spec.metadata.namespace)
        traffic = status_traffic(state.resolution, state.rollout, route) if state.rollout is not None else ()
        return KnativeServiceStatus(
            created=state.latest_created,
            ready=state.latest_ready,
            traffic=tuple(replace(target, url="") for target in traffic),
        )

    def rows(self, namespace: str, name: str) -> list[tuple[int, float]] | None:
        """Data plane rows and shares of a Service; None where there is none."""
        state = self.services.get((namespace, name))
        if state is None or state.deleted:
            return None
        return [
            (state.revisions[revision].workload.row, float(percent))
            for revision, percent in state.shares
            if revision in state.revisions
        ]
