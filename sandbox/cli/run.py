"""Play scenarios and judge them: a verdict for each expectation, the variants side by side."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.progress import progress
from sandbox.errors import ExitCode, UsageError
from sandbox.journal.world import World
from sandbox.judge.session import judge
from sandbox.judge.stage import Runs
from sandbox.judge.verdict import Outcome, exit_code_of
from sandbox.judge.worlds import world_named
from sandbox.mechanisms.admission import ADMISSION
from sandbox.report.as_json import as_json
from sandbox.report.junit import write_junit
from sandbox.report.record import ScenarioReport, report_of
from sandbox.report.terminal import print_journals, print_report
from sandbox.scenario.discovery import find
from sandbox.scenario.loader import LoadedScenario, load
from sandbox.scenario.model import Form

DEFAULT_SEED = 1


def command(
    names: Annotated[list[str], typer.Argument(metavar="NAME…", help="a path, or a name that `sandbox list` shows")],
    world: Annotated[str, typer.Option(help="where to play: sim, or module:Class")] = "sim",
    seed: Annotated[int, typer.Option(min=0, help="root of all randomness")] = DEFAULT_SEED,
    json: Annotated[bool, typer.Option("--json", help="print JSON: a list, one object a scenario")] = False,
    junit: Annotated[Path | None, typer.Option(metavar="FILE", help="write JUnit XML as well")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="keep the journals and report.json here")] = None,
    short: Annotated[bool, typer.Option("--short", help="play the short forms: less rate, shorter holds")] = False,
) -> int:
    """Play every variant of scenarios, run their expectations, print verdicts and the variants side by side."""
    form = Form.SHORT if short else Form.FULL
    scenarios = [load(found.path, form, ADMISSION) for found in [find(name) for name in names]]
    _refuse_twins(scenarios)
    folder = _folder(out)
    reports: list[ScenarioReport] = []
    for scenario in scenarios:
        for note in scenario.notes:
            print(f"{scenario.name}: {note}", file=sys.stderr)
        reports.append(_played(scenario, world_named(world), seed, folder, kept=out is not None))
        if not json:
            print_report(reports[-1], sys.stdout)
        if reports[-1].interrupted:
            break
    _write(reports, json=json, junit=junit, out=out)
    _leave(reports, folder, kept=out is not None)
    return _status(reports)


def _played(scenario: LoadedScenario, world: World, seed: int, folder: Path, *, kept: bool) -> ScenarioReport:
    """Plays and judges one scenario; Ctrl-C ends in a report of what there is."""
    runs = Runs(scenario, world, seed, folder)
    outcomes: list[Outcome] = []
    try:
        for name in runs:
            with progress(f"{scenario.name}: playing {name}"):
                runs[name]
        with progress(f"{scenario.name}: judging"):
            outcomes = judge(runs)
    except KeyboardInterrupt:
        runs.take_interrupted()
        return report_of(runs, outcomes, kept=True, interrupted=True)
    return report_of(runs, outcomes, kept=kept)


def _refuse_twins(scenarios: Sequence[LoadedScenario]) -> None:
    names = [scenario.name for scenario in scenarios]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise UsageError(f"the scenario {twins[0]!r} is named twice", value=" ".join(names), rule="each once")


def _folder(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix="sandbox-run-"))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out cannot be written: {error.strerror}", value=str(out)) from None
    return out


def _write(reports: Sequence[ScenarioReport], *, json: bool, junit: Path | None, out: Path | None) -> None:
    if json:
        sys.stdout.write(as_json(reports))
    if out is not None:
        (out / "report.json").write_text(as_json(reports), encoding="utf-8")
    if junit is not None:
        try:
            write_junit(reports, junit)
        except OSError as error:
            raise UsageError(f"--junit cannot be written: {error.strerror}", value=str(junit)) from None


def _leave(reports: Sequence[ScenarioReport], folder: Path, *, kept: bool) -> None:
    """Temporary journals go, unless Ctrl-C made them the only thing that is left."""
    if kept or any(report.interrupted for report in reports):
        print_journals(reports, sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _status(reports: Sequence[ScenarioReport]) -> int:
    if any(report.interrupted for report in reports):
        print("interrupted", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    empty = [report.scenario for report in reports if not report.outcomes]
    for scenario in empty:
        print(f"{scenario} has no expectation: write a function test_…(runs)", file=sys.stderr)
    return exit_code_of([outcome for report in reports for outcome in report.outcomes])
