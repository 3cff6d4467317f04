"""One check of the machine and how it went."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How a check went."""

    OK = "ok"  # as it should be
    WARN = "warn"  # it works, worse than it could
    FAIL = "fail"  # a cluster will not come up, or not stay up
    SKIP = "skip"  # cannot be told here, or does not matter now


@dataclass(frozen=True, slots=True)
class Check:
    """A name, the verdict, what was seen, and the one command that helps."""

    name: str
    status: Status
    evidence: str
    fix: str = ""
