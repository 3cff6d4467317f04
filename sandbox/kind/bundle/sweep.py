"""`sandbox bundle gc`: removes what no part needs any more.

Comes in: a Layout; goes out: what was removed. Old files stay behind when a recipe is renamed or dropped, and so do the
logs and the half-made parts of a build that was killed. With `ingredients`, what the parts were made of goes too: the
bundle still serves, the next build makes them again where it needs them.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace

from sandbox.errors import EnvironmentNotReady
from sandbox.kind.bundle.holding import held
from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.lock import read_lock, write_lock
from sandbox.kind.bundle.part import Category


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep removed."""

    files: tuple[str, ...]  # relative to the bundle's folder
    bytes: int


def sweep(layout: Layout, *, ingredients: bool) -> Swept:
    """Remove files that no part of the lock has; with `ingredients`, those parts first."""
    if not layout.lock_file.is_file():
        raise EnvironmentNotReady("there is no bundle here", value=str(layout.root), next_step="sandbox bundle build")
    with held(layout.build_lock):
        lock = read_lock(layout.lock_file)
        assert lock is not None
        if ingredients:
            kept = {name: part for name, part in lock.parts.items() if part.category is not Category.INGREDIENT}
            lock = replace(lock, parts=kept)
            write_lock(layout.lock_file, lock)  # first: a file without an entry does no harm, the other way round does
        shutil.rmtree(layout.work, ignore_errors=True)
        return _swept(layout, {part.file for part in lock.parts.values()})


def _swept(layout: Layout, known: set[str]) -> Swept:
    files, total = [], 0
    for category in Category:
        for file in sorted(layout.file(category.value).glob("*")):
            relative = file.relative_to(layout.root).as_posix()
            if relative not in known:
                total += file.stat().st_size
                file.unlink()
                files.append(relative)
    return Swept(tuple(files), total)
