"""Tells people on stderr how `up` goes: a line for each component, and what is waited for, with the time.

Comes in: what bring_up.py reports; goes out: text. On a terminal what is waited for is one line, rewritten; elsewhere
it is a line whenever it changes, every ten seconds at most.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from typing import TextIO

from sandbox.kind.stack.component import Waiting

_QUIET_S = 10.0


class Told:
    """A Watcher (bring_up.py) that prints."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream
        self.start = time.monotonic()
        self.last_text, self.last_time = "", self.start
        self.alone = stream.isatty()

    def there(self, name: str) -> None:
        self._line(f"{name:<10} ready, as before")

    def installing(self, name: str) -> None:
        self._passing(f"{name:<10} is installed")

    def waiting(self, name: str, waiting: Sequence[Waiting]) -> None:
        more = f" and {len(waiting) - 1} more" if len(waiting) > 1 else ""
        self._passing(f"{name:<10} waits for {waiting[0]}{more}")

    def ready(self, name: str, seconds: float) -> None:
        self._line(f"{name:<10} ready in {seconds:.1f} s")

    def cluster(self, text: str) -> None:
        self._passing(f"{'cluster':<10} {text}")

    def lines(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._line(line)

    def _line(self, text: str) -> None:
        clear = "\r\033[K" if self.alone else ""
        print(f"{clear}{self._elapsed()} {text}", file=self.stream, flush=True)

    def _passing(self, text: str) -> None:
        """What holds for the moment."""
        now = time.monotonic()
        if self.alone:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\033[K{f'{self._elapsed()} {text}'[:width]}", end="", file=self.stream, flush=True)
        elif text != self.last_text and now - self.last_time >= _QUIET_S:
            self.last_text, self.last_time = text, now
            self._line(text)

    def _elapsed(self) -> str:
        seconds = int(time.monotonic() - self.start)
        return f"{seconds // 60:3d}:{seconds % 60:02d}"
