"""The cluster's nodes and what is requested there: the state that the scheduler decides on.

Whether a pod fits, where it goes and why not is decided by `mechanisms.scheduling`; this file keeps the books.
Without any Node object the capacity is unlimited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sandbox.manifests.objects import Node, PodTemplate, Resources
from sandbox.mechanisms.scheduling.demand import amounts
from sandbox.mechanisms.scheduling.placement import Room, place

UNLIMITED = "unlimited"


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
class _Books:
    """One node and what its pods request."""

    node: Node
    used: Counter[str] = field(default_factory=Counter)
    pods: int = 0

    def change(self, asked: Resources, sign: int) -> None:
        for name, amount in amounts(asked).items():
            self.used[name] += sign * amount
        self.pods += sign


class Nodes:
    """What is free where."""

    def __init__(self, nodes: Iterable[Node] = ()) -> None:
        self._books = {node.metadata.name: _Books(node) for node in nodes}

    @property
    def limited(self) -> bool:
        return bool(self._books)

    def add(self, node: Node) -> Node | None:
        """A node joins, or its labels, taints or capacity change; returns what it was before."""
        books = self._books.get(node.metadata.name)
        if books is None:
            self._books[node.metadata.name] = _Books(node)
            return None
        before, books.node = books.node, node
        return before

    def place(self, pod: PodTemplate, asked: Resources) -> tuple[str | None, str]:
        """(node, "") and the room is taken, or (None, the scheduler's message)."""
        if not self._books:
            return UNLIMITED, ""
        rooms = [Room(node=one.node, used=one.used, pods=one.pods) for one in self._books.values()]
        name, message = place(rooms, pod, amounts(asked))
        if name is not None:
            self._books[name].change(asked, +1)
        return name, message

    def release(self, node: str, asked: Resources) -> None:
        if node in self._books:
            self._books[node].change(asked, -1)

    def usage(self, node: str) -> Mapping[str, int]:
        """What is requested on a node, as the journal's resources record has it."""
        books = self._books.get(node)
        if books is None:
            return {}
        extended = [amount for name, amount in books.used.items() if name not in ("cpu", "memory")]
        return {
            "cpu_milli": books.used["cpu"],
            "memory_bytes": books.used["memory"],
            "gpu": sum(extended),
            "pods": books.pods,
        }
