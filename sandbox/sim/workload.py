"""A workload: pods of one kind with one row in the data plane, whoever runs them (a revision, a Deployment).

`Workloads` makes them: it turns a pod template and its profile into the data plane's numbers (limits, service
times, failures, cache) and keeps the pools' shared business: the journal numbers of pods, who waits for room on
a node, who waits for the object store.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sandbox.journal.schema import Role, Series
from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import Container, Node, PodTemplate
from sandbox.mechanisms.routing import balancing
from sandbox.mechanisms.scheduling.demand import amounts
from sandbox.mechanisms.scheduling.placement import may_fit_now
from sandbox.mechanisms.serving import work
from sandbox.profiles import Distribution, ModelProfile
from sandbox.sim import columns as c
from sandbox.sim.admission import admitted
from sandbox.sim.agenda import NS, Priority, to_ns
from sandbox.sim.context import Context
from sandbox.sim.namespaces import submitted
from sandbox.sim.pod import Phase, Pod, PoolSpec
from sandbox.sim.pods import Pool

MOST_ENTRIES = 4_000_000  # of one cache; about 70 bytes each are laid out when it is made


@dataclass(slots=True, kw_only=True)
class Identity:
    """What the journal calls a workload."""

    name: str  # revision or Deployment
    service: str  # Knative Service, InferenceService or Deployment
    component: str = ""  # predictor, transformer
    namespace: str = "default"
    owner: str = ""  # the InferenceService it belongs to


@dataclass(slots=True, kw_only=True)
class Limits:
    """What the platform puts around a container."""

    container_concurrency: int = 0
    timeout_s: float = 300.0
    queue_proxy: bool = True
    grace_s: float = 300.0
    sidecars: tuple[Container, ...] = ()


@dataclass(slots=True, eq=False)
class Workload:
    """Pods with one row in the data plane."""

    identity: Identity
    row: int
    pool: Pool
    entry_series: int
    inner_series: int
    model: int
    concurrency: float = 0.0  # mean requests inside over the last second
    inside: int = 0  # requests inside at its end, queued ones included
    waiting: int = 0  # requests queued at its end
    gauges: dict[int, float] = field(default_factory=dict)  # what its controller wants in the journal each second
    on_change: Callable[[], None] = field(default=lambda: None)


@lru_cache(maxsize=64)
def _table_ns(kind: str, params: tuple[tuple[str, float], ...]) -> npt.NDArray[np.float64]:
    """A service-time table; the variants of a scenario share most of them."""
    return np.array(work.service_cells(Distribution(kind, dict(params))), dtype=np.float64)


class Workloads:
    """All workloads of a run."""

    def __init__(self, context: Context, on_pod: Callable[[Workload, Pod, bool], None]) -> None:
        self.context = context
        self.all: list[Workload] = []
        self._on_pod = on_pod  # (workload, pod, here): a pod has come, or is leaving
        self._pods = 0
        self._tables: dict[tuple[str, tuple[tuple[str, float], ...]], int] = {}
        self._models: dict[str, int] = {}
        self._shared_caches: dict[tuple[str, str], int] = {}

    # ---- making one

    def make(
        self,
        identity: Identity,
        template: PodTemplate,
        limits: Limits,
        facts: Mapping[str, str],
        cache: CacheConfig | None = None,
    ) -> Workload:
        """A workload without pods. `facts` choose the profile and name the model."""
        plane = self.context.plane
        profile = self.context.profiles.of(facts)
        row = plane.new_rev()
        model = self._models.setdefault(facts.get("storageUri") or facts.get("image", ""), len(self._models))
        self._set_row(row, profile, limits, model, cache)
        containers = admitted(template, cache, service=identity.owner or identity.service, component=identity.component)
        series = [
            self.context.journal.series(
                Series(identity.name, role, identity.service, identity.component, identity.namespace)
            )
            for role in (Role.ENTRY, Role.INNER)
        ]
        spec = PoolSpec(
            name=identity.name,
            namespace=identity.namespace,
            about=f"{'revision' if limits.queue_proxy else 'deployment'}/{identity.name}",
            row=row,
            template=template,
            demand=submitted(template, (*containers, *limits.sidecars)),
            profile=profile,
            queue_proxy=limits.queue_proxy,
            grace_s=limits.grace_s,
            cache=None if cache is None else self._cache_maker(identity, cache),
            own_cache=cache is not None and cache.topology == "sidecar",
        )
        pool = Pool(self.context, spec, self._next_pod, lambda: None, self._room)
        workload = Workload(identity, row, pool, series[0], series[1], model)
        pool.on_change = lambda: workload.on_change()
        pool.on_pod = lambda pod, here: self._on_pod(workload, pod, here)
        pool.on_store = self._store_done
        self.all.append(workload)
        return workload

    def _set_row(self, row: int, profile: ModelProfile, limits: Limits, model: int, cache: CacheConfig | None) -> None:
        platform = self.context.profiles.platform
        revs = self.context.plane.state.revs
        revs[row, c.R_CC] = limits.container_concurrency
        revs[row, c.R_POLICY] = balancing.LEAST_REQUEST
        revs[row, c.R_WORKERS] = profile.workers
        revs[row, c.R_TIMEOUT] = to_ns(limits.timeout_s)
        revs[row, c.R_FAIL] = work.failure_threshold(profile.failure_rate)
        revs[row, c.R_HOP] = to_ns(platform.gateway_hop_s)
        revs[row, c.R_ACT_HOP] = to_ns(platform.activator_hop_s)
        revs[row, c.R_MODEL] = model
        revs[row, c.R_RESPONSE_BYTES] = profile.response_bytes
        table = self.table(profile.service_time)
        cache_table = self.table(profile.cache_time) if cache is not None and profile.cache_time else None
        revs = self.context.plane.state.revs
        revs[row, c.R_TABLE] = table
        if cache_table is not None:
            revs[row, c.R_HAS_CACHE] = 1
            revs[row, c.R_CACHE_TABLE] = cache_table
        if cache is not None:
            revs[row, c.R_KEY_HAS_MODEL] = int(cache.key_includes_version)

    def table(self, distribution: Distribution) -> int:
        """The quantile table of a distribution, in ns; like ones share a table."""
        key = (distribution.kind, tuple(sorted(distribution.params.items())))
        if key not in self._tables:
            self._tables[key] = self.context.plane.new_table(_table_ns(*key))
        return self._tables[key]

    def _cache_maker(self, identity: Identity, cache: CacheConfig) -> Callable[[], int]:
        entries, size = self._cache_bounds(cache)

        def new() -> int:
            return self.context.plane.new_cache(entries, size, to_ns(cache.ttl_s))

        if cache.topology == "sidecar":
            return new

        def shared() -> int:
            key = (identity.namespace, identity.owner or identity.service)
            if key not in self._shared_caches:
                self._shared_caches[key] = new()
            return self._shared_caches[key]

        return shared

    def _cache_bounds(self, cache: CacheConfig) -> tuple[int, int]:
        """Entries and bytes. Entries are laid out in advance, so an unlimited number becomes what the bytes allow."""
        book = self.context.profiles
        smallest = max(min(one.response_bytes for one in (book.default, *(rule for _, rule in book.rules))), 1)
        by_bytes = cache.max_bytes // smallest if cache.max_bytes else MOST_ENTRIES
        return min(cache.max_entries or MOST_ENTRIES, by_bytes, MOST_ENTRIES), cache.max_bytes or c.FOREVER

    # ---- what all pools share

    def _next_pod(self) -> int:
        self._pods += 1
        return self._pods

    def _room(self) -> None:
        for workload in self.all:
            for pod in list(workload.pool.pods):
                workload.pool.schedule(pod)

    def node_changed(self, before: Node | None, after: Node) -> None:
        """Pods that are pending are tried again where a new or changed node may have room for them."""
        for workload in self.all:
            template = workload.pool.spec.template
            for pod in list(workload.pool.pods):
                pending = pod.phase is Phase.PENDING and not pod.node
                if pending and may_fit_now(template, amounts(pod.requests), before, after):
                    workload.pool.schedule(pod)

    def _store_done(self) -> None:
        store = self.context.store
        for name in store.finished(self.context.agenda.now_s):
            any(workload.pool.downloaded(name) for workload in self.all)
        due_s = store.next_s()
        if due_s is not None:
            self.context.agenda.at(round(due_s * NS) + 1, Priority.PODS, self._store_done)
