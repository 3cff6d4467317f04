"""Istio: istiod and the ingress gateway, from the bundle's manifest.

Comes in: the bundle; goes out: a component. Mirrors `istioctl install`: the namespace first, which its manifest leaves
out. The gateway gets a fixed node port, which the cluster maps to this machine (sandbox/kind/ports.py).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.kind.stack.component import Kube, Waiting
from sandbox.kind.stack.manifest import Manifest, digest
from sandbox.kind.stack.readiness import deployments

_NAMESPACE = "istio-system"


@dataclass(frozen=True, slots=True)
class Istio:
    """A Component."""

    manifest: Manifest
    settings: str
    version: str
    name: str = "istio"
    limit_s: float = 180.0

    @property
    def namespaces(self) -> Sequence[str]:
        return (_NAMESPACE,)

    @property
    def identity(self) -> str:
        return digest(self.manifest.definitions, self.manifest.objects, self.settings)

    @property
    def versions(self) -> Mapping[str, str]:
        return {"istio": self.version}

    def install(self, kube: Kube) -> None:
        kube.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}}))
        kube.define(self.manifest.definitions)
        kube.apply(self.manifest.objects)
        kube.apply(self.settings, manager="sandbox-settings")

    def waiting(self, kube: Kube) -> list[Waiting]:
        found = kube.items("deployments,pods", _NAMESPACE)
        return deployments(found, ["istiod", "istio-ingressgateway"])

    def uninstall(self, kube: Kube) -> None:
        kube.delete(self.manifest.objects)
        kube.delete(self.manifest.definitions)
