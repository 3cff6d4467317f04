"""A part of fixtures/ as a process of a test: it is heard, waited for, and ended with its block."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S = 60.0  # importing takes up to two seconds of it, more on a busy machine
STOPS_WITHIN_S = 20.0
AMBIENT = ("STORAGE_URI", "K_REVISION")  # what a pod is told; here by the test alone


@dataclass(frozen=True, slots=True)
class Part:
    """One process, and what it has said so far."""

    process: subprocess.Popen[bytes]
    folder: Path
    started_s: float  # just before the process was made, by time.monotonic

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def wait_for(self, line: str) -> re.Match[str]:
        """The first whole line on stdout or stderr that this pattern matches."""
        pattern = re.compile(f"^{line}$(?=\n)", re.MULTILINE)
        until = time.monotonic() + STARTS_WITHIN_S
        while True:
            ended = self.process.poll() is not None  # asked first: what it said last counts
            found = pattern.search(self.stdout()) or pattern.search(self.stderr())
            if found:
                return found
            said = f"{self.stdout()}\n{self.stderr()}"
            assert not ended, f"exited {self.process.returncode} before {line!r}:\n{said}"
            assert time.monotonic() < until, f"no {line!r} within {STARTS_WITHIN_S:g} s:\n{said}"
            time.sleep(0.005)

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Its exit status, after a signal unless it has ended."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Its exit status."""
        try:
            return self.process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"it did not end within {STOPS_WITHIN_S:g} s:\n{self.stderr()}") from None


@contextmanager
def part(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> Iterator[Part]:
    """`python -m fixtures.NAME ARGUMENTS`; killed at the end unless it has ended."""
    with tempfile.TemporaryDirectory(prefix=f"{name}-") as temporary:
        folder = Path(temporary)
        with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
            started_s = time.monotonic()
            process = subprocess.Popen(
                _command(name, arguments), cwd=CHECKOUT, env=_environment(environment), stdout=out, stderr=err
            )
        try:
            yield Part(process, folder, started_s)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(STOPS_WITHIN_S)


def run(name: str, *arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """The same for one that ends by itself."""
    return subprocess.run(
        _command(name, arguments),
        cwd=CHECKOUT,
        env=_environment(environment),
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN_S,
        check=False,
    )


def _command(name: str, arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", f"fixtures.{name}", *arguments]


def _environment(more: Mapping[str, str] | None) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if key not in AMBIENT} | dict(more or {})
