"""The lock file: which parts a bundle has, and which it should have.

Comes in: a Layout; goes out: a Lock. JSON, written whole and renamed into place after each finished part, so that
a reader never sees half of one and a killed build finds what it had finished.

    {"format": 1, "made_by": "build", "wanted": ["image/minio", …],
     "parts": {"image/minio": {"file": …, "version": …, "source": …, "sha256": …, "bytes": …, "key": …, …}}}

`wanted` names every part that the recipes of the build in question make; until all are there a bundle is incomplete.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sandbox.errors import EnvironmentNotReady
from sandbox.kind.bundle.part import Part

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Lock:
    """What the lock file says."""

    made_by: str = "build"
    wanted: tuple[str, ...] = ()
    parts: Mapping[str, Part] = field(default_factory=dict)

    def having(self, part: Part) -> Lock:
        return replace(self, parts={**self.parts, part.id: part})

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(wanted for wanted in self.wanted if wanted not in self.parts)


def read_lock(file: Path) -> Lock | None:
    """The lock at `file`, None where there is none."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        raw = json.loads(text)
        if raw["format"] != FORMAT:
            raise _unreadable(file, f"format {raw['format']}, this sandbox reads {FORMAT}")
        parts = {name: _part(name, entry) for name, entry in raw["parts"].items()}
        return Lock(made_by=raw["made_by"], wanted=tuple(raw["wanted"]), parts=parts)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unreadable(file, f"{type(error).__name__}: {error}") from None


def write_lock(file: Path, lock: Lock) -> None:
    """Replace the lock file at once: whoever reads sees the old one or the new one."""
    raw = {
        "format": FORMAT,
        "made_by": lock.made_by,
        "wanted": sorted(lock.wanted),
        "parts": {name: _entry(part) for name, part in sorted(lock.parts.items())},
    }
    beside = file.with_suffix(".new")
    with beside.open("w", encoding="utf-8") as stream:
        stream.write(json.dumps(raw, indent=1) + "\n")
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)


def _entry(part: Part) -> dict[str, object]:
    entry = asdict(part)
    del entry["id"]
    return entry


def _part(name: str, entry: dict[str, object]) -> Part:
    tags = entry.pop("tags", ())
    if not isinstance(tags, list):
        raise TypeError(f"tags of {name} are not a list")
    part = Part(id=name, tags=tuple(tags), **entry)  # type: ignore[arg-type]  # checked right below
    if not (isinstance(part.file, str) and isinstance(part.sha256, str) and isinstance(part.bytes, int)):
        raise TypeError(f"{name} has no file, sha256 or bytes")
    if part.file.startswith("/") or ".." in part.file.split("/"):
        raise ValueError(f"{name} lies outside of the bundle: {part.file}")
    return part


def _unreadable(file: Path, why: str) -> EnvironmentNotReady:
    return EnvironmentNotReady(
        f"the bundle's lock file cannot be read: {why}",
        value=str(file),
        rule="it is written by `sandbox bundle` only",
        next_step=f"rm {file}, then: sandbox bundle build",
    )
