"""Verdicts: what became of a test function, a scenario, a whole run of the command.

Comes in: `Expectation`s that were recorded while a test ran, and how pytest says it ended; goes out: plain frozen
outcomes that every report (terminal, JSON, JUnit) is made of. No pytest and no numpy in here: the plugin loads it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum

from sandbox.errors import ExitCode
from sandbox.journal.measured import Expectation, Measured


class Verdict(Enum):
    """How an expectation came out."""

    PASS = "pass"  # what must hold, held
    FAIL = "fail"  # it did not
    INCONCLUSIVE = "inconclusive"  # the measurement cannot tell
    ERROR = "error"  # the test itself went wrong: an empty window, an unknown mark, an exception
    SKIPPED = "skipped"  # the test says that it does not apply


_GRAVEST_FIRST = (Verdict.FAIL, Verdict.ERROR, Verdict.INCONCLUSIVE, Verdict.PASS, Verdict.SKIPPED)
_EXIT = {
    Verdict.FAIL: ExitCode.FAILED,
    Verdict.ERROR: ExitCode.FAILED,
    Verdict.INCONCLUSIVE: ExitCode.INCONCLUSIVE,
    Verdict.PASS: ExitCode.PASSED,
    Verdict.SKIPPED: ExitCode.NOTHING_RAN,
}


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison of a measured value with a bound, as plain numbers (None: not finite)."""

    verdict: str
    text: str
    label: str
    measured: float | None
    low: float | None
    high: float | None
    n: int
    unit: str
    confidence: float
    operator: str
    bound: float | list[float | None] | None  # a list: the two ends of `within`, or of a measured bound's interval

    @classmethod
    def of(cls, expectation: Expectation) -> Check:
        """What was recorded, made ready for JSON."""
        m = expectation.measured
        return cls(
            verdict={True: Verdict.PASS, False: Verdict.FAIL, None: Verdict.INCONCLUSIVE}[expectation.holds].value,
            text=expectation.text,
            label=m.label,
            measured=_finite(m.value),
            low=_finite(m.low),
            high=_finite(m.high),
            n=m.n,
            unit=m.unit,
            confidence=m.confidence,
            operator=expectation.operator,
            bound=_bound(expectation.bound),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one test function, with all that it compared."""

    test: str
    verdict: Verdict
    checks: tuple[Check, ...] = ()
    message: str = ""  # one line or a few: why it failed, or cannot tell
    details: str = ""  # pytest's whole report of a failure
    duration_s: float = 0.0
    exit_code: int = -1  # of the error that ended the test; -1: the verdict's

    @property
    def deciding(self) -> Check | None:
        """The comparison that decided: the first that did not hold, else the last."""
        undone = [check for check in self.checks if check.verdict != Verdict.PASS.value]
        return next(iter(undone or self.checks[-1:]), None)

    def as_json(self) -> dict[str, object]:
        """The test, its verdict, and the deciding comparison's numbers beside it; all comparisons in `checks`."""
        check = self.deciding
        numbers = ("measured", "low", "high", "n", "unit", "operator", "bound", "text")
        return {
            "test": self.test,
            "verdict": self.verdict.value,
            **{name: getattr(check, name) if check else None for name in numbers},
            "message": self.message or None,
            "checks": [asdict(one) for one in self.checks],
        }


def gravest(verdicts: Iterable[Verdict]) -> Verdict:
    """The verdict over several: fail before error before inconclusive before pass; skipped if nothing ran.

    >>> gravest([Verdict.PASS, Verdict.INCONCLUSIVE])
    <Verdict.INCONCLUSIVE: 'inconclusive'>
    """
    present = set(verdicts)
    return next((one for one in _GRAVEST_FIRST if one in present), Verdict.SKIPPED)


def exit_code_of(outcomes: Iterable[Outcome]) -> int:
    """The exit status that a set of outcomes deserves; 5 if there is none."""
    outcomes = list(outcomes)
    worst = gravest(one.verdict for one in outcomes)
    if worst is Verdict.ERROR:
        own = [one.exit_code for one in outcomes if one.verdict is Verdict.ERROR and one.exit_code >= 0]
        return own[0] if own else int(ExitCode.FAILED)
    return int(_EXIT[worst])


def outcome_from(fields: Mapping[str, object]) -> tuple[Check, ...]:
    """The checks that the plugin attached to a report (plain mappings, so that they survive serialisation)."""
    attached = fields.get("sandbox_checks", ())
    assert isinstance(attached, list | tuple)
    return tuple(Check(**one) for one in attached)


def _bound(bound: float | Measured | tuple[float, float]) -> float | list[float | None] | None:
    if isinstance(bound, Measured):
        return _finite(bound.value) if bound.is_exact else [_finite(bound.low), _finite(bound.high)]
    if isinstance(bound, tuple):
        return [_finite(end) for end in bound]
    return _finite(bound)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
