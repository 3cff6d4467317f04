"""The components of the stack, in the order in which they come up: the only place that knows all of them.

Comes in: the bundle, the recipes' folder and the cluster's nodes; goes out: components. To add one: write its file,
and put it in this list behind what it needs.
"""

from __future__ import annotations

from pathlib import Path

from sandbox.kind.bundle import Bundle, Category
from sandbox.kind.stack.component import Component
from sandbox.kind.stack.gpus import Gpu, Gpus, check_nodes
from sandbox.kind.stack.istio import Istio
from sandbox.kind.stack.knative import Knative
from sandbox.kind.stack.knative_istio import KnativeIstio
from sandbox.kind.stack.kserve import KServe
from sandbox.kind.stack.manifest import read
from sandbox.kind.stack.nodes import Nodes, RunOnNode
from sandbox.kind.stack.store import Store


def components(
    bundle: Bundle, recipes: Path, run: RunOnNode, count: int, gpus: tuple[Gpu, ...] = ()
) -> list[Component]:
    def settings(name: str) -> str:
        return (recipes / "manifests" / "stack" / f"{name}.yaml").read_text(encoding="utf-8")

    def version(name: str) -> str:
        return bundle.part(Category.MANIFEST, name).version

    check_nodes(gpus, count)
    node = bundle.part(Category.NODE, "image")
    ingress = bundle.part(Category.IMAGE, "knative-istio")
    ingress_text = (recipes / "knative_istio" / "manifests" / "controller.yaml").read_text(encoding="utf-8")
    store = bundle.part(Category.IMAGE, "minio")
    return [
        Nodes(run, count, image=node.image_id, version=node.version),
        *([Gpus(gpus)] if gpus else []),
        Istio(read(bundle.manifest("istio")), settings("istio"), version("istio")),
        Knative(read(bundle.manifest("knative")), settings("knative"), version("knative")),
        KnativeIstio(ingress_text.replace("dev.local/knative-istio:v1", ingress.tags[0]), ingress.sha256[:16]),
        KServe(read(bundle.manifest("kserve")), settings("kserve"), version("kserve")),
        Store(settings("store").replace("image: IMAGE", f"image: {store.tags[0]}"), store.version),
    ]
