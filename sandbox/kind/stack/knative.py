"""Knative Serving: controller, autoscaler, activator and webhook, from the bundle's manifest.

Comes in: the bundle; goes out: a component. The settings go in before the programs start, so that none has to be
started again to see them; they belong to a field manager of their own, so that applying the manifest leaves them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.kind.stack.component import Kube, Waiting
from sandbox.kind.stack.manifest import Manifest, digest
from sandbox.kind.stack.readiness import deployments

_NAMESPACE = "knative-serving"


@dataclass(frozen=True, slots=True)
class Knative:
    """A Component."""

    manifest: Manifest
    settings: str
    version: str
    name: str = "knative"
    limit_s: float = 180.0

    @property
    def namespaces(self) -> Sequence[str]:
        return (_NAMESPACE,)

    @property
    def identity(self) -> str:
        return digest(self.manifest.definitions, self.manifest.objects, self.settings)

    @property
    def versions(self) -> Mapping[str, str]:
        return {"knative": self.version}

    def install(self, kube: Kube) -> None:
        kube.define(self.manifest.definitions)
        kube.apply(self.settings, manager="sandbox-settings")
        kube.apply(self.manifest.objects)

    def waiting(self, kube: Kube) -> list[Waiting]:
        found = kube.items("deployments,pods", _NAMESPACE)
        return deployments(found, ["webhook", "controller", "autoscaler", "activator"])

    def uninstall(self, kube: Kube) -> None:
        kube.delete(self.manifest.objects)
        kube.delete(self.manifest.definitions)
