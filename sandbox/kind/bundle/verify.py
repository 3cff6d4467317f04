"""Is a bundle whole? Reads every file again and compares it with the lock.

Comes in: a Layout and its Lock; goes out: one Finding for each part that is not as the lock says. Used by
`sandbox bundle verify` and, without the digests (sizes only, which takes milliseconds), by `sandbox doctor` and `up`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from sandbox.kind.bundle.layout import Layout
from sandbox.kind.bundle.lock import Lock
from sandbox.kind.bundle.part import Part


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with one part."""

    part: str
    problem: str


def check(layout: Layout, lock: Lock, *, digests: bool = True) -> Iterator[Finding]:
    """Every part that is missing, cut short or changed; with `digests` each file is read."""
    for name in lock.missing:
        yield Finding(name, "was never made")
    for part in lock.parts.values():
        problem = _problem(layout, part, digests=digests)
        if problem:
            yield Finding(part.id, problem)


def _problem(layout: Layout, part: Part, *, digests: bool) -> str:
    file = layout.file(part.file)
    if not file.is_file():
        return f"{part.file} is gone"
    size = file.stat().st_size
    if size != part.bytes:
        return f"{part.file} has {size} bytes, the lock says {part.bytes}"
    if not digests:
        return ""
    with file.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return "" if digest == part.sha256 else f"{part.file} has sha256 {digest}, the lock says {part.sha256}"
