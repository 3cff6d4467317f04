"""Tells people on stderr how a build goes: a line for each part, and what still runs.

Comes in: what build.py reports; goes out: text. On a terminal what still runs is one line, rewritten; elsewhere (a CI
log) it is a line every half a minute.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from sandbox.kind.bundle.part import Part
from sandbox.kind.bundle.recipe import Recipe

_QUIET_S = 30.0


class Told:
    """A Watch (build.py) that prints."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.total = self.done = self.kept_parts = 0
        self.start = self.last = time.monotonic()
        self.alone = stream.isatty()

    def planned(self, total: int) -> None:
        self.total = total

    def kept(self, part: Part) -> None:
        self.done += 1
        self.kept_parts += 1

    def started(self, recipe: Recipe) -> None:
        self._line(f"making       {recipe.id}")

    def made(self, part: Part) -> None:
        self.done += 1
        self._line(f"made         {part.id} in {part.seconds:.1f} s, {size(part.bytes)}")

    def failed(self, recipe: Recipe, error: Exception, log: Path) -> None:
        self._line(f"FAILED       {recipe.id}: {error}\n             its log: {log}")

    def waiting(self, running: Sequence[tuple[str, float]]) -> None:
        text = "still making " + ", ".join(f"{name} ({seconds:.0f} s)" for name, seconds in running)
        if self.alone:
            print(f"\r\033[K{self._head()} {text}", end="", file=self.stream, flush=True)
        elif time.monotonic() - self.last >= _QUIET_S:
            self._line(text)

    def _line(self, text: str) -> None:
        self.last = time.monotonic()
        clear = "\r\033[K" if self.alone else ""
        print(f"{clear}{self._head()} {text}", file=self.stream, flush=True)

    def _head(self) -> str:
        seconds = int(time.monotonic() - self.start)
        return f"{seconds // 60:3d}:{seconds % 60:02d} [{self.done}/{self.total}]"


def size(count: int) -> str:
    """`29 MB`, as disks count."""
    return (
        f"{count / 1e9:.2f} GB"
        if count >= 1e9
        else f"{count / 1e6:.1f} MB"
        if count >= 1e5
        else f"{count / 1e3:.1f} kB"
    )
