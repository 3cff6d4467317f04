"""LimitRange: what containers get that say nothing, and which pods are too small, too large or too unequal.

Comes in: the items of a LimitRange and a pod's demand; goes out: the demand with defaults filled in, or what is wrong
with it. Called by the simulated world before a pod meets its quotas: with defaults, the platform's own containers
pass a quota that asks every container for a number.

Mirrors kubernetes/kubernetes (v1.34.2) plugin/pkg/admission/limitranger/admission.go; `completed` mirrors
pkg/apis/core/v1/defaults.go (SetDefaults_LimitRangeItem). Leaves out: persistent volume claims.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from sandbox.manifests.tenancy import LimitRangeItem
from sandbox.mechanisms.scheduling.demand import ContainerDemand, PodDemand, limited, requested


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One broken rule. `where`: "pod" or a container's place ("container 0"); `rule`: min, max or ratio."""

    where: str
    rule: str
    resource: str
    problem: str


def completed(item: LimitRangeItem) -> LimitRangeItem:
    """An item as the API server keeps it: default from max, default request from default, then from min.

    >>> completed(LimitRangeItem(type="Container", max={"cpu": 2000})).default_request
    {'cpu': 2000}
    """
    if item.type != "Container":
        return item
    default = {**item.max, **item.default}
    return replace(item, default=default, default_request={**item.min, **default, **item.default_request})


def with_defaults(pod: PodDemand, items: Iterable[LimitRangeItem]) -> PodDemand:
    """The pod with every missing request and limit filled in, init containers too."""
    for item in items:
        if item.type == "Container":
            pod = replace(
                pod,
                containers=tuple(_filled(one, item) for one in pod.containers),
                init_containers=tuple(_filled(one, item) for one in pod.init_containers),
            )
    return pod


def _filled(container: ContainerDemand, item: LimitRangeItem) -> ContainerDemand:
    return replace(
        container,
        requests={**item.default_request, **container.requests},
        limits={**item.default, **container.limits},
    )


def violations(pod: PodDemand, items: Iterable[LimitRangeItem], *, creating: bool = True) -> list[Violation]:
    """Everything that is wrong with a pod, in the order of the items. Only pods that are created are checked."""
    found: list[Violation] = []
    for item in items if creating else ():
        for where, demand in _measured(pod, item.type):
            found += _violations(where, demand, item)
    return found


def message(pod_name: str, found: Iterable[Violation]) -> str:
    """Why the API server refuses the pod.

    >>> message("p", [Violation(where="container 0", rule="max", resource="cpu", problem="limit too large")])
    'pods "p" is forbidden: maximum cpu usage per Container: limit too large (container 0)'
    """
    return f'pods "{pod_name}" is forbidden: ' + ", ".join(
        f"{_WORDS[one.rule]} {one.resource} usage per {'Pod' if one.where == 'pod' else 'Container'}: "
        f"{one.problem} ({one.where})"
        for one in found
    )


_WORDS = {"min": "minimum", "max": "maximum", "ratio": "limit to request ratio of"}


def _measured(pod: PodDemand, kind: str) -> Iterator[tuple[str, ContainerDemand]]:
    """What an item of a type looks at."""
    if kind == "Container":
        for i, one in enumerate(pod.containers):
            yield f"container {i}", one
        for i, one in enumerate(pod.init_containers):
            yield f"init container {i}", one
    elif kind == "Pod":
        yield "pod", ContainerDemand(requests=requested(pod), limits=limited(pod))


def _violations(where: str, demand: ContainerDemand, item: LimitRangeItem) -> list[Violation]:
    found = [(("min", name), _too_small(demand, name, least)) for name, least in item.min.items()]
    found += [(("max", name), _too_large(demand, name, most)) for name, most in item.max.items()]
    found += [
        (("ratio", name), _too_unequal(demand, name, most)) for name, most in item.max_limit_request_ratio.items()
    ]
    return [
        Violation(where=where, rule=rule, resource=resource, problem=problem)
        for (rule, resource), problem in found
        if problem
    ]


def _too_small(demand: ContainerDemand, resource: str, least: int) -> str:
    request, limit = demand.requests.get(resource), demand.limits.get(resource)
    if request is None:
        return "request missing"
    if request < least:
        return "request too small"
    return "limit too small" if limit is not None and limit < least else ""


def _too_large(demand: ContainerDemand, resource: str, most: int) -> str:
    request, limit = demand.requests.get(resource), demand.limits.get(resource)
    if limit is None:
        return "limit missing"
    if limit > most:
        return "limit too large"
    return "request too large" if request is not None and request > most else ""


def _too_unequal(demand: ContainerDemand, resource: str, most: Fraction) -> str:
    request, limit = demand.requests.get(resource), demand.limits.get(resource)
    if not request:
        return "request missing"
    if not limit:
        return "limit missing"
    return "ratio too large" if Fraction(limit, request) > most else ""
