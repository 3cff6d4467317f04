"""Knative's Istio controller: ours, in place of net-istio's, which is no Go module.

Comes in: its manifest with the bundle's image put in (fixtures/knative_istio); goes out: a component. Without it no
Knative route becomes Ready. It is ready itself once it has read what is there (its /readyz).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.kind.stack.component import Kube, Waiting
from sandbox.kind.stack.manifest import digest
from sandbox.kind.stack.readiness import deployments

_NAMESPACE = "knative-serving"


@dataclass(frozen=True, slots=True)
class KnativeIstio:
    """A Component."""

    objects: str
    version: str
    name: str = "ingress"
    limit_s: float = 120.0

    @property
    def namespaces(self) -> Sequence[str]:
        return (_NAMESPACE,)

    @property
    def identity(self) -> str:
        return digest(self.objects, self.version)

    @property
    def versions(self) -> Mapping[str, str]:
        return {"knative-istio": self.version}

    def install(self, kube: Kube) -> None:
        kube.apply(self.objects)

    def waiting(self, kube: Kube) -> list[Waiting]:
        return deployments(kube.items("deployments,pods", _NAMESPACE), ["knative-istio"])

    def uninstall(self, kube: Kube) -> None:
        kube.delete(self.objects)
