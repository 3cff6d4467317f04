"""ResourceQuota: what a pod is charged, and whether its namespace has that much left.

Comes in: a pod's demand (scheduling/demand.py) and the quotas of its namespace with what is used; goes out: the new
use, or why the API server refuses the pod. Called by the simulated world when it creates a pod. A quota on cpu or
memory has a second edge: under it every container must say what it takes, the platform's own containers too.

Mirrors kubernetes/kubernetes (v1.34.2) pkg/quota/v1/evaluator/core/pods.go and staging/src/k8s.io/apiserver/pkg/
admission/plugin/resourcequota/controller.go. Leaves out: objects other than pods, updates, storage classes, scopes on
pod affinity between namespaces.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sandbox.mechanisms.scheduling.demand import HUGE_PAGES, Amounts, ContainerDemand, PodDemand, limited, requested
from sandbox.mechanisms.scheduling.fit import is_extended

COUNT = "count/pods"
_WITH_LIMITS = ("cpu", "memory", "ephemeral-storage")  # resources whose limits can be counted
_EVER_REQUIRED = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """A pod as quotas see it."""

    demand: PodDemand
    priority_class: str = ""
    active_deadline: bool = False  # spec.activeDeadlineSeconds is set: the pod is meant to end
    finished: bool = False  # phase Succeeded or Failed
    overdue: bool = False  # being deleted for longer than its grace period


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One ResourceQuota and what is used of it."""

    name: str
    hard: Amounts
    used: Amounts = field(default_factory=dict)
    scopes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """Why a pod is refused. `error`: must_specify, exceeded or no_covering_quota; `message`: the API server's words."""

    error: str
    resources: tuple[str, ...]
    message: str


# -- what a pod is charged -----------------------------------------------------------------------------------


def charge(pod: Pod) -> dict[str, int]:
    """What a pod is charged, under every name that a quota may count it by.

    >>> charge(Pod(demand=PodDemand(containers=(ContainerDemand(requests={"cpu": 100}, limits={"cpu": 200}),))))
    {'count/pods': 1, 'pods': 1, 'cpu': 100, 'requests.cpu': 100, 'limits.cpu': 200}
    """
    charged = {COUNT: 1}
    if pod.finished or pod.overdue:
        return charged
    charged["pods"] = 1
    for name, amount in requested(pod.demand).items():
        if name in _WITH_LIMITS or name.startswith(HUGE_PAGES):
            charged[name] = amount
        if name in _WITH_LIMITS or name.startswith(HUGE_PAGES) or is_extended(name):
            charged[f"requests.{name}"] = amount
    for name, amount in limited(pod.demand).items():
        if name in _WITH_LIMITS:
            charged[f"limits.{name}"] = amount
    return charged


def used_by(pods: Iterable[Pod], scopes: Iterable[str] = ()) -> dict[str, int]:
    """What all pods of a namespace together use of a quota with these scopes."""
    wanted = tuple(scopes)
    used: dict[str, int] = {}
    for pod in pods:
        if in_scope(pod, wanted):
            for name, amount in charge(pod).items():
                used[name] = used.get(name, 0) + amount
    return used


# -- which pods a quota counts -------------------------------------------------------------------------------


def in_scope(pod: Pod, scopes: Iterable[str]) -> bool:
    """Whether a pod matches all scopes of a quota."""
    return all(_matches(pod, scope) for scope in scopes)


def _matches(pod: Pod, scope: str) -> bool:
    kind, _, selected = scope.partition(" ")
    match kind:
        case "Terminating":
            return pod.active_deadline
        case "NotTerminating":
            return not pod.active_deadline
        case "BestEffort":
            return _best_effort(pod.demand)
        case "NotBestEffort":
            return not _best_effort(pod.demand)
        case "PriorityClass":
            return _has_class(pod, selected)
        case _:
            return False


def _has_class(pod: Pod, selected: str) -> bool:
    """selected: "in [a,b]", "not in [a,b]", or nothing: any class."""
    if not selected:
        return bool(pod.priority_class)
    operator, _, listed = selected.partition(" [")
    names = [name for name in listed.rstrip("]").split(",") if name]
    if not names:  # DoesNotExist
        return not pod.priority_class
    return (pod.priority_class in names) is (operator == "in")


