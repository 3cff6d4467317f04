"""Where a bundle lies on disk, and where the sandbox's own recipes lie.

Comes in: the environment (XDG_CACHE_HOME, HOME) or `--dir`; goes out: paths. Everything that reads or writes a
bundle asks here, nobody else joins these names:

    ROOT/bundle.lock.json       what is here: version, source, digest of each part (lock.py)
    ROOT/node/ image/ binary/ manifest/    what `up` needs
    ROOT/ingredient/            what the others are made of; a bundle without it still serves
    ROOT/logs/CATEGORY/NAME.log            what the last making of a part printed
    ROOT/work/                  parts in the making; swept at the next build
    ROOT/build.lock             held while somebody builds
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import InternalError

_PACKAGE = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of one bundle."""

    root: Path

    @property
    def lock_file(self) -> Path:
        return self.root / "bundle.lock.json"

    @property
    def build_lock(self) -> Path:
        return self.root / "build.lock"

    @property
    def work(self) -> Path:
        return self.root / "work"

    def file(self, relative: str) -> Path:
        return self.root / relative

    def log(self, part: str) -> Path:
        return self.root / "logs" / f"{part}.log"


def default_root(environment: Mapping[str, str]) -> Path:
    """`~/.cache/serving-sandbox/bundle`, or under XDG_CACHE_HOME where that is set."""
    cache = environment.get("XDG_CACHE_HOME")
    base = Path(cache) if cache else Path(environment.get("HOME", "~")).expanduser() / ".cache"
    return base / "serving-sandbox" / "bundle"


def recipes_folder() -> Path:
    """`fixtures/`: beside the package in a checkout, inside it when installed from a wheel."""
    for folder in (_PACKAGE.parent / "fixtures", _PACKAGE / "_fixtures"):
        if (folder / "versions.toml").is_file():
            return folder
    raise InternalError("the recipes of the bundle are not here", value=str(_PACKAGE), rule="fixtures/versions.toml")
