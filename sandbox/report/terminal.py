"""The report for people: a verdict for each expectation, then the variants side by side.

Comes in: `ScenarioReport`s and a stream; goes out: text, in colour where the stream is a terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from sandbox.journal.measured import Measured, format_number
from sandbox.judge.verdict import Check, Outcome, Verdict
from sandbox.report.record import FIGURES, ScenarioReport

_STYLE = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.ERROR: "bold red",
    Verdict.INCONCLUSIVE: "yellow",
    Verdict.SKIPPED: "dim",
}
_MOST_CHECKS = 4  # shown of one expectation that held
_PIPE_WIDTH = 120  # where there is no terminal to ask


def print_report(report: ScenarioReport, stream: TextIO) -> None:
    """One scenario."""
    console = _console(stream)
    console.print(Text(report.scenario, style="bold"), Text(report.description))
    console.print(_how(report), style="dim")
    for outcome in report.outcomes:
        _print_outcome(console, outcome)
    if report.interrupted:
        console.print(Text("interrupted: this is what was played so far", style="yellow"))
    if report.variants:
        console.print()
        console.print(_side_by_side(report))
    console.print()
    if not report.interrupted:
        console.print(_summary(report))


def print_journals(reports: Sequence[ScenarioReport], stream: TextIO) -> None:
    """Where the journals were kept."""
    for report in reports:
        for variant in report.variants:
            if variant.journal:
                print(f"journal of {report.scenario}, {variant.name}: {variant.journal}", file=stream)


def _console(stream: TextIO) -> Console:
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=True)


def _how(report: ScenarioReport) -> str:
    names = ", ".join(one.name for one in report.variants)
    return f"world {report.world}, seed {report.seed}, {report.form} form, variants: {names}"


def _print_outcome(console: Console, outcome: Outcome) -> None:
    console.print(Text.assemble((f"{outcome.verdict.value:<12}", _STYLE[outcome.verdict]), " ", _title(outcome.test)))
    shown = _worth_showing(outcome.checks)
    for check in shown:
        style = "dim" if check.verdict == Verdict.PASS.value else ""
        console.print(Text(f"{'':13}{check.text}", style=style))
    hidden = len(outcome.checks) - len(shown)
    if hidden:
        console.print(Text(f"{'':13}… and {hidden} more that held with more room (all of them: --json)", style="dim"))
    compared = outcome.checks and outcome.deciding and outcome.deciding.verdict != Verdict.PASS.value
    if outcome.message and not compared:
        for line in outcome.message.splitlines():
            console.print(Text(f"{'':13}{line}"))


def _worth_showing(checks: Sequence[Check]) -> list[Check]:
    """All that did not hold; of a long list that held, the closest to their bounds."""
    if len(checks) <= _MOST_CHECKS:
        return list(checks)
    closest = sorted(checks, key=_room)[:_MOST_CHECKS]
    return [check for check in checks if check.verdict != Verdict.PASS.value or check in closest]


def _room(check: Check) -> float:
    """How far the measured value is from the nearest bound, as a share of the bound."""
    ends = check.bound if isinstance(check.bound, list) else [check.bound]
    finite = [end for end in ends if end is not None]
    if check.measured is None or not finite:
        return 0.0
    return min(abs(check.measured - end) / max(abs(end), 1e-9) for end in finite)


def _title(test: str) -> str:
    """test_blue_green_collapses_the_hit_ratio, as a sentence."""
    name, bracket, parameter = test.partition("[")
    return name.rpartition("::")[2].removeprefix("test_").replace("_", " ") + (
        f" {bracket}{parameter}" if bracket else ""
    )


def _side_by_side(report: ScenarioReport) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("variant")
    shown = [name for name, _ in FIGURES if _is_worth_a_column(report, name)]
    for name in shown:
        table.add_column(name, justify="right")
    for variant in report.variants:
        table.add_row(variant.name, *(_cell(variant.figures[name], name) for name in shown))
    return table


def _is_worth_a_column(report: ScenarioReport, name: str) -> bool:
    values = [one.figures[name] for one in report.variants]
    if name == "peak GPUs requested":
        return any(value is not None and value.value > 0 for value in values)
    return any(value is not None for value in values)


def _cell(value: Measured | None, name: str) -> str:
    if value is None:
        return "–"
    if name in ("errors", "hit ratio"):
        return f"{100 * value.value:.3g} %"
    if value.unit == "s":
        return f"{1000 * value.value:,.3g} ms" if value.value < 1 else f"{value.value:,.3g} s"
    return format_number(value.value) + ("/s" if value.unit.endswith("/s") else "")


def _summary(report: ScenarioReport) -> Text:
    counts = {one: sum(outcome.verdict is one for outcome in report.outcomes) for one in Verdict}
    parts = [f"{count} {verdict.value}" for verdict, count in counts.items() if count]
    words = ", ".join(parts) or "no expectation ran"
    return Text.assemble(
        (report.verdict.value, _STYLE[report.verdict]), f": {words}; journals {report.journal_digest[:12]}"
    )
