"""Models for the tests: folders with reproducible bytes."""

from __future__ import annotations

import random
from pathlib import Path

MIB = 1024 * 1024


def some_bytes(size: int, seed: int = 1) -> bytes:
    return random.Random(seed).randbytes(size)


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
        path.joinpath(name).write_bytes(content)
    return path


def contents(path: Path) -> dict[str, bytes]:
    return {one.relative_to(path).as_posix(): one.read_bytes() for one in path.rglob("*") if one.is_file()}
