"""The cluster's namespaces: what the API server does to a pod before it exists, and whose keys open which model.

A pod that is submitted gets the mesh's sidecar where its namespace has them, then the defaults of the LimitRanges;
then it must keep within their bounds and find room in every ResourceQuota that counts it. What is decided here is
decided by `mechanisms.tenancy`; this file keeps the objects and the books. Cluster applies the objects, pools ask
for each pod and tell when one is gone.

In a cluster the order is the same: LimitRanger and ResourceQuota run after the webhooks have had their turn
(kubernetes/kubernetes pkg/kubeapiserver/options/plugins.go, and reinvocation of LimitRanger after a webhook's change).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sandbox.manifests.objects import Container, PodTemplate, Resources, Secret
from sandbox.manifests.quantity import milli, whole
from sandbox.manifests.tenancy import LimitRange, Namespace, ResourceQuota, ServiceAccount
from sandbox.mechanisms.scheduling.demand import ContainerDemand, PodDemand, demand_of, requested, resources_of
from sandbox.mechanisms.tenancy import limit_range, model_access, quota
from sandbox.mechanisms.tenancy.authorization import has_sidecar

Key = tuple[str, str]  # (namespace, name)
Housekeeping: TypeAlias = Namespace | LimitRange | ResourceQuota | ServiceAccount | Secret

# Istio 1.27 manifests/charts/istio-control/istio-discovery/values.yaml: global.proxy.resources
MESH_SIDECAR = ContainerDemand(
    name="istio-proxy",
    requests={"cpu": 100, "memory": 128 << 20},
    limits={"cpu": 2000, "memory": 1 << 30},
    restart_always=True,
)
# Pod annotations that replace them, all four at once (files/injection-template.yaml).
_OWN_SIZES = {
    "sidecar.istio.io/proxyCPU": ("requests", "cpu", milli),
    "sidecar.istio.io/proxyMemory": ("requests", "memory", whole),
    "sidecar.istio.io/proxyCPULimit": ("limits", "cpu", milli),
    "sidecar.istio.io/proxyMemoryLimit": ("limits", "memory", whole),
}
# KServe 0.20 config map inferenceservice-config, storageInitializer
STORAGE_INITIALIZER = ContainerDemand(
    name="storage-initializer",
    requests={"cpu": 100, "memory": 100 << 20},
    limits={"cpu": 1000, "memory": 1 << 30},
)


def submitted(template: PodTemplate, containers: tuple[Container, ...]) -> PodDemand:
    """What a workload submits: its containers, and KServe's storage initializer where there is a model to load."""
    init = [demand_of(one) for one in template.init_containers]
    if template.storage_uri:
        init.append(STORAGE_INITIALIZER)
    return PodDemand(containers=tuple(demand_of(one) for one in containers), init_containers=tuple(init))


@dataclass(frozen=True, slots=True)
class Admitted:
    """A pod that may exist: what it requests, and the ticket to give back when it is gone."""

    requests: Resources
    ticket: int


@dataclass(slots=True)
class _Books:
    """One ResourceQuota and what is used of it."""

    spec: ResourceQuota
    used: dict[str, int] = field(default_factory=dict)


