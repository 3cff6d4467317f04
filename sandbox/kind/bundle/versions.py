"""Reads fixtures/versions.toml: the version of everything in a cluster.

Comes in: the file; goes out: Versions, which the recipes under parts/ ask. A name that is not there is a defect of
the file, told with what is there.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import InternalError


@dataclass(frozen=True, slots=True)
class Versions:
    """What versions.toml says, by table."""

    file: Path
    tables: Mapping[str, Mapping[str, str]]

    def module(self, path: str) -> str:
        """The version of a Go module, `v1.34.2`."""
        return self._of("modules", path)

    def tag(self, image: str) -> str:
        return self._of("tags", image)

    def debian(self, purpose: str) -> str:
        return self._of("debian", purpose)

    def _of(self, table: str, name: str) -> str:
        known = self.tables.get(table, {})
        if name not in known:
            raise InternalError(
                f"no version of {name!r}",
                value=f"{self.file} [{table}]",
                rule=f"there are: {', '.join(known) or 'none'}",
            )
        return known[name]


def read_versions(file: Path) -> Versions:
    """The versions in `file`."""
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    tables = {name: {key: str(value) for key, value in table.items()} for name, table in raw.items()}
    return Versions(file, tables)
