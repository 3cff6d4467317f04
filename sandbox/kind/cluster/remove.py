"""Removes all that `sandbox up` made, and proves it.

Comes in: the cluster's files; goes out: what was removed, after a second look that finds none of it. Containers and
their volumes go as `kind delete cluster` lets them go (pkg/cluster/internal/providers/docker/provider.go of kind
v0.30.0), which needs no bundle: a cluster can be removed when its bundle is gone. kind's network goes if it was not
there before, and nobody else's containers are in it. The node image stays in the engine unless asked for: loading it
is half of the next `up`.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.errors import WorldError
from sandbox.kind.cluster import engine
from sandbox.kind.cluster.engine import Container
from sandbox.kind.cluster.record import ClusterFiles, read_record

NODE_IMAGE = "serving-sandbox/node"  # as the bundle calls it (sandbox/kind/bundle/parts/node.py), whatever its tag
_REMOVE_S = 120.0


@dataclass(frozen=True, slots=True)
class Removed:
    """What is gone now."""

    containers: tuple[str, ...]
    volumes: int
    network: bool
    images: tuple[str, ...]  # node images in the engine
    files: tuple[str, ...]


def remove(files: ClusterFiles, *, image: bool) -> Removed:
    """`image`: the node image, too."""
    record, found = read_record(files.record), engine.containers()
    remove_containers(found)
    ours = record is not None and not record.network_was_there
    network = ours and engine.NETWORK in engine.networks() and _remove_network()
    images = _remove_images() if image else ()
    gone = _remove_files(files)
    _prove(found, files)
    volumes = sum(len(one.volumes) for one in found)
    return Removed(tuple(one.name for one in found), volumes, network, images, gone)


def remove_containers(found: Sequence[Container]) -> None:
    if found:
        engine.docker("rm", "--force", "--volumes", *(one.id for one in found), limit_s=_REMOVE_S)


def _remove_network() -> bool:
    inside = engine.docker("network", "inspect", engine.NETWORK, "--format", "{{len .Containers}}").strip()
    if inside != "0":
        return False
    engine.docker("network", "rm", engine.NETWORK)
    return True


def _remove_images() -> tuple[str, ...]:
    images = tuple(engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", NODE_IMAGE).split())
    if images:
        engine.docker("rmi", *images, limit_s=_REMOVE_S)
    return images


def _remove_files(files: ClusterFiles) -> tuple[str, ...]:
    """All but the lock, which is held."""
    gone = sorted(path for path in files.root.iterdir() if path != files.lock)
    for path in gone:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
    return tuple(path.name for path in gone)


def _prove(found: Sequence[Container], files: ClusterFiles) -> None:
    left = [one.name for one in engine.containers()]
    volumes = {name for one in found for name in one.volumes}
    left += sorted(volumes & set(engine.volumes()))
    left += [path.name for path in files.root.iterdir() if path != files.lock]
    if left:
        raise WorldError("not everything is gone", value=", ".join(left), next_step="sandbox down")