class Namespaces:
    """What is applied in which namespace, and who lives there."""

    def __init__(self) -> None:
        self.on_used: Callable[[ResourceQuota, Mapping[str, int]], None] = lambda spec, used: None
        self._labels: dict[str, Mapping[str, str]] = {}
        self._ranges: dict[Key, LimitRange] = {}
        self._quotas: dict[Key, _Books] = {}
        self._accounts: dict[Key, ServiceAccount] = {}
        self._secrets: dict[Key, Secret] = {}
        self._pods: dict[int, tuple[str, quota.Pod]] = {}  # by ticket: (namespace, pod)
        self._tickets = 0

    # ---- objects

    def apply(self, one: Housekeeping) -> None:
        """Create or update one of the objects that say how a namespace is kept."""
        key = (one.metadata.namespace, one.metadata.name)
        match one:
            case Namespace():
                self._labels[one.metadata.name] = one.metadata.labels
            case LimitRange():
                items = tuple(limit_range.completed(item) for item in one.items)
                self._ranges[key] = replace(one, items=items)
            case ResourceQuota():
                self._quotas[key] = _Books(one)
                self._count(self._quotas[key])
            case ServiceAccount():
                self._accounts[key] = one
            case Secret():
                self._secrets[key] = one

    def delete(self, one: Housekeeping) -> None:
        key = (one.metadata.namespace, one.metadata.name)
        match one:
            case Namespace():
                self._labels.pop(one.metadata.name, None)
            case LimitRange():
                self._ranges.pop(key, None)
            case ResourceQuota():
                self._quotas.pop(key, None)
            case ServiceAccount():
                self._accounts.pop(key, None)
            case Secret():
                self._secrets.pop(key, None)

    # ---- the mesh

    def has_sidecar(self, namespace: str, labels: Mapping[str, str]) -> bool:
        """Whether a pod with these labels gets the mesh's sidecar."""
        return has_sidecar(self._labels.get(namespace, {}), labels)

    # ---- pods

    def admit(self, namespace: str, name: str, template: PodTemplate, demand: PodDemand) -> Admitted | str:
        """Let a pod in, or the API server's words for why not."""
        if self.has_sidecar(namespace, template.labels):
            demand = replace(demand, init_containers=(*demand.init_containers, _mesh_sidecar(template.annotations)))
        items = [item for key, one in self._ranges.items() if key[0] == namespace for item in one.items]
        demand = limit_range.with_defaults(demand, items)
        broken = limit_range.violations(demand, items)
        if broken:
            return limit_range.message(name, broken)
        pod = quota.Pod(demand=demand)
        books = {key[1]: one for key, one in self._quotas.items() if key[0] == namespace}
        outcome = quota.admit(name, pod, [_quota(one) for one in books.values()])
        if isinstance(outcome, quota.Refused):
            return outcome.message
        self._tickets += 1
        self._pods[self._tickets] = (namespace, pod)
        for quota_name, used in outcome.items():
            self._use(books[quota_name], used)
        return Admitted(resources_of(requested(demand)), self._tickets)

    def release(self, ticket: int) -> None:
        """A pod is gone, and its charge with it."""
        namespace, _ = self._pods.pop(ticket)
        for key, books in self._quotas.items():
            if key[0] == namespace:
                self._count(books)

    def _count(self, books: _Books) -> None:
        """Count again what all pods of the namespace use."""
        namespace = books.spec.metadata.namespace
        here = [pod for where, pod in self._pods.values() if where == namespace]
        charged = quota.used_by(here, books.spec.scopes)
        self._use(books, {name: charged.get(name, 0) for name in books.spec.hard})

    def _use(self, books: _Books, used: dict[str, int]) -> None:
        if used != books.used:
            books.used = used
            self.on_used(books.spec, used)

    # ---- models

    def may_download(self, namespace: str, service_account: str, uri: str) -> bool:
        """Whether the store's keys of a service account open a model."""
        account = self._accounts.get((namespace, service_account))
        names = account.secrets if account is not None else ()
        own = [self._secrets[namespace, name] for name in names if (namespace, name) in self._secrets]
        return model_access.may_download(uri, own, self._secrets.values())


def _quota(books: _Books) -> quota.Quota:
    spec = books.spec
    return quota.Quota(name=spec.metadata.name, hard=spec.hard, used=books.used, scopes=spec.scopes)


def _mesh_sidecar(annotations: Mapping[str, str]) -> ContainerDemand:
    sizes: dict[str, dict[str, int]] = {"requests": {}, "limits": {}}
    for key, (side, resource, parse) in _OWN_SIZES.items():
        if key in annotations:
            sizes[side][resource] = parse(annotations[key])
    if not any(sizes.values()):
        return MESH_SIDECAR
    return replace(MESH_SIDECAR, requests=sizes["requests"], limits=sizes["limits"])
