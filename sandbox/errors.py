"""The error tree: whose problem it is decides the class, the class decides the exit code.

    SandboxError
    ├── UsageError           yours: a manifest, a scenario, an argument          exit 2
    ├── EnvironmentNotReady  your machine: something to install or to start     exit 4
    ├── WorldError           theirs: a world failed or timed out                exit 7
    └── InternalError        ours: please report it                             exit 3

Every message says what happened, where (file:line:column), the value, the rule, and the next command to
type. Raised anywhere; caught only at the CLI's edge, which prints `str(error)` and exits with `exit_code`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class ExitCode(IntEnum):
    """What a verb's exit status means (pytest's number where pytest has one)."""

    PASSED = 0  # everything held
    FAILED = 1  # an expectation failed
    USAGE = 2  # the input was refused
    INTERNAL = 3  # a defect of the sandbox
    ENVIRONMENT = 4  # the machine is not ready
    NOTHING_RAN = 5  # no scenario or no test was found
    INCONCLUSIVE = 6  # the measurement cannot tell
    WORLD = 7  # the world failed or timed out
    INTERRUPTED = 130  # Ctrl-C


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a file, 1-based; line 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class SandboxError(Exception):
    """Base of all errors the sandbox raises on purpose."""

    exit_code = ExitCode.INTERNAL

    def __init__(
        self,
        what: str,
        *,
        where: Location | None = None,
        value: object = None,
        rule: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.value = value
        self.rule = rule
        self.next_step = next_step
        super().__init__(what)

    def __str__(self) -> str:
        head = f"{self.where}: {self.what}" if self.where else self.what
        lines = [head]
        if self.value is not None:
            lines.append(f"  value: {_shorten(self.value)}")
        if self.rule:
            lines.append(f"  rule:  {self.rule}")
        if self.next_step:
            lines.append(f"  next:  {self.next_step}")
        return "\n".join(lines)


def _shorten(value: object, limit: int = 200) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


class UsageError(SandboxError):
    """The input cannot be accepted as it is."""

    exit_code = ExitCode.USAGE


class EnvironmentNotReady(SandboxError):
    """The machine lacks something; `next_step` says how to get it."""

    exit_code = ExitCode.ENVIRONMENT


class WorldError(SandboxError):
    """A world could not play the run, or did not finish in time."""

    exit_code = ExitCode.WORLD


class InternalError(SandboxError):
    """A defect of the sandbox itself."""

    exit_code = ExitCode.INTERNAL
