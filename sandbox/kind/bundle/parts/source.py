"""What every component's recipes start from: the folder fixtures/ and the versions in it.

Comes in: the folder; goes out: to the modules beside this one, each of which has a function `recipes(source)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sandbox.kind.bundle.versions import Versions, read_versions

LOCAL = (
    "dev.local"  # a registry that Knative leaves alone: no tag of it is looked up (config-deployment, serving v0.48)
)


@dataclass(frozen=True, slots=True)
class Source:
    """fixtures/, read."""

    folder: Path
    versions: Versions

    @classmethod
    def read(cls, folder: Path) -> Source:
        return cls(folder, read_versions(folder / "versions.toml"))

    def go(self, name: str) -> Path:
        """The folder with the go.mod of that name."""
        return self.folder / "go" / name

    def packages(self, folder: str) -> tuple[str, ...]:
        """The Debian packages that FOLDER/packages.txt lists."""
        lines = (self.folder / folder / "packages.txt").read_text(encoding="utf-8").splitlines()
        return tuple(line for line in lines if line and not line.startswith("#"))


def local_tag(name: str, version: str) -> str:
    """The name of an image of ours; a Go pseudo-version is cut to what a tag may be and a person may read."""
    return f"{LOCAL}/{name}:{version}"
