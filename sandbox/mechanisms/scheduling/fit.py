"""Does a pod fit on a node, and which resources are short.

Comes in: the effective request of a pod (demand.py), what the node can allocate and what its pods request already;
goes out: every shortage. Called by placement.py for each node. A resource that the node does not name is 0 there: a
GPU pod does not fit on a node without GPUs.

Mirrors kubernetes/kubernetes (v1.34.2) pkg/scheduler/framework/plugins/noderesources/fit.go. Leaves out: devices
claimed by resource claims.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sandbox.mechanisms.scheduling.demand import HUGE_PAGES, Amounts

PODS = "pods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Short:
    """A resource that a node has too little of."""

    resource: str
    requested: int
    used: int
    capacity: int

    @property
    def unresolvable(self) -> bool:
        """Not even an empty node would do: preemption cannot help."""
        return self.requested > self.capacity

    @property
    def reason(self) -> str:
        """The scheduler's words.

        >>> Short(resource="nvidia.com/gpu", requested=1, used=4, capacity=4).reason
        'Insufficient nvidia.com/gpu'
        """
        return "Too many pods" if self.resource == PODS else f"Insufficient {self.resource}"


def shortages(
    request: Amounts,
    allocatable: Amounts,
    used: Amounts,
    pods: int,
    *,
    ignored: Collection[str] = (),
    ignored_groups: Collection[str] = (),
) -> list[Short]:
    """Why a pod does not fit; nothing: it fits. `pods`: how many are on the node already."""
    most = allocatable.get(PODS, 0)
    found = [Short(resource=PODS, requested=1, used=pods, capacity=most)] if pods + 1 > most else []
    for name, amount in request.items():
        capacity, taken = allocatable.get(name, 0), used.get(name, 0)
        if amount > 0 and amount > capacity - taken and not _is_ignored(name, ignored, ignored_groups):
            found.append(Short(resource=name, requested=amount, used=taken, capacity=capacity))
    return found


def _is_ignored(name: str, ignored: Collection[str], groups: Collection[str]) -> bool:
    return is_extended(name) and (name in ignored or name.partition("/")[0] in groups)


def is_extended(name: str) -> bool:
    """Whether a resource is an extended one: named by its vendor, counted in whole units.

    >>> is_extended("nvidia.com/gpu"), is_extended("memory"), is_extended("sub.kubernetes.io/thing")
    (True, False, False)
    """
    domain, slash, _ = name.partition("/")
    return bool(slash) and not name.startswith(HUGE_PAGES) and not f".{domain}".endswith(".kubernetes.io")


def grew(request: Amounts, before: Amounts, after: Amounts) -> bool:
    """Whether a node offers more of what a pod needs than it did: then a pod that did not fit is tried again."""
    more_pods = after.get(PODS, 0) > before.get(PODS, 0)
    return more_pods or any(amount > 0 and after.get(name, 0) > before.get(name, 0) for name, amount in request.items())


def worth_retrying(request: Amounts, before: Amounts | None, after: Amounts) -> bool:
    """Whether a change of a node (before None: a new node) can have made room for a pod that did not fit."""
    if shortages(request, after, {}, 0):
        return False
    return before is None or grew(request, before, after)
