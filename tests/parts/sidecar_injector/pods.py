"""Pods and reviews as a cluster makes them: what Knative creates for a transformer of KServe's."""

from __future__ import annotations

import base64
import json
import uuid
from typing import Any

from sandbox.manifests.cache_config import CONFIG, ENABLED
from sandbox.mechanisms.injection import COMPONENT_LABEL, SERVICE_LABEL

Json = dict[str, Any]


def transformer_pod(
    cache: str | None = "true", config: str | None = "warm", service: str = "ranker", component: str = "transformer"
) -> Json:
    """As the API server shows it to a webhook: no name yet, queue-proxy in, defaults filled in."""
    given = {ENABLED: cache, CONFIG: config, "serving.knative.dev/creator": "kserve"}
    revision = f"{service}-{component}-00001"
    mounts = [{"name": "kube-api-access-x", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount"}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": f"{revision}-deployment-6c9d-",
            "namespace": "shop",
            "annotations": {key: value for key, value in given.items() if value is not None},
            "labels": {
                SERVICE_LABEL: service,
                COMPONENT_LABEL: component,
                "serving.knative.dev/revision": revision,
                "app": revision,
            },
        },
        "spec": {
            "containers": [
                {
                    "name": "kserve-container",
                    "image": "example.com/ranker-transformer@sha256:" + "a" * 64,
                    "args": ["--model_name", service, "--predictor_host", f"{service}-predictor.shop"],
                    "ports": [{"name": "user-port", "containerPort": 8080, "protocol": "TCP"}],
                    "env": [
                        {"name": "PORT", "value": "8080"},
                        {"name": "K_REVISION", "value": revision},
                        {"name": "K_SERVICE", "value": f"{service}-{component}"},
                    ],
                    "resources": {
                        "requests": {"cpu": "1", "memory": "1Gi"},
                        "limits": {"cpu": "1", "memory": "1Gi"},
                    },
                    "lifecycle": {"preStop": {"httpGet": {"port": 8022, "path": "/wait-for-drain", "scheme": "HTTP"}}},
                    "volumeMounts": mounts,
                },
                {
                    "name": "queue-proxy",
                    "image": "example.com/queue@sha256:" + "b" * 64,
                    "ports": [
                        {"name": "http-queueadm", "containerPort": 8022},
                        {"name": "http-autometric", "containerPort": 9090},
                        {"name": "http-usermetric", "containerPort": 9091},
                        {"name": "queue-port", "containerPort": 8012},
                    ],
                    "env": [{"name": f"SERVING_{i}", "value": "x" * 40} for i in range(40)],
                    "resources": {"requests": {"cpu": "25m"}},
                    "volumeMounts": mounts,
                },
            ],
            "volumes": [{"name": "kube-api-access-x", "projected": {"sources": [{"downwardAPI": {}}]}}],
            "restartPolicy": "Always",
            "terminationGracePeriodSeconds": 300,
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute"}],
        },
    }


def review(pod: Any, namespace: str = "shop", **changes: Any) -> Json:
    """The API server's AdmissionReview for the creation of a pod; `changes` to its request."""
    request = {
        "uid": str(uuid.uuid4()),
        "kind": {"group": "", "version": "v1", "kind": "Pod"},
        "resource": {"group": "", "version": "v1", "resource": "pods"},
        "requestKind": {"group": "", "version": "v1", "kind": "Pod"},
        "requestResource": {"group": "", "version": "v1", "resource": "pods"},
        "namespace": namespace,
        "operation": "CREATE",
        "userInfo": {"username": "system:serviceaccount:kube-system:replicaset-controller"},
        "object": pod,
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {**request, **changes}}


def patch_of(answer: Json) -> list[Json]:
    """The patch of an answer; an answer without one patches nothing."""
    response = answer["response"]
    if "patch" not in response:
        assert "patchType" not in response
        return []
    assert response["patchType"] == "JSONPatch"
    patch: list[Json] = json.loads(base64.b64decode(response["patch"], validate=True))
    return patch
