"""The cluster's nodes: which of them a pod fits on, and what is requested there.

A simple fit: selector, taints and the sum of requests; among the nodes that fit, the one with the most free CPU
(then memory, then name) is taken, which is what the scheduler's default scores amount to for like pods. Without
any Node object the capacity is unlimited. Scoring and preemption belong to later work.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.manifests.objects import Node, PodTemplate, Resources, Taint

UNLIMITED = "unlimited"
_EFFECTS_THAT_KEEP_OUT = ("NoSchedule", "NoExecute")


def total(parts: Iterable[Resources]) -> Resources:
    """The sum of several requests."""
    cpu = memory = 0
    extended: Counter[str] = Counter()
    for part in parts:
        cpu += part.cpu_milli
        memory += part.memory_bytes
        extended.update(part.extended)
    return Resources(cpu_milli=cpu, memory_bytes=memory, extended=dict(extended))


def gpus(resources: Resources) -> int:
    """How many GPUs of any make: extended resources that are named so."""
    return sum(count for name, count in resources.extended.items() if "gpu" in name.lower())


@dataclass(slots=True)
class _Room:
    node: Node
    cpu_milli: int = 0
    memory_bytes: int = 0
    extended: Counter[str] = field(default_factory=Counter)
    pods: int = 0

    def lacks(self, asked: Resources) -> list[str]:
        has = self.node.allocatable
        short = []
        if asked.cpu_milli and self.cpu_milli + asked.cpu_milli > has.cpu_milli:
            short.append("Insufficient cpu")
        if asked.memory_bytes and self.memory_bytes + asked.memory_bytes > has.memory_bytes:
            short.append("Insufficient memory")
        short += [
            f"Insufficient {name}"
            for name, count in sorted(asked.extended.items())
            if count and self.extended[name] + count > has.extended.get(name, 0)
        ]
        return short

    def change(self, asked: Resources, sign: int) -> None:
        self.cpu_milli += sign * asked.cpu_milli
        self.memory_bytes += sign * asked.memory_bytes
        for name, count in asked.extended.items():
            self.extended[name] += sign * count
        self.pods += sign


class Nodes:
    """What is free where."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self._rooms = {node.metadata.name: _Room(node) for node in nodes}

    @property
    def limited(self) -> bool:
        return bool(self._rooms)

    def add(self, node: Node) -> None:
        """A node joins, or its labels, taints or capacity change."""
        room = self._rooms.get(node.metadata.name)
        if room is None:
            self._rooms[node.metadata.name] = _Room(node)
        else:
            room.node = node

    def place(self, pod: PodTemplate, asked: Resources) -> tuple[str | None, str]:
        """(node, "") and the room is taken, or (None, the scheduler's message)."""
        if not self._rooms:
            return UNLIMITED, ""
        reasons: Counter[str] = Counter()
        fitting = []
        for room in self._rooms.values():
            why = _keeps_out(room, pod) or room.lacks(asked)
            reasons.update(why)
            if not why:
                fitting.append(room)
        if not fitting:
            listed = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
            return None, f"0/{len(self._rooms)} nodes are available: {listed}."
        best = max(fitting, key=_free)
        best.change(asked, +1)
        return best.node.metadata.name, ""

    def release(self, node: str, asked: Resources) -> None:
        if node in self._rooms:
            self._rooms[node].change(asked, -1)

    def usage(self, node: str) -> Mapping[str, int]:
        """What is requested on a node, as the journal's resources record has it."""
        room = self._rooms.get(node)
        if room is None:
            return {}
        return {
            "cpu_milli": room.cpu_milli,
            "memory_bytes": room.memory_bytes,
            "gpu": sum(room.extended.values()),
            "pods": room.pods,
        }


def _free(room: _Room) -> tuple[int, int, str]:
    has = room.node.allocatable
    return (has.cpu_milli - room.cpu_milli, has.memory_bytes - room.memory_bytes, room.node.metadata.name)


def _keeps_out(room: _Room, pod: PodTemplate) -> list[str]:
    node = room.node
    if node.unschedulable:
        return ["node(s) were unschedulable"]
    if any(node.metadata.labels.get(key) != value for key, value in pod.node_selector.items()):
        return ["node(s) didn't match Pod's node affinity/selector"]
    if any(
        taint.effect in _EFFECTS_THAT_KEEP_OUT and not any(_tolerates(one, taint) for one in pod.tolerations)
        for taint in node.taints
    ):
        return ["node(s) had untolerated taint(s)"]
    return []


def _tolerates(toleration: Mapping[str, str], taint: Taint) -> bool:
    if toleration.get("effect") not in (None, "", taint.effect):
        return False
    if toleration.get("operator", "Equal") == "Exists":
        return toleration.get("key", "") in ("", taint.key)
    return toleration.get("key") == taint.key and toleration.get("value", "") == taint.value
