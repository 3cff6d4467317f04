"""Verdicts: which one stands for several, and what JSON is told of a comparison."""

import contextlib
import math

import pytest

from sandbox.errors import ExitCode
from sandbox.journal.measured import Expectation, Inconclusive, Measured, recording, within
from sandbox.judge.verdict import Check, Outcome, Verdict, exit_code_of, gravest

RATIO = Measured(0.12, 0.10, 0.14, 3000, label="hit ratio")


def recorded(compare) -> list[Expectation]:
    found: list[Expectation] = []
    with recording(found.append), contextlib.suppress(Inconclusive):
        compare()
    return found


def outcome(verdict, *checks, exit_code=-1):
    return Outcome(test="test_x", verdict=verdict, checks=checks, exit_code=exit_code)


def check_of(compare) -> Check:
    [expectation] = recorded(compare)
    return Check.of(expectation)


@pytest.mark.parametrize(
    "verdicts, expected",
    [
        (["pass", "skipped"], "pass"),
        (["pass", "inconclusive"], "inconclusive"),
        (["inconclusive", "error"], "error"),
        (["error", "fail", "pass"], "fail"),
        ([], "skipped"),
    ],
)
def test_the_gravest_verdict_stands_for_all(verdicts, expected):
    assert gravest(Verdict(one) for one in verdicts) is Verdict(expected)


@pytest.mark.parametrize(
    "outcomes, expected",
    [
        ([], ExitCode.NOTHING_RAN),
        ([outcome(Verdict.SKIPPED)], ExitCode.NOTHING_RAN),
        ([outcome(Verdict.PASS)], ExitCode.PASSED),
        ([outcome(Verdict.PASS), outcome(Verdict.INCONCLUSIVE)], ExitCode.INCONCLUSIVE),
        ([outcome(Verdict.ERROR)], ExitCode.FAILED),
        ([outcome(Verdict.ERROR, exit_code=7), outcome(Verdict.PASS)], ExitCode.WORLD),
        ([outcome(Verdict.ERROR, exit_code=2), outcome(Verdict.FAIL)], ExitCode.FAILED),
    ],
)
def test_the_exit_status_of_several_outcomes(outcomes, expected):
    assert exit_code_of(outcomes) == expected


def test_a_comparison_keeps_its_numbers():
    check = check_of(lambda: RATIO <= 0.2)

    assert (check.verdict, check.measured, check.low, check.high, check.n) == ("pass", 0.12, 0.10, 0.14, 3000)
    assert (check.operator, check.bound, check.label) == ("<=", 0.2, "hit ratio")


@pytest.mark.parametrize(
    "compare, verdict, bound",
    [
        (lambda: RATIO > 0.2, "fail", 0.2),
        (lambda: RATIO < 0.13, "inconclusive", 0.13),
        (lambda: within(RATIO, 0.05, 0.2), "pass", [0.05, 0.2]),
        (lambda: Measured(0.5, 0.4, 0.6, 9) >= RATIO, "pass", [0.10, 0.14]),
        (lambda: Measured.exact(1.0) >= Measured.exact(1.0), "pass", 1.0),
        (lambda: math.inf > RATIO, "pass", None),
    ],
)
def test_every_kind_of_bound_is_plain_data(compare, verdict, bound):
    check = check_of(compare)

    assert (check.verdict, check.bound) == (verdict, bound)


def test_the_first_comparison_that_does_not_hold_decides():
    checks = [check_of(lambda: RATIO <= 0.2), check_of(lambda: RATIO > 0.3), check_of(lambda: RATIO <= 0.4)]

    assert outcome(Verdict.FAIL, *checks).deciding == checks[1]
    assert outcome(Verdict.PASS, checks[0], checks[2]).deciding == checks[2]
    assert outcome(Verdict.PASS).deciding is None


def test_json_without_a_comparison_has_nulls():
    plain = outcome(Verdict.PASS).as_json()

    assert (plain["verdict"], plain["measured"], plain["bound"], plain["checks"]) == ("pass", None, None, [])
