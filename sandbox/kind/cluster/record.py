"""What is kept on this machine of the cluster that `sandbox up` made, beside the bundle in the cache folder.

Comes in: the environment; goes out: paths, and the record: which containers the finished cluster has, and whether the
engine had kind's network before. A cluster whose containers are not those of the record was never finished.

    ~/.cache/serving-sandbox/cluster/kubeconfig   ours alone; the user's is never touched
                                     made.json    the record
                                     kind.yaml    what kind was told
                                     kind.log     what it said
                                     lock         held while somebody changes the cluster
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from sandbox.kind.bundle import default_root


@dataclass(frozen=True, slots=True)
class Record:
    """What was made."""

    network_was_there: bool
    image_id: str = ""
    containers: tuple[str, ...] = ()  # ids; empty until kind has finished


@dataclass(frozen=True, slots=True)
class ClusterFiles:
    """The paths."""

    root: Path

    @property
    def kubeconfig(self) -> Path:
        return self.root / "kubeconfig"

    @property
    def record(self) -> Path:
        return self.root / "made.json"

    @property
    def config(self) -> Path:
        return self.root / "kind.yaml"

    @property
    def log(self) -> Path:
        return self.root / "kind.log"

    @property
    def lock(self) -> Path:
        return self.root / "lock"


def cluster_files(environment: Mapping[str, str]) -> ClusterFiles:
    return ClusterFiles(default_root(environment).parent / "cluster")


def read_record(path: Path) -> Record | None:
    """None where there is none, or it was cut short."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return Record(bool(raw["network_was_there"]), str(raw["image_id"]), tuple(raw["containers"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_record(path: Path, record: Record) -> None:
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(record)), encoding="utf-8")
    os.replace(new, path)
