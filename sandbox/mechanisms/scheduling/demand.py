"""What a pod asks for, resource by resource: what the scheduler places it by and what a quota charges for it.

Comes in: the containers of a pod with their requests and limits; goes out: amounts by resource name (cpu in
millicores, memory in bytes, everything else in whole units). Called by the fit (fit.py), by quotas and limit ranges
(tenancy/), and by the simulated world when it admits a pod.

Mirrors kubernetes/kubernetes (v1.34.2) staging/src/k8s.io/component-helpers/resource/helpers.go: containers add up,
init containers run one after the other so that only the largest counts, a sidecar (an init container that restarts
always) is added to the containers and to every init container after it. Resources of the pod as a whole replace cpu,
memory and huge pages. Leaves out: resource claims, resizing in place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sandbox.manifests.objects import Container, Resources

Amounts = Mapping[str, int]
HUGE_PAGES = "hugepages-"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerDemand:
    """Requests and limits of one container; a resource that is not set is not in the mapping."""

    name: str = ""
    requests: Amounts = field(default_factory=dict)
    limits: Amounts = field(default_factory=dict)
    restart_always: bool = False  # an init container that stays: a sidecar


@dataclass(frozen=True, slots=True, kw_only=True)
class PodDemand:
    """All containers of one pod. `pod_level`: spec.resources of the pod; `overhead`: its runtime class's."""

    containers: tuple[ContainerDemand, ...] = ()
    init_containers: tuple[ContainerDemand, ...] = ()
    pod_level: ContainerDemand | None = None
    overhead: Amounts = field(default_factory=dict)

    @property
    def all_containers(self) -> tuple[ContainerDemand, ...]:
        return (*self.init_containers, *self.containers)


def demand_of(container: Container) -> ContainerDemand:
    """A container of a manifest; there an amount of 0 means that nothing is set."""
    return ContainerDemand(name=container.name, requests=amounts(container.requests), limits=amounts(container.limits))


def amounts(resources: Resources) -> dict[str, int]:
    """By name, without what is 0.

    >>> amounts(Resources(cpu_milli=500, extended={"nvidia.com/gpu": 1}))
    {'cpu': 500, 'nvidia.com/gpu': 1}
    """
    named = {"cpu": resources.cpu_milli, "memory": resources.memory_bytes, **resources.extended}
    return {name: amount for name, amount in named.items() if amount}


def resources_of(given: Amounts) -> Resources:
    """The other way round: what is neither cpu nor memory is an extended resource."""
    extended = {name: amount for name, amount in given.items() if name not in ("cpu", "memory")}
    return Resources(cpu_milli=given.get("cpu", 0), memory_bytes=given.get("memory", 0), extended=extended)


def added(one: Amounts, other: Amounts) -> dict[str, int]:
    """The sum, resource by resource.

    >>> added({"cpu": 1}, {"cpu": 2, "memory": 3})
    {'cpu': 3, 'memory': 3}
    """
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *(set(other) - set(one)))}


def requested(pod: PodDemand) -> dict[str, int]:
    """The effective request of a pod.

    >>> model, proxy = ContainerDemand(requests={"cpu": 1000}), ContainerDemand(requests={"cpu": 25})
    >>> requested(PodDemand(containers=(model, proxy)))
    {'cpu': 1025}
    """
    asked = _total([one.requests for one in pod.containers], _steps(pod, "requests"))
    if pod.pod_level is not None:
        asked |= _whole(pod.pod_level.requests)
    return added(asked, pod.overhead)


def limited(pod: PodDemand) -> dict[str, int]:
    """The effective limit. A container without one adds nothing: it does not make the pod unlimited."""
    capped = _total([one.limits for one in pod.containers], _steps(pod, "limits"))
    if pod.pod_level is not None:
        capped |= _whole(pod.pod_level.limits)
    return {name: amount + pod.overhead.get(name, 0) for name, amount in capped.items()}


def _whole(given: Amounts) -> dict[str, int]:
    """What a pod may ask for as a whole."""
    return {name: amount for name, amount in given.items() if name in ("cpu", "memory") or name.startswith(HUGE_PAGES)}


def _steps(pod: PodDemand, side: str) -> list[tuple[Amounts, bool]]:
    """What each init container asks for, in order, and whether it stays."""
    return [(getattr(one, side), one.restart_always) for one in pod.init_containers]


def _total(containers: list[Amounts], steps: list[tuple[Amounts, bool]]) -> dict[str, int]:
    running: dict[str, int] = {}
    for one in containers:
        running = added(running, one)
    staying: dict[str, int] = {}
    largest: dict[str, int] = {}
    for step, stays in steps:
        held = added(staying, step)
        largest = {name: max(largest.get(name, 0), held.get(name, 0)) for name in {**largest, **held}}
        if stays:
            staying = held
    running = added(running, staying)
    return {name: max(running.get(name, 0), largest.get(name, 0)) for name in {**running, **largest}}
