"""What every component of the stack is, and what it needs of a cluster.

Comes in: a Kube (kubectl.py, or a fake); goes out: to bring_up.py, which knows no component by name, as no component
knows another. A component installs what it is made of, says what it still waits for, and takes it out again; its
`identity` changes whenever what it would install does, so that a finished one is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Object = Mapping[str, Any]  # a Kubernetes object, as JSON has it


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that is not ready yet, with the last that was seen of it."""

    what: str  # deployment istio-system/istiod
    evidence: str  # 0 of 1 pods are available; istiod-5d…: ContainerCreating

    def __str__(self) -> str:
        return f"{self.what}: {self.evidence}"


class Kube(Protocol):
    """A cluster's API, as far as components need it. Each call has a time limit of its own."""

    def apply(self, text: str, *, manager: str = "sandbox") -> None:
        """Make the cluster have these objects (YAML or JSON), by server-side apply; `manager` owns what they say."""

    def define(self, text: str) -> None:
        """Apply resource definitions, and return once they are established."""

    def items(self, kinds: str, namespace: str = "") -> list[Object]:
        """All objects of these kinds (`deployments,pods`), of one namespace or of all."""

    def patch(self, kind: str, name: str, namespace: str, patch: object, *, subresource: str = "") -> None:
        """A JSON patch."""

    def delete(self, text: str) -> None:
        """Take these objects away; those that are gone already do not matter."""

    def logs(self, pod: str, namespace: str, container: str, lines: int) -> str:
        """The last lines that a container said."""


class Component(Protocol):
    """One part of the stack."""

    @property
    def name(self) -> str:
        """As progress and errors call it."""

    @property
    def namespaces(self) -> Sequence[str]:
        """Where its objects are: what a failure report looks at."""

    @property
    def limit_s(self) -> float:
        """How long installing it, and then waiting for it, may take."""

    @property
    def identity(self) -> str:
        """A digest of all that it installs."""

    @property
    def versions(self) -> Mapping[str, str]:
        """What of which version."""

    def install(self, kube: Kube) -> None:
        """Bring in what is missing; safe to run again at any point."""

    def waiting(self, kube: Kube) -> list[Waiting]:
        """What is not ready yet; empty: all is."""

    def uninstall(self, kube: Kube) -> None:
        """Take it out again."""
