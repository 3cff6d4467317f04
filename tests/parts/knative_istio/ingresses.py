"""Ingresses as Knative's Route and DomainMapping controllers write them (serving v0.48.1), for a service of `shop`."""

from __future__ import annotations

from typing import Any

Json = Any

CLASS = {"networking.knative.dev/ingress.class": "istio.ingress.networking.knative.dev"}
LOCAL = ["hello.shop", "hello.shop.svc", "hello.shop.svc.cluster.local"]
PUBLIC = ["hello.shop.example.com"]


def split(revision: str, percent: int = 100, port: Json = 80) -> Json:
    return {
        "serviceName": revision,
        "serviceNamespace": "shop",
        "servicePort": port,
        "percent": percent,
        "appendHeaders": {"Knative-Serving-Namespace": "shop", "Knative-Serving-Revision": revision},
    }


def path(*splits: Json, **more: Json) -> Json:
    return {"splits": list(splits), **more}


def rule(hosts: list[str], *paths: Json, visibility: str = "ExternalIP") -> Json:
    return {"hosts": hosts, "visibility": visibility, "http": {"paths": list(paths)}}


def local_rule(*paths: Json, hosts: list[str] | None = None) -> Json:
    return rule(hosts or LOCAL, *paths, visibility="ClusterLocal")


def ingress(*rules: Json, name: str = "hello", generation: int = 1, annotations: Json = CLASS, **spec: Json) -> Json:
    return {
        "apiVersion": "networking.internal.knative.dev/v1alpha1",
        "kind": "Ingress",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-of-{name}",
            "generation": generation,
            "annotations": dict(annotations),
            "labels": {"serving.knative.dev/route": name, "serving.knative.dev/service": name},
        },
        "spec": {"httpOption": "Enabled", "rules": list(rules), **spec},
    }


def service(*splits: Json) -> Json:
    """What a Knative Service without tags gets."""
    return ingress(local_rule(path(*splits)), rule(PUBLIC, path(*splits)))
