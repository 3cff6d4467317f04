"""Deployments: a fixed number of pods, without autoscaler, queue-proxy or activator.

Plain apps/v1 Deployments with the Services that select them, and the predictor Deployments of InferenceServices
in Standard mode, whose canaries get their weight when they are ready (`mechanisms.rollout.standard_canary`).
A changed template replaces the pods (new ones first, then the old ones go); rolling-update arithmetic and the
HPA belong to later work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sandbox.manifests.objects import Deployment, InferenceService, Metadata, PodTemplate, Service
from sandbox.mechanisms.rollout.standard_canary import Backend, predictor_deployments, predictor_name, rule_backends
from sandbox.sim import columns as c
from sandbox.sim.context import Context
from sandbox.sim.metering import Meter
from sandbox.sim.workload import Identity, Limits, Workload

Shares = list[tuple[int, float]]


@dataclass(slots=True, eq=False)
class DeploymentState:
    spec: Deployment
    workload: Workload
    meter: Meter
    outgoing: Workload | None = None  # the previous template's pods, until the new ones are ready

    @property
    def ready(self) -> bool:
        """All pods serve, and gateways know them."""
        pool = self.workload.pool
        return bool(pool.replicas) and len(pool.gateway_pods) >= pool.replicas


class Deployments:
    """All Deployments of the cluster. `make(identity, template, limits)` makes a workload."""

    def __init__(
        self,
        context: Context,
        make: Callable[[Identity, PodTemplate, Limits], Workload],
        on_routes: Callable[[], None],
    ) -> None:
        self.context = context
        self.all: dict[tuple[str, str], DeploymentState] = {}
        self._standard: dict[tuple[str, str], InferenceService] = {}
        self._backends: dict[tuple[str, str], tuple[Backend, ...]] = {}
        self._make = make
        self._on_routes = on_routes

    def apply(self, spec: Deployment, owner: str = "") -> None:
        """Create or update a Deployment."""
        key = (spec.metadata.namespace, spec.metadata.name)
        state = self.all.get(key)
        if state is None or state.spec.template != spec.template:
            workload = self._make(
                Identity(
                    name=spec.metadata.name,
                    service=owner or spec.metadata.name,
                    component="predictor" if owner else "",
                    namespace=spec.metadata.namespace,
                    owner=owner,
                ),
                spec.template,
                Limits(queue_proxy=False, timeout_s=NO_TIMEOUT_S, grace_s=spec.template.termination_grace_s),
            )
            fresh = DeploymentState(spec, workload, Meter(self.context.plane, workload, 0))
            fresh.outgoing = state.workload if state is not None else None
            workload.on_change = lambda: self._changed(fresh)
            self.context.plane.set_mode(workload.row, c.DIRECT)
            self.all[key] = state = fresh
        state.spec = spec
        state.workload.pool.scale(spec.replicas)
        self._on_routes()

    def _changed(self, state: DeploymentState) -> None:
        if state.ready and state.outgoing is not None:
            state.outgoing.pool.scale(0)
            state.outgoing = None
        for key in list(self._standard):
            self._weigh(key)
        self._on_routes()

    def scale(self, namespace: str, name: str, replicas: int) -> bool:
        state = self.all.get((namespace, name))
        if state is None:
            return False
        state.workload.pool.scale(replicas)
        return True

    def delete(self, namespace: str, name: str) -> None:
        state = self.all.pop((namespace, name), None)
        if state is not None:
            state.workload.pool.scale(0)
            self._on_routes()

    def rows(self, namespace: str, name: str) -> Shares:
        """Where requests to a Deployment go: to the old pods until the new ones are ready."""
        state = self.all.get((namespace, name))
        if state is None:
            return []
        serving = state.outgoing if state.outgoing is not None and not state.ready else state.workload
        return [(serving.row, 1.0)]

    def selected(self, service: Service) -> Shares:
        """Rows of the Deployments a Service selects, by their number of pods."""
        return [
            (row, float(max(state.spec.replicas, 1)))
            for (namespace, name), state in self.all.items()
            if namespace == service.metadata.namespace and _matches(service.selector, state.spec.template.labels)
            for row, _ in self.rows(namespace, name)
        ]

    # ---- Standard mode

    def apply_standard(self, service: InferenceService) -> None:
        """An InferenceService in Standard mode: its predictor's Deployments, canaries included."""
        key = (service.metadata.namespace, service.metadata.name)
        self._standard[key] = service
        self._weigh(key)

    def _weigh(self, key: tuple[str, str]) -> None:
        service = self._standard[key]
        ready = {
            canary.name: self.all[(key[0], name)].ready
            for canary in service.canaries
            for name in (predictor_name(key[1], canary.name),)
            if (key[0], name) in self.all
        }
        wanted = predictor_deployments(service, ready)
        for name, deployment in wanted.items():
            known = self.all.get((key[0], name))
            if (
                known is None
                or known.spec.template != deployment.pod
                or known.workload.pool.replicas != deployment.replicas
            ):
                metadata = Metadata(name=name, namespace=key[0])
                self.apply(Deployment(metadata=metadata, template=deployment.pod, replicas=deployment.replicas), key[1])
        for (namespace, name), state in list(self.all.items()):
            if namespace == key[0] and state.workload.identity.owner == key[1] and name not in wanted:
                self.delete(namespace, name)
        stable = Backend(predictor_name(key[1], service.predictor.own_name), 100)
        self._backends[key] = rule_backends(key[1], service.canaries, ready, (stable,))

    def standard_rows(self, namespace: str, name: str) -> Shares | None:
        """Where requests to an InferenceService in Standard mode go; None: it isn't one."""
        if (namespace, name) not in self._standard:
            return None
        return [
            (row, float(backend.weight))
            for backend in self._backends[(namespace, name)]
            for row, _ in self.rows(namespace, backend.service)
        ]

    def delete_standard(self, namespace: str, name: str) -> bool:
        if self._standard.pop((namespace, name), None) is None:
            return False
        for (space, deployment), state in list(self.all.items()):
            if space == namespace and state.workload.identity.owner == name:
                self.delete(space, deployment)
        return True

    @property
    def settled(self) -> bool:
        return all(state.ready for state in self.all.values() if state.workload.pool.replicas)


NO_TIMEOUT_S = 1e9  # nothing in front of a plain pod ends a request


def _matches(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())
