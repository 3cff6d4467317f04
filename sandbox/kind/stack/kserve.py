"""KServe: its manager, from the bundle's manifest, with a certificate for its webhooks.

Comes in: the bundle; goes out: a component. Upstream asks cert-manager for the certificate; here it is made once, kept
in the Secret that the manager mounts (kserve config/default/manager_auth_proxy_patch.yaml v0.20.0), and put into each
webhook whose annotation asks cert-manager to. A second `up` uses the one that is there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.kind.stack.component import Kube, Object, Waiting
from sandbox.kind.stack.manifest import Manifest, digest
from sandbox.kind.stack.readiness import deployments
from sandbox.kind.stack.self_signed import KeyPair, self_signed

_NAMESPACE = "kserve"
_SECRET = "kserve-webhook-server-cert"
_SERVICE = f"kserve-webhook-server-service.{_NAMESPACE}.svc"
_ASKS = "cert-manager.io/inject-ca-from"
_WEBHOOKS = ("mutatingwebhookconfiguration", "validatingwebhookconfiguration")


@dataclass(frozen=True, slots=True)
class KServe:
    """A Component."""

    manifest: Manifest
    settings: str
    version: str
    make_certificate: Callable[[str], KeyPair] = self_signed
    name: str = "kserve"
    limit_s: float = 180.0

    @property
    def namespaces(self) -> Sequence[str]:
        return (_NAMESPACE,)

    @property
    def identity(self) -> str:
        return digest(self.manifest.definitions, self.manifest.objects, self.settings)

    @property
    def versions(self) -> Mapping[str, str]:
        return {"kserve": self.version}

    def install(self, kube: Kube) -> None:
        kube.define(self.manifest.definitions)
        certificate = self._certificate(kube)
        kube.apply(self.manifest.objects)
        kube.apply(self.settings, manager="sandbox-settings")
        for kind in _WEBHOOKS:
            for one in kube.items(kind):
                patch = trusting(one, certificate)
                if patch:
                    kube.patch(kind, one["metadata"]["name"], "", patch)

    def waiting(self, kube: Kube) -> list[Waiting]:
        return deployments(kube.items("deployments,pods", _NAMESPACE), ["kserve-controller-manager"])

    def uninstall(self, kube: Kube) -> None:
        kube.delete(self.manifest.objects)
        kube.delete(self.manifest.definitions)

    def _certificate(self, kube: Kube) -> str:
        """The certificate in base64, as Secrets and webhooks have it."""
        for one in kube.items("secrets", _NAMESPACE):
            if one["metadata"]["name"] == _SECRET:
                return str(one["data"]["tls.crt"])
        pair = self.make_certificate(_SERVICE)
        certificate = base64.b64encode(pair.certificate).decode()
        data = {"tls.crt": certificate, "tls.key": base64.b64encode(pair.key).decode()}
        metadata = {"name": _SECRET, "namespace": _NAMESPACE}
        objects = [
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _NAMESPACE}},
            {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": metadata, "data": data},
        ]
        kube.apply("\n---\n".join(json.dumps(one) for one in objects), manager="sandbox-certificate")
        return certificate


def trusting(configuration: Object, certificate: str) -> list[Object]:
    """The patch that makes a configuration's webhooks trust `certificate`; empty where they are none of KServe's."""
    asked = configuration["metadata"].get("annotations", {}).get(_ASKS, "")
    if not asked.startswith(f"{_NAMESPACE}/"):
        return []
    return [
        {"op": "add", "path": f"/webhooks/{number}/clientConfig/caBundle", "value": certificate}
        for number, hook in enumerate(configuration.get("webhooks", []))
        if hook["clientConfig"].get("caBundle") != certificate
    ]
