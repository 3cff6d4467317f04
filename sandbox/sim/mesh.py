"""The mesh's access control: who may call which workload, as bits that the data plane reads for each request.

A caller is a service account; each gets a number. For each workload two rows of bits say which callers its pods'
sidecars deny, and which ones the activator's sidecar denies on the way to it. They are worked out again whenever a
policy, a namespace or a workload comes or changes; what is decided, `mechanisms.tenancy.authorization` decides.

Without any AuthorizationPolicy all bits are 0 and the data plane looks no further. A policy holds only where there is
a sidecar to enforce it: in namespaces (and on pods) that the mesh injects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sandbox.errors import UsageError
from sandbox.manifests.tenancy import AuthorizationPolicy
from sandbox.mechanisms.injection import COMPONENT_LABEL, SERVICE_LABEL
from sandbox.mechanisms.tenancy.authorization import (
    ACTIVATOR,
    GATEWAY,
    UNKNOWN,
    Call,
    Identity,
    allowed,
    policies_for,
    seen_as,
)
from sandbox.sim import columns as c
from sandbox.sim.context import Context
from sandbox.sim.workload import Workload

MOST_CALLERS = 62  # bits of an int64 that stay clear of its sign
_ACTIVATOR_LABELS = {"app": "activator"}


class Mesh:
    """All policies and callers of the cluster. `path(workload)`: what a request to it asks for."""

    def __init__(
        self, context: Context, workloads: Callable[[], Sequence[Workload]], path: Callable[[Workload], str]
    ) -> None:
        self.context = context
        self._workloads = workloads
        self._path = path
        self._policies: dict[tuple[str, str], AuthorizationPolicy] = {}
        self._callers: list[Identity] = [GATEWAY, ACTIVATOR]  # the kernel knows them by these numbers

    # ---- objects

    def apply(self, policy: AuthorizationPolicy) -> None:
        self._policies[policy.metadata.namespace, policy.metadata.name] = policy
        self.refresh()

    def delete(self, policy: AuthorizationPolicy) -> None:
        self._policies.pop((policy.metadata.namespace, policy.metadata.name), None)
        self.refresh()

    # ---- callers

    def source(self, text: str) -> int:
        """The number of a flow's source: "namespace/service-account", or "" for outside."""
        if not text:
            return c.FROM_GATEWAY
        known = len(self._callers)
        number = self._number(Identity(*text.split("/")))
        if len(self._callers) > known:
            self.refresh()
        return number

    def _number(self, caller: Identity) -> int:
        if caller not in self._callers:
            if len(self._callers) == MOST_CALLERS:
                raise UsageError(
                    "there are too many different callers",
                    value=caller.principal,
                    rule=f"at most {MOST_CALLERS} service accounts call something under AuthorizationPolicies",
                )
            self._callers.append(caller)
        return self._callers.index(caller)

    # ---- bits

    def refresh(self) -> None:
        """Work out all bits again; whoever calls must have a number first."""
        workloads = self._workloads()
        for workload in workloads if self._policies else ():
            account = workload.pool.spec.template.service_account
            caller = self._number(Identity(workload.identity.namespace, account))
            self.context.plane.state.revs[workload.row, c.R_CALLER] = caller
        for workload in workloads:
            self._guard(workload)

    def _guard(self, workload: Workload) -> None:
        namespace, row = workload.identity.namespace, workload.row
        revs = self.context.plane.state.revs
        revs[row, c.R_DENIED] = self._bits(workload, namespace, self._labels(workload))
        revs[row, c.R_DENIED_AT_ACTIVATOR] = self._bits(workload, ACTIVATOR.namespace, _ACTIVATOR_LABELS)

    def _bits(self, workload: Workload, namespace: str, labels: Mapping[str, str]) -> int:
        """Which callers a sidecar on the way to a workload denies."""
        policies = policies_for(self._policies.values(), namespace, labels)
        if not policies or not self.context.namespaces.has_sidecar(namespace, labels):
            return 0
        identity = workload.identity
        name = f"{identity.service}-{identity.component}" if identity.component else identity.service
        host = f"{name}.{identity.namespace}.svc.cluster.local"
        return sum(
            1 << number
            for number, caller in enumerate(self._callers)
            if not allowed(Call(source=self._seen(caller), host=host, path=self._path(workload)), policies)
        )

    def _seen(self, caller: Identity) -> Identity:
        """Whom a sidecar takes a caller for. The activator stands behind the gateways, in plain text if it must."""
        sidecar = caller is GATEWAY or self.context.namespaces.has_sidecar(caller.namespace, {})
        if caller is ACTIVATOR:
            return caller if sidecar else UNKNOWN
        return seen_as(caller, sidecar=sidecar)

    @staticmethod
    def _labels(workload: Workload) -> Mapping[str, str]:
        """Labels of the pods that policies select by: their own, and those of KServe and Knative."""
        identity = workload.identity
        given = {"app": identity.name, **workload.pool.spec.template.labels}
        if identity.owner:
            given |= {SERVICE_LABEL: identity.owner, COMPONENT_LABEL: identity.component}
        return given
