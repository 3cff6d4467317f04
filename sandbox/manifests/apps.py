"""apps/v1 Deployment: `replicas` pods of one template.

Comes in: a document; goes out: a `Deployment`. Mirrors the API server's validation as far as it is modelled: the
selector must match the template's labels, replicas are not negative. Leaves out: strategy, minReadySeconds,
revision history: noted as not modelled.
"""

from __future__ import annotations

from sandbox.errors import Location
from sandbox.manifests.fields import INT32_MAX, Fields
from sandbox.manifests.metadata import decode_metadata
from sandbox.manifests.objects import Deployment, Json
from sandbox.manifests.pods import decode_pod


def decode_deployment(document: Fields, raw: Json, at: Location) -> Deployment:
    """apps/v1 Deployment."""
    metadata = decode_metadata(document, "DNS-1123 subdomain")
    spec = document.need("spec").mapping()
    template = spec.need("template").mapping()
    pod_metadata = template.mapping("metadata")
    labels = pod_metadata.strings("labels") if pod_metadata is not None else {}
    annotations = pod_metadata.strings("annotations") if pod_metadata is not None else {}
    if pod_metadata is not None:
        pod_metadata.skip("creationTimestamp")
        pod_metadata.rest()
    pod_spec = template.need("spec").mapping()
    containers = pod_spec.need("containers", "a pod runs at least one container")
    if not containers.items():
        raise containers.refuse("is empty", "a pod runs at least one container")
    pod = decode_pod(pod_spec, labels=labels, annotations=annotations)
    replicas = spec.integer("replicas", 0, INT32_MAX)
    deployment = Deployment(
        metadata=metadata,
        raw=raw,
        at=at,
        template=pod,
        replicas=1 if replicas is None else replicas,
        selector=_selector(spec, labels),
    )
    for fields in (pod_spec, template, spec):
        fields.rest()
    document.skip("apiVersion", "kind", "status")
    document.rest()
    return deployment


def _selector(spec: Fields, labels: dict[str, str]) -> dict[str, str]:
    found = spec.need("selector", "a Deployment selects its own pods")
    fields = found.mapping()
    wanted = fields.strings("matchLabels")
    fields.rest()
    if not wanted and "matchExpressions" not in fields.nodes:
        raise found.refuse("is empty", "a Deployment selects its own pods", "add selector.matchLabels")
    if any(labels.get(key) != text for key, text in wanted.items()):
        raise found.refuse(
            "does not match the template's labels",
            "selector.matchLabels are among spec.template.metadata.labels",
            value=f"selector {wanted}, labels {labels}",
        )
    return wanted
