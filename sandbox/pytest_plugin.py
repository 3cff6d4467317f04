"""The pytest plugin: scenario files are test modules, `runs` plays their variants, verdicts know a third way.

Loaded by every pytest in an environment that has the package, so it imports next to nothing: no numpy, no numba,
no command line (a test holds it). What it adds:

- files that pytest would not look at are collected when they are scenarios: NAME/NAME.py, scenario.py and
  scenario_*.py with a top-level `variants` (test_*.py is pytest's own, and may be a scenario as well);
- the fixture `runs`, once a module: variants by name, played when first asked for; the fixture `world`, which a
  conftest may override;
- options --world, --seed, --journal-dir, --short;
- every comparison of a measured value is attached to the test's report (user_properties, so JUnit has it too) and
  printed at the end; `Inconclusive` is an outcome of its own, letter I, and makes the exit status 6 where nothing
  failed.
"""

from __future__ import annotations

import glob
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.errors import ExitCode, SandboxError, UsageError
from sandbox.journal.measured import Expectation, Inconclusive, recording

if TYPE_CHECKING:
    from sandbox.journal.world import World
    from sandbox.judge.stage import Runs

_CHECKS = pytest.StashKey[list[Expectation]]()
_INCONCLUSIVE = "inconclusive"
DEFAULT_SEED = 1


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("sandbox", "serving sandbox")
    group.addoption("--world", default="sim", help="where scenarios are played: sim, or module:Class (default: sim)")
    group.addoption("--seed", type=int, default=DEFAULT_SEED, help=f"root of all randomness (default: {DEFAULT_SEED})")
    group.addoption("--journal-dir", default=None, help="keep the journals here (default: a temporary folder)")
    group.addoption("--short", action="store_true", help="play the short forms: less rate, shorter holds")


# -- collection ----------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> None:
    """Adds a scenario file to python_files: pytest's own Python plugin, asked next, collects (and rewrites) it."""
    if file_path.suffix == ".py" and _may_be_scenario(file_path):
        from sandbox.scenario.discovery import is_scenario_file

        patterns = parent.config.getini("python_files")
        exact = glob.escape(str(file_path))
        if exact not in patterns and is_scenario_file(file_path):
            parent.config.addinivalue_line("python_files", exact)


def _may_be_scenario(path: Path) -> bool:
    return path.stem in ("scenario", path.parent.name) or path.stem.startswith("scenario_")


# -- fixtures ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def world(request: pytest.FixtureRequest) -> World:
    """The world that --world names."""
    from sandbox.judge.worlds import world_named

    with _told_shortly():
        return world_named(request.config.getoption("--world"))


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """The module's variants by name, each played once, when first asked for."""
    played = request.config.pluginmanager.get_plugin("sandbox-played")
    found: Runs | None = played.runs_of(request.path) if played is not None else None
    if found is not None:
        return found
    from sandbox.judge.stage import Runs
    from sandbox.mechanisms.admission import ADMISSION
    from sandbox.scenario.loader import loaded
    from sandbox.scenario.model import Form

    config = request.config
    form = Form.SHORT if config.getoption("--short") else Form.FULL
    folder = config.getoption("--journal-dir")
    module = request.node.module
    with _told_shortly():
        scenario = loaded(request.path, module.__doc__ or "", getattr(module, "variants", None), form, ADMISSION)
    where = Path(folder) if folder else tmp_path_factory.mktemp("journals")
    return Runs(scenario, request.getfixturevalue("world"), _seed(config), where)


def _seed(config: pytest.Config) -> int:
    seed = config.getoption("--seed")
    if not isinstance(seed, int) or seed < 0:
        raise UsageError("a seed is a whole number, zero or more", value=seed)
    return seed


@contextmanager
def _told_shortly() -> Iterator[None]:
    """Turns the sandbox's own errors into failures without a wall of traceback."""
    try:
        yield
    except SandboxError as error:
        pytest.fail(str(error), pytrace=False)


# -- expectations --------------------------------------------------------------------------------------------


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Records every comparison that the test makes."""
    checks: list[Expectation] = []
    item.stash[_CHECKS] = checks
    try:
        with recording(checks.append):
            return (yield)
    finally:  # on the item, since pytest's JUnit takes the properties from the report of the teardown
        item.user_properties.extend(("expectation", check.text) for check in checks)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    checks = item.stash.get(_CHECKS, [])
    if call.when == "call" and checks:
        _attach(report, item, checks)
    if call.excinfo is not None:
        _explain(report, item, call.excinfo.value)
    return report


def _attach(report: pytest.TestReport, item: pytest.Item, checks: list[Expectation]) -> None:
    """As plain data, which survives xdist."""
    from sandbox.judge.verdict import Check

    report.__dict__["sandbox_checks"] = [asdict(Check.of(check)) for check in checks]
    report.__dict__["sandbox_scenario"] = "runs" in getattr(item, "fixturenames", ())


def _explain(report: pytest.TestReport, item: pytest.Item, error: BaseException) -> None:
    if isinstance(error, Inconclusive):
        path, line, _ = item.location
        report.outcome = "skipped"  # neither passed nor failed: pytest has no fourth
        report.longrepr = (str(path), (line or 0) + 1, str(error))
        report.__dict__["sandbox_inconclusive"] = True
        report.__dict__["sandbox_message"] = str(error)
    elif report.failed:
        report.__dict__["sandbox_assertion"] = isinstance(error, AssertionError | pytest.fail.Exception)
        if isinstance(error, SandboxError):
            report.__dict__["sandbox_exit_code"] = int(error.exit_code)
            report.__dict__["sandbox_message"] = str(error)


def pytest_report_teststatus(report: pytest.CollectReport | pytest.TestReport) -> tuple[str, str, str] | None:
    if hasattr(report, "sandbox_inconclusive"):
        return _INCONCLUSIVE, "I", "INCONCLUSIVE"
    return None


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == pytest.ExitCode.OK and reporter is not None and reporter.stats.get(_INCONCLUSIVE):
        session.exitstatus = int(ExitCode.INCONCLUSIVE)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was measured against which bound: of passing scenarios too."""
    undecided = terminalreporter.getreports(_INCONCLUSIVE)
    if undecided:
        terminalreporter.write_sep("=", "inconclusive")
        for report in undecided:
            terminalreporter.write_line(f"{report.nodeid}: {getattr(report, 'sandbox_message', '')}")
    reports = [one for kind in ("passed", "failed", _INCONCLUSIVE) for one in terminalreporter.getreports(kind)]
    shown = [one for one in reports if getattr(one, "sandbox_scenario", False)]
    if shown and terminalreporter.verbosity >= 0:
        terminalreporter.write_sep("=", "expectations")
        for report in shown:
            _write_checks(terminalreporter, report)


def _write_checks(terminalreporter: pytest.TerminalReporter, report: pytest.TestReport) -> None:
    terminalreporter.write_line(report.nodeid)
    for name, text in report.user_properties:
        if name == "expectation":
            terminalreporter.write_line(f"  {text}")
