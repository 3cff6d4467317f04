"""Play a load against manifests, without a scenario, and show what happens second by second."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from sandbox.cli.progress import progress
from sandbox.errors import ExitCode, Location, UsageError
from sandbox.journal.journal import Journal
from sandbox.judge.worlds import world_named
from sandbox.manifests.profile_file import read_profiles
from sandbox.manifests.reader import read_manifests
from sandbox.mechanisms.admission import ADMISSION
from sandbox.report.trial import TrialReport, trial_json, trial_text
from sandbox.scenario.model import Trace
from sandbox.scenario.trace import read_trace
from sandbox.scenario.trial import Flags, Trial, trial_of

DEFAULT_SEED = 1


def command(
    manifests: Annotated[list[Path], typer.Argument(metavar="MANIFEST…", help="files or folders for kubectl apply")],
    rate: Annotated[str | None, typer.Option(metavar="R", help="requests/s: 150, or a ramp 0..1500")] = None,
    trace: Annotated[Path | None, typer.Option(metavar="FILE", help="replay a CSV with a timestamp column")] = None,
    users: Annotated[int | None, typer.Option(help="closed loop: so many users who wait, think and ask again")] = None,
    duration: Annotated[str | None, typer.Option("--for", help="time to play: 10m (default), 90s, 1h30m")] = None,
    to: Annotated[str | None, typer.Option(metavar="NAME", help="who is asked, if the manifests have several")] = None,
    service_time: Annotated[str | None, typer.Option(metavar="DIST", help="the model's own time, e.g. 80ms")] = None,
    startup: Annotated[str | None, typer.Option(help="a pod's creation to Ready as a whole, e.g. 2s")] = None,
    profile: Annotated[Path | None, typer.Option(metavar="FILE", help="how models and platform behave")] = None,
    config: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="the platform's ConfigMaps, and v1 Nodes (repeatable)")
    ] = None,
    keys: Annotated[int | None, typer.Option(metavar="N", help="how many different keys are asked for")] = None,
    zipf: Annotated[float | None, typer.Option(metavar="S", help="popularity of key k is k^-S (0: uniform)")] = None,
    think: Annotated[str | None, typer.Option(help="--users: mean time between answer and request (1s)")] = None,
    seed: Annotated[int, typer.Option(min=0, help="root of all randomness")] = DEFAULT_SEED,
    json: Annotated[bool, typer.Option("--json", help="print one JSON object: rows, totals, decisions")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="keep journal/ and try.json here")] = None,
    all_decisions: Annotated[bool, typer.Option("--all-decisions", help="show every scaling decision")] = False,
) -> int:
    """Play a load against manifests, without a scenario, and show what happens second by second."""
    read = read_manifests(*(config or []), *manifests, admission=ADMISSION, first_deploy=True)
    flags = Flags(
        rate=rate,
        trace=_trace(trace),
        users=users,
        think=think,
        duration=duration,
        service_time=service_time,
        startup=startup,
        to=to,
        keys=keys,
        zipf=zipf,
    )
    book = read_profiles(profile) if profile is not None else None
    trial = trial_of(read.objects, flags, book, Location(", ".join(str(path) for path in manifests)))
    for note in (*read.notes, *trial.notes):
        print(f"note: {note}", file=sys.stderr)
    folder = _folder(out)
    journal = _played(trial, seed, folder / "journal")
    report = TrialReport(
        journal=journal, target=trial.target, load=trial.load, seed=seed, assumptions=trial.assumptions
    )
    _show(report, json=json, all_decisions=all_decisions)
    return _ended(report, folder, kept=out is not None)


# -- input ---------------------------------------------------------------------------------------------------


def _trace(path: Path | None) -> Trace | None:
    if path is None:
        return None
    trace, unused = read_trace(path)
    if unused:
        print(f"note: {path}: columns not used: {', '.join(unused)}", file=sys.stderr)
    return trace


# -- play ----------------------------------------------------------------------------------------------------


def _played(trial: Trial, seed: int, folder: Path) -> Journal:
    """The journal, as far as it came: after Ctrl-C what was played until then."""
    try:
        with progress(f"playing {trial.load}"):
            return world_named("sim").play(trial.variant, seed, folder)
    except KeyboardInterrupt:
        if not (folder / "meta.json").is_file():
            raise
        return Journal.open(folder)


# -- output --------------------------------------------------------------------------------------------------


def _show(report: TrialReport, *, json: bool, all_decisions: bool) -> None:
    sys.stdout.write(trial_json(report) if json else trial_text(report, all_decisions=all_decisions))
    sys.stdout.flush()


def _folder(out: Path | None) -> Path:
    if out is None:
        return Path(tempfile.mkdtemp(prefix="sandbox-try-"))
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--out cannot be written: {error.strerror}", value=str(out)) from None
    return out


def _ended(report: TrialReport, folder: Path, *, kept: bool) -> int:
    """A temporary journal goes, unless Ctrl-C made it the only thing that is left."""
    if kept:
        (folder / "try.json").write_text(trial_json(report), encoding="utf-8")
    if kept or report.interrupted:
        print(f"journal: {report.journal.folder}", file=sys.stderr)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    if report.interrupted:
        print("interrupted", file=sys.stderr)
        return int(ExitCode.INTERRUPTED)
    return int(ExitCode.PASSED)
