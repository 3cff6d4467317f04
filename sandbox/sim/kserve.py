"""KServe's controller in Knative mode: an InferenceService becomes one Knative Service per component.

Canary shares come from the component's book-keeping (`mechanisms.rollout.kserve`, `.kserve_status`): whenever a
Knative Service reports a new status the component's status follows, and if that changes what the traffic block
should say, the block is written again. Standard mode is in standard.py.

Mirrors kserve/kserve pkg/controller/v1beta1/inferenceservice.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.journal.schema import RecordKind
from sandbox.manifests.objects import Component, InferenceService
from sandbox.mechanisms.rollout.kserve import knative_service, reconcile_service
from sandbox.mechanisms.rollout.kserve_status import ComponentStatus, KnativeServiceStatus, propagate
from sandbox.sim.context import Context
from sandbox.sim.knative import Knative, ServiceState


@dataclass(slots=True, eq=False)
class InferenceServiceState:
    spec: InferenceService
    statuses: dict[str, ComponentStatus] = field(default_factory=dict)  # by component

    def components(self) -> list[Component]:
        parts = [self.spec.predictor]
        return [*parts, self.spec.transformer] if self.spec.transformer is not None else parts

    def service_name(self, component: str) -> str:
        return f"{self.spec.metadata.name}-{component}"


class KServe:
    """All InferenceServices of the cluster."""

    def __init__(self, context: Context, knative: Knative) -> None:
        self.context = context
        self.knative = knative
        self.services: dict[tuple[str, str], InferenceServiceState] = {}
        knative.on_status = self._status_changed

    def apply(self, spec: InferenceService) -> None:
        """Create or update an InferenceService."""
        key = (spec.metadata.namespace, spec.metadata.name)
        state = self.services.get(key)
        if state is None:
            state = self.services[key] = InferenceServiceState(spec)
        had_transformer = state.spec.transformer is not None
        state.spec = spec
        if had_transformer and spec.transformer is None:
            self.knative.delete(key[0], state.service_name("transformer"))
            state.statuses.pop("transformer", None)
        for component in state.components():
            self._write(state, component)

    def delete(self, namespace: str, name: str) -> None:
        state = self.services.pop((namespace, name), None)
        if state is not None:
            for component in state.components():
                self.knative.delete(namespace, state.service_name(component.name))

    def _write(self, state: InferenceServiceState, component: Component) -> None:
        metadata = state.spec.metadata
        name = state.service_name(component.name)
        desired = knative_service(
            name,
            component,
            metadata.annotations,
            state.statuses.get(component.name, ComponentStatus()),
            namespace=metadata.namespace,
            labels=metadata.labels,
            allow_zero_initial_scale=self.context.autoscaler.allow_zero_initial_scale,
        )
        existing = self.knative.services.get((metadata.namespace, name))
        before = existing.spec if existing is not None and not existing.deleted else None
        wanted = reconcile_service(before, desired)
        if wanted is None:
            self.knative.delete(metadata.namespace, name)
        elif wanted != before:
            self.knative.apply(wanted, component.name, metadata.name)

    def _status_changed(self, service: ServiceState, status: KnativeServiceStatus) -> None:
        state = self.services.get((service.spec.metadata.namespace, service.owner))
        if state is None or not service.owner:
            return
        before = state.statuses.get(service.component, ComponentStatus())
        after = propagate(before, status)
        if after == before:
            return
        state.statuses[service.component] = after
        self.context.record(
            RecordKind.OBJECT,
            object=f"isvc/{service.owner}",
            event="status",
            component=service.component,
            latestRolledoutRevision=after.rolled,
            previousRolledoutRevision=after.previous,
            latestReadyRevision=after.ready,
            latestCreatedRevision=after.created,
            traffic=[[one.revision_name, one.percent] for one in after.traffic],
        )
        component = next((one for one in state.components() if one.name == service.component), None)
        if component is not None:
            self._write(state, component)

    def entry(self, namespace: str, name: str) -> str | None:
        """The Knative Service that answers for an InferenceService: its transformer's, else its predictor's."""
        state = self.services.get((namespace, name))
        if state is None:
            return None
        return state.service_name("transformer" if state.spec.transformer is not None else "predictor")
