"""How one part of the bundle is made, and what it is made from.

Comes in: pins and files of fixtures/ (the modules under parts/ write recipes); goes out: to build.py, which makes
those whose key changed. A key is a digest over everything that decides the outcome: category, name and version,
`made_of` (commands, package lists, digests of our own recipe files and of the code that makes it), and the digests
of the parts that go in. Two builds from the same sources have the same keys, so the second does nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.kind.bundle.part import Category, Part

if TYPE_CHECKING:
    from sandbox.kind.bundle.workplace import Workplace

_CODE = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Recipe:
    """One part that can be made."""

    category: Category
    name: str
    version: str
    source: str
    make: Callable[[Workplace], None]  # writes workplace.output, or raises
    suffix: str = ""  # of the file's name
    made_of: Mapping[str, str] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()  # ids of the parts that go in
    tags: tuple[str, ...] = ()
    lane: str = ""  # recipes of one lane are made one after the other: they would do the same work twice

    @property
    def id(self) -> str:
        return f"{self.category.value}/{self.name}"

    @property
    def file(self) -> str:
        return f"{self.id}{self.suffix}"

    def key(self, parts: Mapping[str, Part]) -> str:
        """The digest of what this part is made from; all inputs must be among `parts`."""
        facts = {
            "category": self.category.value,
            "name": self.name,
            "version": self.version,
            "suffix": self.suffix,
            "tags": list(self.tags),
            "made_of": dict(self.made_of),
            "inputs": {name: parts[name].sha256 for name in self.inputs},
        }
        return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def digest_of_files(*paths: Path) -> str:
    """One digest over files and folders, by their names and contents."""
    total = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file() and "__pycache__" not in file.parts:
                name = file.relative_to(path.parent).as_posix()
                mode = "x" if file.stat().st_mode & 0o100 else "-"
                total.update(f"{name}\0{mode}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\0".encode())
    return total.hexdigest()


def code(*modules: str) -> str:
    """The digest of modules of this package: what makes a part belongs to its recipe."""
    return digest_of_files(*(_CODE / f"{module}.py" for module in modules))
