"""The S3 store: MinIO, with keys that are made for this cluster.

Comes in: its manifest with the bundle's image put in; goes out: a component. The keys are random, made once, and lie
in the Secret object-store, whose annotations are those that KServe's storage initializer reads (kserve
docs/samples/storage/s3), so that a namespace gets the store by a copy of it. Makes no bucket: whoever uploads does.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sandbox.kind.stack.component import Kube, Waiting
from sandbox.kind.stack.manifest import digest
from sandbox.kind.stack.readiness import deployments

NAMESPACE, SECRET = "sandbox-system", "object-store"
ENDPOINT = f"object-store.{NAMESPACE}.svc.cluster.local:9000"


@dataclass(frozen=True, slots=True)
class Store:
    """A Component."""

    objects: str
    version: str
    make_key: Callable[[int], str] = secrets.token_hex
    name: str = "store"
    limit_s: float = 120.0

    @property
    def namespaces(self) -> Sequence[str]:
        return (NAMESPACE,)

    @property
    def identity(self) -> str:
        return digest(self.objects)

    @property
    def versions(self) -> Mapping[str, str]:
        return {"minio": self.version}

    def install(self, kube: Kube) -> None:
        kube.apply(json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}))
        if not any(one["metadata"]["name"] == SECRET for one in kube.items("secrets", NAMESPACE)):
            kube.apply(json.dumps(self._secret()))
        kube.apply(self.objects)

    def waiting(self, kube: Kube) -> list[Waiting]:
        return deployments(kube.items("deployments,pods", NAMESPACE), ["object-store"])

    def uninstall(self, kube: Kube) -> None:
        kube.delete(self.objects)
        kube.delete(json.dumps(self._secret()))

    def _secret(self) -> dict[str, object]:
        annotations = {
            "serving.kserve.io/s3-endpoint": ENDPOINT,
            "serving.kserve.io/s3-usehttps": "0",
            "serving.kserve.io/s3-region": "us-east-1",
        }
        return {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "Opaque",
            "metadata": {"name": SECRET, "namespace": NAMESPACE, "annotations": annotations},
            "stringData": {"AWS_ACCESS_KEY_ID": self.make_key(10), "AWS_SECRET_ACCESS_KEY": self.make_key(20)},
        }
