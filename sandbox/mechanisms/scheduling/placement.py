"""Where a pod goes: the nodes that pass all filters, the best of them, or why there is none.

Comes in: what a pod asks for and the nodes with what is requested on them; goes out: the node's name, or the message
of the FailedScheduling event. Called by sandbox/sim/nodes.py. A node is turned down by the first filter that it
fails, in the scheduler's order: cordoned, taints, affinity and selector, resources.

Mirrors kubernetes/kubernetes (v1.34.2) pkg/scheduler/schedule_one.go and framework/types.go (FitError). Among the
nodes that fit, the one with the most free CPU (then memory, then name) is taken, which is what the default scores
amount to for like pods. Leaves out: the scores themselves, topology spread, pod affinity, ports, volumes, preemption
(and the part of the message that speaks of it).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sandbox.manifests.objects import Node, PodTemplate
from sandbox.mechanisms.scheduling import affinity, fit, taints
from sandbox.mechanisms.scheduling.demand import Amounts, amounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """A node and what the pods on it request."""

    node: Node
    used: Amounts
    pods: int


def allocatable(node: Node) -> dict[str, int]:
    """What a node has for pods, the number of pods included."""
    return {**amounts(node.allocatable), fit.PODS: node.max_pods}


def turned_down(room: Room, pod: PodTemplate, request: Amounts) -> list[str]:
    """Why a pod cannot run on a node, in the scheduler's words; nothing: it can."""
    unwanted = _unwanted(room.node, pod)
    if unwanted:
        return [unwanted]
    return [one.reason for one in fit.shortages(request, allocatable(room.node), room.used, room.pods)]


def _unwanted(node: Node, pod: PodTemplate) -> str:
    """Why node and pod are not for each other, however empty the node may be."""
    if node.unschedulable and taints.kept_away([taints.CORDONED], pod.tolerations):
        return taints.CORDONED_REASON
    if taints.kept_away(node.taints, pod.tolerations):
        return taints.REASON
    if not affinity.wants(node.metadata.name, node.metadata.labels, pod.node_selector, pod.node_terms):
        return affinity.REASON
    return ""


def place(rooms: Sequence[Room], pod: PodTemplate, request: Amounts) -> tuple[str | None, str]:
    """(node, "") or (None, the scheduler's message)."""
    why = [turned_down(room, pod, request) for room in rooms]
    fitting = [room for room, reasons in zip(rooms, why, strict=True) if not reasons]
    if not fitting:
        return None, message(why)
    return max(fitting, key=_free).node.metadata.name, ""


def message(why: Sequence[Iterable[str]]) -> str:
    """What is wrong with each node, summed up.

    >>> message([["Insufficient nvidia.com/gpu"], ["node(s) had untolerated taint(s)"]])
    '0/2 nodes are available: 1 Insufficient nvidia.com/gpu, 1 node(s) had untolerated taint(s).'
    """
    counted = Counter(reason for reasons in why for reason in reasons)
    listed = ", ".join(sorted(f"{count} {reason}" for reason, count in counted.items()))
    return f"0/{len(why)} nodes are available: {listed}."


def may_fit_now(pod: PodTemplate, request: Amounts, before: Node | None, after: Node) -> bool:
    """Whether a new or changed node is worth another look for a pod that is pending."""
    if _unwanted(after, pod):
        return False
    had = None if before is None or _unwanted(before, pod) else allocatable(before)
    return fit.worth_retrying(request, had, allocatable(after))


def _free(room: Room) -> tuple[int, int, str]:
    has = room.node.allocatable
    free_cpu = has.cpu_milli - room.used.get("cpu", 0)
    return (free_cpu, has.memory_bytes - room.used.get("memory", 0), room.node.metadata.name)
