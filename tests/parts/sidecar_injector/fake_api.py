"""The API server that an injector meets: its Secret, its webhook's configuration, and ConfigMaps."""

from __future__ import annotations

import base64

from tests.parts.kubernetes_api import fake_api

SECRET = "/api/v1/namespaces/sandbox-injector/secrets/sidecar-injector-ca"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sidecar-injector"


def config_map(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


class FakeApi(fake_api.FakeApi):
    def __init__(self) -> None:
        super().__init__()
        self.put(SECRET, {"kind": "Secret", "metadata": {"name": "sidecar-injector-ca"}})
        client = {"service": {"name": "sidecar-injector"}}
        self.put(
            WEBHOOK,
            {
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": "sidecar-injector"},
                "webhooks": [{"name": "transformer-cache.sandbox.dev", "clientConfig": client}],
            },
        )

    def __enter__(self) -> FakeApi:
        super().__enter__()
        return self

    def config(self, name: str, namespace: str = "shop", **data: str) -> None:
        self.put(config_map(namespace, name), {"kind": "ConfigMap", "metadata": {"name": name}, "data": data})

    @property
    def bundle(self) -> str:
        """What this API server trusts when it calls the webhook."""
        (webhook,) = self.objects[WEBHOOK]["webhooks"]
        return base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()

    @property
    def arguments(self) -> list[str]:
        """For an injector that takes this for its cluster."""
        return ["--in-cluster", *self.where]
