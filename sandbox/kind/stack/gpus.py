"""GPUs that are none: extended resources in the status of labelled nodes, which the scheduler counts as real ones.

Comes in: `RESOURCE:TYPE=COUNT,…`; goes out: a component. Each type gets a worker of its own, in the order of their
names (the control plane's node where there is no other), with the labels `gpu: TYPE` and `RESOURCE.product: TYPE`
(NVIDIA's gpu-feature-discovery sets nvidia.com/gpu.product) for node selectors. The kubelet leaves resources alone that
it does not know (pkg/kubelet/nodestatus/setters.go v0.34.2), so what is put into the status stays. No container
sees a device.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.errors import UsageError
from sandbox.kind.stack.component import Kube, Object, Waiting
from sandbox.kind.stack.manifest import digest

_ONE = re.compile(r"([a-z0-9.-]+\.[a-z]+/[a-z0-9.-]+):([A-Za-z0-9][\w.-]*)=(\d+)")
_RULE = "RESOURCE:TYPE=COUNT, as nvidia.com/gpu:a100=2, separated by commas"


@dataclass(frozen=True, slots=True)
class Gpu:
    """So many of one type."""

    resource: str
    type: str
    count: int


def read_gpus(text: str) -> tuple[Gpu, ...]:
    """What `--gpus` says."""
    gpus = []
    for one in text.split(","):
        found = _ONE.fullmatch(one.strip())
        if not found or int(found[3]) == 0:
            raise UsageError("--gpus cannot be read", value=one, rule=_RULE, next_step="sandbox up --help")
        gpus.append(Gpu(found[1], found[2], int(found[3])))
    twice = sorted({gpu.type for gpu in gpus if [one.type for one in gpus].count(gpu.type) > 1})
    if twice:
        raise UsageError("--gpus names a type twice", value=", ".join(twice), rule=_RULE)
    return tuple(gpus)


def check_nodes(gpus: Sequence[Gpu], count: int) -> None:
    """Each type needs a node."""
    if len(gpus) > max(count - 1, 1):
        raise UsageError(
            f"{len(gpus)} types of GPU need {len(gpus) + 1} nodes",
            value=f"{count} nodes",
            rule="each type has a worker of its own",
            next_step=f"sandbox down, then: sandbox up --nodes {len(gpus) + 1} --gpus …",
        )


@dataclass(frozen=True, slots=True)
class Gpus:
    """A Component."""

    wanted: tuple[Gpu, ...]
    name: str = "gpus"
    limit_s: float = 60.0

    @property
    def namespaces(self) -> Sequence[str]:
        return ("kube-system",)

    @property
    def identity(self) -> str:
        return digest(*(f"{gpu.resource}:{gpu.type}={gpu.count}" for gpu in self.wanted))

    @property
    def versions(self) -> Mapping[str, str]:
        return {}

    def install(self, kube: Kube) -> None:
        nodes = kube.items("nodes")
        places = place(self.wanted, nodes)
        for node in nodes:
            name = node["metadata"]["name"]
            labels, status = patches(node, places.get(name))
            if labels:
                kube.patch("node", name, "", labels)
            if status:
                kube.patch("node", name, "", status, subresource="status")

    def waiting(self, kube: Kube) -> list[Waiting]:
        nodes = kube.items("nodes")
        there = {one["metadata"]["name"]: one["status"].get("allocatable", {}) for one in nodes}
        return [
            Waiting(f"{gpu.resource} of node {name}", f"{there[name].get(gpu.resource, 0)} of {gpu.count}")
            for name, gpu in place(self.wanted, nodes).items()
            if str(there[name].get(gpu.resource)) != str(gpu.count)
        ]

    def uninstall(self, kube: Kube) -> None:
        Gpus(()).install(kube)


def place(gpus: Sequence[Gpu], nodes: Sequence[Object]) -> Mapping[str, Gpu]:
    """Which node has which."""
    workers = sorted(one["metadata"]["name"] for one in nodes if not _is_control_plane(one))
    return dict(zip(workers or [nodes[0]["metadata"]["name"]], gpus, strict=False))


def patches(node: Object, gpu: Gpu | None) -> tuple[list[Object], list[Object]]:
    """What to change in a node's labels and in its status; what an earlier `--gpus` left there goes."""
    labels = node["metadata"].get("labels", {})
    capacity = node["status"].get("capacity", {})
    before = [name for name in capacity if f"{name}.product" in labels]
    wanted = {"gpu": gpu.type, f"{gpu.resource}.product": gpu.type} if gpu else {}
    old = [*(f"{name}.product" for name in before), *(["gpu"] if before else [])]
    changed: list[Object] = [
        {"op": "remove", "path": f"/metadata/labels/{_escaped(name)}"} for name in old if name not in wanted
    ]
    changed += [
        {"op": "add", "path": f"/metadata/labels/{_escaped(name)}", "value": value} for name, value in wanted.items()
    ]
    counts = {**dict.fromkeys(before, "0"), **({gpu.resource: str(gpu.count)} if gpu else {})}
    status: list[Object] = [
        {"op": "add", "path": f"/status/{half}/{_escaped(name)}", "value": count}
        for name, count in counts.items()
        for half in ("capacity", "allocatable")
    ]
    return changed, status


def _is_control_plane(node: Object) -> bool:
    return "node-role.kubernetes.io/control-plane" in node["metadata"].get("labels", {})


def _escaped(name: str) -> str:
    """As a JSON pointer has it (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
