"""The simulated world's admission of pods: a transformer's pod gets its cache from the webhook's own mutation.

Comes in: a pod template, whose it is, and its cache; goes out: the containers of the pod that would be created.
Workloads ask before they make pods, as the API server asks the webhook: the template is written as a pod, patched by
`mechanisms.injection`, and read back, so what a pod requests, its sidecar included, is what the patch says.

Left out: everything of a pod that the mutation doesn't look at (volumes, ports, commands, the
containers' own resources).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.errors import Location
from sandbox.manifests.cache_config import ENABLED, CacheConfig
from sandbox.manifests.fields import Fields, Log, document_field
from sandbox.manifests.objects import Container, PodTemplate
from sandbox.manifests.pods import decode_containers
from sandbox.manifests.tree import plain_node
from sandbox.mechanisms.injection import COMPONENT_LABEL, SERVICE_LABEL, inject
from sandbox.mechanisms.json_patch import apply_patch

_AT = Location("admission")


def admitted(
    template: PodTemplate, cache: CacheConfig | None, *, service: str, component: str
) -> tuple[Container, ...]:
    """The containers of a pod of `template` after admission. `service`: the InferenceService it belongs to."""
    if cache is None:
        return template.containers
    pod = _pod(template, {SERVICE_LABEL: service, COMPONENT_LABEL: component})
    patched = apply_patch(pod, inject(pod, cache))
    # The template's own stay as they are (probes and all); the patch puts its own behind them.
    return (*template.containers, *_decoded(patched["spec"]["containers"][len(template.containers) :]))


def _decoded(containers: list[Any]) -> tuple[Container, ...]:
    node = plain_node({"containers": containers}, _AT)
    assert isinstance(node.value, dict)
    return decode_containers(Fields(document_field(node, "Pod", Log()), node.value), "containers", "container")


def _pod(template: PodTemplate, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "labels": {**template.labels, **labels},
            # That there is a cache was decided by whoever gave it (Cluster._cache), by the same annotation.
            "annotations": {**template.annotations, ENABLED: "true"},
        },
        "spec": {"containers": [_container(one) for one in template.containers]},
    }


def _container(one: Container) -> dict[str, Any]:
    env = [{"name": name, "value": value} for name, value in one.env.items()]
    return {"name": one.name, "image": one.image, "env": env}
