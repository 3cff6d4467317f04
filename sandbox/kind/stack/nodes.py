"""The nodes: their pods' network, and that all of them, and the cluster's DNS, are ready.

Comes in: how to run a program on a node; goes out: a component. kind's own network plug-in is no Go module, so each
node is told its pods' addresses and the ways to the others (fixtures/node_image/files/usr/local/sbin/
sandbox-pod-network); the kubelet reports the node Ready after that. Every node is told again on each install, since
the ways name all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.errors import WorldError
from sandbox.kind.stack.component import Kube, Object, Waiting
from sandbox.kind.stack.manifest import digest
from sandbox.kind.stack.readiness import deployments, nodes

POD_CIDR = "10.244.0.0/16"  # pkg/apis/config/v1alpha4/default.go of kind v0.30.0
_PROGRAM = "sandbox-pod-network"

RunOnNode = Callable[[str, Sequence[str]], None]


@dataclass(frozen=True, slots=True)
class Nodes:
    """A Component."""

    run: RunOnNode
    count: int
    image: str  # the node image's id: another one is another cluster
    version: str  # of Kubernetes
    name: str = "nodes"
    limit_s: float = 120.0

    @property
    def namespaces(self) -> Sequence[str]:
        return ("kube-system",)

    @property
    def identity(self) -> str:
        return digest(self.image, str(self.count))

    @property
    def versions(self) -> Mapping[str, str]:
        return {"kubernetes": self.version}

    def install(self, kube: Kube) -> None:
        found = kube.items("nodes")
        without = [one["metadata"]["name"] for one in found if not one["spec"].get("podCIDR")]
        if len(found) < self.count or without:
            late = f"without a range for its pods: {', '.join(without)}" if without else f"{len(found)} are here"
            raise WorldError("not all nodes have joined", value=late, rule=f"{self.count} nodes")
        for name, arguments in pod_network(found).items():
            self.run(name, arguments)

    def waiting(self, kube: Kube) -> list[Waiting]:
        return nodes(kube.items("nodes"), self.count) or deployments(
            kube.items("deployments,pods", "kube-system"), ["coredns"]
        )

    def uninstall(self, kube: Kube) -> None:
        """Nothing to do: nodes go with the cluster."""


def pod_network(nodes: Sequence[Object]) -> Mapping[str, Sequence[str]]:
    """For each node the command that connects its pods with those of the others."""
    places = {one["metadata"]["name"]: (one["spec"]["podCIDR"], _address(one)) for one in nodes}
    return {
        name: [
            _PROGRAM,
            cidr,
            POD_CIDR,
            *(f"{other}={address}" for each, (other, address) in places.items() if each != name),
        ]
        for name, (cidr, _) in places.items()
    }


def _address(node: Object) -> str:
    return next(str(one["address"]) for one in node["status"]["addresses"] if one["type"] == "InternalIP")
