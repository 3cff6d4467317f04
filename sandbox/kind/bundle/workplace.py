"""What a recipe is given to work with: an empty folder, its inputs, a log, and commands that can be stopped.

Comes in: from build.py, one for each part in the making; goes out: `output`, a file that build.py then moves into
the bundle. A command's output goes into the part's log; a command that fails, or runs longer than it may, raises
CommandFailed with the last lines of that log. Children are started in a process group of their own, so that Ctrl-C
and a full disk end all of them and what they started.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_TAIL_LINES = 6


class CommandFailed(Exception):
    """A command of a recipe ended badly; `tail` is what it said last."""

    def __init__(self, what: str, tail: str) -> None:
        self.what = what
        self.tail = tail
        super().__init__(f"{what}\n{tail}" if tail else what)


class Children:
    """The processes that are running for a build; `end_all` ends them and lets no new one start."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def start(self, command: Sequence[str], **options: object) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._ended:
                raise CommandFailed("stopped before it started", "")
            process: subprocess.Popen[bytes] = subprocess.Popen(command, start_new_session=True, **options)  # type: ignore[call-overload]
            self._running.add(process)
            return process

    def ended(self, process: subprocess.Popen[bytes]) -> None:
        with self._lock:
            self._running.discard(process)

    def end_all(self) -> None:
        with self._lock:
            self._ended = True
            for process in self._running:
                end_group(process)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and everything it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Workplace:
    """One part in the making."""

    folder: Path  # empty at the start, removed at the end
    output: Path  # to be written by the recipe
    log: Path
    inputs: Mapping[str, Path]
    children: Children = field(default_factory=Children)
    notes: dict[str, str] = field(default_factory=dict)  # what goes into the lock beside the digest: image_id, version

    def input(self, part: str) -> Path:
        return self.inputs[part]

    def subfolder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    def run(
        self,
        command: Sequence[str | Path],
        *,
        limit_s: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdin: Path | None = None,
        stdout: Path | None = None,
    ) -> None:
        """Run a command to its good end, its chatter in the log (its stdout in `stdout`, if given)."""
        words = [str(word) for word in command]
        environment = {**os.environ, "TMPDIR": str(self.folder), **(env or {})}
        with self.log.open("ab") as log, _reading(stdin) as source, _writing(stdout, log) as sink:
            log.write(f"$ {shlex.join(words)}\n".encode())
            log.flush()
            try:
                process = self.children.start(words, cwd=cwd, env=environment, stdin=source, stdout=sink, stderr=log)
            except FileNotFoundError:
                raise CommandFailed(f"{words[0]} is not installed", "") from None
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise CommandFailed(f"{words[0]} has not ended after {limit_s:.0f} s", self.tail()) from None
        finally:
            if process.poll() is None:
                end_group(process)
                process.wait()
            self.children.ended(process)
        if status != 0:
            raise CommandFailed(f"{words[0]} ended with status {status}", self.tail())

    def capture(
        self,
        command: Sequence[str | Path],
        *,
        limit_s: float,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """What a command prints on stdout."""
        file = self.folder / "captured"
        self.run(command, limit_s=limit_s, cwd=cwd, env=env, stdout=file)
        return file.read_text(encoding="utf-8")

    def say(self, text: str) -> None:
        """A line in the part's log."""
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"{text}\n")

    def tail(self) -> str:
        """The last lines of the log, without the commands."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        said = [line for line in lines if line.strip() and not line.startswith("$ ")]
        return "\n".join(said[-_TAIL_LINES:])


def _reading(path: Path | None) -> IO[bytes]:
    return (path or Path(os.devnull)).open("rb")


def _writing(path: Path | None, log: IO[bytes]) -> IO[bytes]:
    return path.open("wb") if path else os.fdopen(os.dup(log.fileno()), "ab")
