"""Decides what has to be done about the cluster, from what there is of it.

Comes in: the containers, the record, what is wanted; goes out: a Plan, or the error that says why none fits. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from sandbox.errors import EnvironmentNotReady, UsageError
from sandbox.kind.cluster.engine import Container
from sandbox.kind.cluster.record import Record
from sandbox.kind.ports import HOST_PORTS

MOST_NODES = 10


class Plan(Enum):
    """What to do."""

    MAKE = "make"  # there is none
    MAKE_AGAIN = "make again"  # there is a half-made one: remove it first
    KEEP = "keep"  # it is there, finished, and what is wanted


def plan(found: Sequence[Container], record: Record | None, nodes: int | None, image_id: str) -> Plan:
    """`nodes` None: as many as there are."""
    if not found:
        return Plan.MAKE
    if record is None or not record.containers:
        return Plan.MAKE_AGAIN
    if {one.id for one in found} != set(record.containers):
        raise _down_first("a node of the cluster is gone, or it is not the one that was made", _names(found))
    stopped = [one for one in found if not one.running]
    if stopped:
        raise _down_first("nodes of the cluster are not running", _names(stopped))
    if record.image_id != image_id:
        raise _down_first("the cluster was made of another bundle", record.image_id)
    if nodes is not None and nodes != len(found):
        raise UsageError(
            f"the cluster that is up has {len(found)} nodes",
            value=f"--nodes {nodes}",
            rule="a cluster keeps its nodes",
            next_step=f"sandbox down, then: sandbox up --nodes {nodes}",
        )
    return Plan.KEEP


def config(nodes: int) -> str:
    """What kind is told (docs/reference/bundle.md says why)."""
    ports = [
        f"      - {{containerPort: {port}, hostPort: {port}, listenAddress: 127.0.0.1}}  # {purpose}"
        for port, purpose in HOST_PORTS.items()
    ]
    return "\n".join(
        [
            "kind: Cluster",
            "apiVersion: kind.x-k8s.io/v1alpha4",
            "networking:",
            "  disableDefaultCNI: true",
            "kubeadmConfigPatches:",
            "  - |",
            "    kind: KubeletConfiguration",
            "    failSwapOn: false",
            "    featureGates:",
            "      KubeletInUserNamespace: true",
            "nodes:",
            "  - role: control-plane",
            "    extraPortMappings:",
            *ports,
            *["  - role: worker"] * (nodes - 1),
            "",
        ]
    )


def _names(found: Sequence[Container]) -> str:
    return ", ".join(one.name for one in found)


def _down_first(what: str, value: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        what, value=value, rule="such a cluster cannot be mended", next_step="sandbox down, then: sandbox up"
    )