def _best_effort(demand: PodDemand) -> bool:
    """No container asks for any cpu or memory."""
    sets = [side for one in demand.all_containers for side in (one.requests, one.limits)]
    return not any(side.get(name) for side in sets for name in ("cpu", "memory"))


# -- whether there is enough ---------------------------------------------------------------------------------


def missing(demand: PodDemand, required: Collection[str]) -> dict[str, list[str]]:
    """Containers that do not say what they take, by resource: a quota that counts it cannot count them."""
    if demand.pod_level is not None:
        return {}
    found: dict[str, list[str]] = {}
    for resource in sorted(set(required) & set(_EVER_REQUIRED)):
        names = sorted(one.name for one in demand.all_containers if not _specifies(one, resource))
        if names:
            found[resource] = names
    return found


def _specifies(container: ContainerDemand, resource: str) -> bool:
    if resource.startswith("limits."):
        return resource.removeprefix("limits.") in container.limits
    return resource.removeprefix("requests.") in container.requests


def admit(
    pod_name: str, pod: Pod, quotas: Sequence[Quota], limited_resources: Collection[str] = ()
) -> dict[str, dict[str, int]] | Refused:
    """What every quota that counts the pod has used after it, or why the pod is refused.

    limited_resources: what may only be used under a quota that counts it (the admission plugin's configuration).
    """
    counting = [one for one in quotas if in_scope(pod, one.scopes)]
    for one in counting:
        unspecified = missing(pod.demand, one.hard)
        if unspecified:
            listed = "; ".join(f"{resource} for: {','.join(names)}" for resource, names in unspecified.items())
            return _refused(pod_name, "must_specify", unspecified, f"failed quota: {one.name}: must specify {listed}")
    charged = charge(pod)
    uncovered = _uncovered(charged, counting, limited_resources)
    if uncovered:
        return _refused(
            pod_name, "no_covering_quota", uncovered, f"insufficient quota to consume: {','.join(uncovered)}"
        )
    after: dict[str, dict[str, int]] = {}
    for one in counting:
        over = _over(one, charged)
        if over:
            return _refused(pod_name, "exceeded", over, _exceeded(one, charged, over))
        after[one.name] = {name: one.used.get(name, 0) + charged.get(name, 0) for name in one.hard}
    return after


def _refused(pod: str, error: str, resources: Iterable[str], why: str) -> Refused:
    return Refused(error=error, resources=tuple(resources), message=f'pods "{pod}" is forbidden: {why}')


def _uncovered(charged: Amounts, quotas: Sequence[Quota], limited_resources: Collection[str]) -> list[str]:
    covered = {name for one in quotas for name in one.hard}
    wanted = {name for name in charged for part in limited_resources if part in name}
    return sorted(wanted - covered)


def _over(quota: Quota, charged: Amounts) -> list[str]:
    return sorted(
        name
        for name, hard in quota.hard.items()
        if charged.get(name) and quota.used.get(name, 0) + charged[name] > hard
    )


def _exceeded(quota: Quota, charged: Amounts, over: Sequence[str]) -> str:
    def listed(given: Amounts) -> str:
        return ",".join(f"{name}={written(name, given.get(name, 0))}" for name in over)

    return (
        f"exceeded quota: {quota.name}, requested: {listed(charged)}, used: {listed(quota.used)}, "
        f"limited: {listed(quota.hard)}"
    )


def written(resource: str, amount: int) -> str:
    """An amount as Kubernetes writes it.

    >>> written("requests.cpu", 1025), written("requests.cpu", 4000), written("limits.memory", 3 << 30)
    ('1025m', '4', '3Gi')
    """
    if resource.rpartition(".")[2] == "cpu":
        return f"{amount}m" if amount % 1000 else str(amount // 1000)
    if resource.rpartition(".")[2] in ("memory", "ephemeral-storage") and amount:
        for suffix, power in _BINARY.items():
            if amount % (1 << power) == 0:
                return f"{amount >> power}{suffix}"
    return str(amount)


_BINARY: Mapping[str, int] = {"Gi": 30, "Mi": 20, "Ki": 10}
