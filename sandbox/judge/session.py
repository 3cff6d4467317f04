"""Runs a scenario's test functions through pytest, in this process, over runs that were already played.

Comes in: the runs of a scenario; goes out: an `Outcome` for each test function. Called by `sandbox run`. The
person's conftest files count, their addopts do not (what they ask of their own suite, coverage say, is not asked
of a scenario). pytest's own output is kept back; it is shown only when pytest itself failed.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest

from sandbox.errors import InternalError, Location, UsageError
from sandbox.judge.stage import Runs
from sandbox.judge.verdict import Outcome, Verdict, outcome_from

PLAYED = "sandbox-played"  # the name under which the plugin finds `Collected`
_ARGUMENTS = (
    "-q", "-o", "addopts=", "-p", "no:cacheprovider", "--import-mode=importlib",
    # by its own name even where the package's entry point is installed: never twice, never missing
    "-p", "no:sandbox", "-p", "sandbox.pytest_plugin",
    # costs a second where it is installed; @given works without it
    "-p", "no:hypothesispytest",
    # collects garbage twice, over all that was played, to find what failed in a finalizer: a twentieth of a run
    "-p", "no:unraisableexception",
    # the sandbox was imported before pytest was: no news, and no error where a project makes errors of warnings
    "-W", "ignore::pytest.PytestAssertRewriteWarning",
)  # fmt: skip
_FINE = {pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED, 6}


class Collected:
    """A pytest plugin that hands out the runs and keeps what became of each test."""

    def __init__(self, runs: Runs) -> None:
        self.runs = runs
        self.outcomes: dict[str, Outcome] = {}
        self.refused: list[str] = []
        self.interrupted = False

    def runs_of(self, path: Path) -> Runs | None:
        """The runs of the scenario in a file."""
        return self.runs if path == self.runs.scenario.path else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        name = report.nodeid.partition("::")[2]
        before = self.outcomes.get(name)
        if report.when == "call" or report.outcome != "passed":
            self.outcomes[name] = _outcome(name, report, before)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.refused.append(report.longreprtext)

    def pytest_keyboard_interrupt(self) -> None:
        self.interrupted = True


def judge(runs: Runs) -> list[Outcome]:
    """What became of each test function of the scenario."""
    collected, said = Collected(runs), io.StringIO()
    path = runs.scenario.path
    with redirect_stdout(said), redirect_stderr(said):
        status = pytest.main([str(path), *_ARGUMENTS], plugins=[_Registrar(collected)])
    if collected.interrupted:
        raise KeyboardInterrupt
    if collected.refused:
        raise UsageError(
            f"pytest cannot collect the scenario:\n{collected.refused[0].rstrip()}", where=Location(str(path))
        )
    if status not in _FINE:
        raise InternalError(f"pytest ended with status {int(status)}", value=said.getvalue()[-2000:])
    return list(collected.outcomes.values())


class _Registrar:
    """Registers `Collected` under its name: pytest.main takes plugins without one."""

    def __init__(self, collected: Collected) -> None:
        self._collected = collected

    def pytest_configure(self, config: pytest.Config) -> None:
        config.pluginmanager.register(self._collected, PLAYED)


def _outcome(name: str, report: pytest.TestReport, before: Outcome | None) -> Outcome:
    """A failure in teardown turns a pass into an error; nothing turns a failure into anything else."""
    if before is not None and before.verdict is not Verdict.PASS:
        return before
    verdict = _verdict(report)
    return Outcome(
        test=name,
        verdict=verdict,
        checks=outcome_from(vars(report)) or (before.checks if before else ()),
        message="" if verdict is Verdict.PASS else _message(report),
        details=report.longreprtext if report.failed else "",
        duration_s=report.duration,
        exit_code=int(getattr(report, "sandbox_exit_code", -1)),
    )


def _verdict(report: pytest.TestReport) -> Verdict:
    if report.passed:
        return Verdict.PASS
    if report.skipped:
        return Verdict.INCONCLUSIVE if hasattr(report, "sandbox_inconclusive") else Verdict.SKIPPED
    return Verdict.FAIL if report.when == "call" and getattr(report, "sandbox_assertion", True) else Verdict.ERROR


def _message(report: pytest.TestReport) -> str:
    stated = getattr(report, "sandbox_message", "")
    if stated:
        return str(stated)
    if isinstance(report.longrepr, tuple):
        return report.longrepr[2]
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message) if crash is not None else report.longreprtext.strip()
