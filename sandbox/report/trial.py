"""What `sandbox try` shows: totals, the run over time, small charts, and each scaling decision in numbers.

Comes in: a played journal and what was assumed; goes out: text that fits 80 columns, or one JSON object (a row for
every second, whatever the table aggregates).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from sandbox.journal.journal import Journal, Record, of_series
from sandbox.journal.measured import format_number
from sandbox.journal.schema import What
from sandbox.journal.selection import clients
from sandbox.report.chart import bar_chart, level_chart
from sandbox.report.findings import findings
from sandbox.report.timeline import Row, percentiles_ms, row_length_s, rows_of

_FIRST_STATUS = 100
_FIRST_DECISIONS, _LAST_DECISIONS = 8, 4

# Heading (two lines) and width of each column of the table.
_COLUMNS = (
    ("", "time", 7),
    ("offered", "/s", 8),
    ("answered", "/s", 8),
    ("errors", "/s", 7),
    ("desired", "pods", 7),
    ("ready", "pods", 5),
    ("concur-", "rency", 7),
    ("", "p50", 8),
    ("", "p99", 8),
    ("cold", "starts", 6),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialReport:
    """One played trial. `load` and `assumptions` are sentences; `target` is who was asked."""

    journal: Journal
    target: str
    load: str
    seed: int
    assumptions: tuple[str, ...] = ()

    @property
    def interrupted(self) -> bool:
        return self.journal.ended != "completed"


# -- JSON ----------------------------------------------------------------------------------------------------


def trial_json(report: TrialReport) -> str:
    """One object: rows (one a second), totals, decisions, and what else there is to know."""
    rows = rows_of(report.journal)
    document = {
        "target": report.target,
        "load": report.load,
        "rows": [asdict(row) for row in rows],
        "totals": totals_of(report, rows),
        "decisions": [dict(one) for one in report.journal.decisions],
        "assumptions": list(report.assumptions),
        "notes": findings(report.journal),
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, default=_plain) + "\n"


def totals_of(report: TrialReport, rows: Sequence[Row]) -> dict[str, object]:
    """The whole run in numbers. None: nothing stands behind it."""
    journal = report.journal
    counts = _counts(journal, clients(journal.series).requests)
    statuses = {str(what): n for what, n in sorted(counts.items()) if what >= _FIRST_STATUS}
    answered = sum(statuses.values())
    errors = sum(n for status, n in statuses.items() if not status.startswith("2"))
    p50, p99 = _percentiles(journal)
    everything = _counts(journal, frozenset(range(len(journal.series))))  # a cache may stand before a predictor
    hits = everything.get(What.HIT, 0)
    looked_up = hits + everything.get(What.MISS, 0)
    return {
        "duration_s": journal.duration_s,
        "ended": journal.ended,
        "seed": report.seed,
        "journal_digest": journal.digest,
        "offered": counts.get(What.ARRIVED, 0),
        "answered": answered,
        "in_flight_at_end": journal.totals.get("in_flight_at_end"),
        "errors": errors,
        "error_ratio": errors / answered if answered else None,
        "statuses": statuses,
        "p50_ms": p50,
        "p99_ms": p99,
        "cold_starts": sum(row.cold_starts for row in rows),
        "peak_desired_pods": max((row.desired_pods for row in rows), default=0),
        "peak_ready_pods": max((row.ready_pods for row in rows), default=0),
        "cache_hit_ratio": hits / looked_up if looked_up else None,
    }


def _counts(journal: Journal, series: frozenset[int]) -> dict[int, int]:
    rows = journal.counts
    mask = of_series(rows, series)
    sums = np.bincount(rows["what"][mask], weights=rows["n"][mask])
    return {int(what): int(sums[what]) for what in np.flatnonzero(sums)}


def _percentiles(journal: Journal) -> list[float | None]:
    """Over the whole run, as one row that holds every second."""
    longest = int(journal.duration_s) + 1
    found = percentiles_ms(journal, (0.5, 0.99), 1, longest)
    return [None if np.isnan(one[0]) else round(float(one[0]), 3) for one in found]


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} is no JSON value")


# -- text ----------------------------------------------------------------------------------------------------


def trial_text(report: TrialReport, *, all_decisions: bool = False) -> str:
    """Everything for a person at a terminal."""
    journal = report.journal
    seconds = rows_of(journal)
    parts = [
        [f"{report.target}: {report.load}, seed {report.seed}", *_bulleted(report.assumptions)],
        _table(rows_of(journal, row_length_s(journal.duration_s))),
        bar_chart("offered, requests/s", [row.offered_per_s for row in seconds], journal.duration_s),
        level_chart(
            "pods: █ ready, ░ wanted beyond that",
            [row.ready_pods for row in seconds],
            [row.desired_pods for row in seconds],
            journal.duration_s,
        ),
        _decisions(journal.decisions, all_of_them=all_decisions),
        _notes(findings(journal)),
        _totals(report, totals_of(report, seconds)),
    ]
    return "\n\n".join("\n".join(part) for part in parts if part) + "\n"


def _bulleted(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _table(rows: Sequence[Row]) -> list[str]:
    headings = [" ".join(f"{column[line]:>{column[2]}}" for column in _COLUMNS) for line in (0, 1)]
    widths = [width for *_, width in _COLUMNS]
    body = [" ".join(f"{cell:>{width}}" for cell, width in zip(_cells(row), widths, strict=True)) for row in rows]
    return [line.rstrip() for line in [*headings, *body]]


def _cells(row: Row) -> tuple[str, ...]:
    return (
        f"{row.t_s} s",
        format_number(row.offered_per_s),
        format_number(row.answered_per_s),
        format_number(row.errors_per_s),
        f"{row.desired_pods:,}",
        f"{row.ready_pods:,}",
        format_number(row.concurrency),
        _ms(row.p50_ms),
        _ms(row.p99_ms),
        f"{row.cold_starts:,}",
    )


def _ms(value: object) -> str:
    if not isinstance(value, float):
        return "–"
    return f"{value:.3g} ms" if value < 1000 else f"{value / 1000:,.3g} s"


def _decisions(records: Sequence[Record], *, all_of_them: bool) -> list[str]:
    lines = [_decision(one) for one in records]
    hidden = len(lines) - _FIRST_DECISIONS - _LAST_DECISIONS
    if hidden > 1 and not all_of_them:
        between = f"… {hidden:,} more between them (--all-decisions shows them)"
        lines = [*lines[:_FIRST_DECISIONS], between, *lines[-_LAST_DECISIONS:]]
    if not lines:
        return ["scaling decisions: none (no autoscaler decided anything)"]
    return [f"scaling decisions that changed something: {len(records):,}", *_bulleted(lines)]


def _decision(record: Record) -> str:
    early = " (before the load)" if record["t_s"] < 0 else ""
    return f"t={record['t_s']:g} s{early}  {record.get('revision', '')}  {record['formula']}"


def _notes(lines: Sequence[str]) -> list[str]:
    return ["to know", *_bulleted(lines)] if lines else []


def _totals(report: TrialReport, totals: Mapping[str, object]) -> list[str]:
    ratio, hits = totals["error_ratio"], totals["cache_hit_ratio"]
    statuses = totals["statuses"]
    assert isinstance(statuses, dict)
    words = ", ".join(f"{n:,} × {status}" for status, n in statuses.items()) or "none"
    lines = [
        f"totals over {report.journal.duration_s:g} s",
        f"  requests     {totals['offered']:,} offered, {totals['answered']:,} answered ({words})",
        f"  errors       {totals['errors']:,}{f' ({100 * ratio:.3g} %)' if isinstance(ratio, float) else ''}",
        f"  latency      p50 {_ms(totals['p50_ms'])}, p99 {_ms(totals['p99_ms'])}",
        f"  pods         at most {totals['peak_ready_pods']} ready, {totals['peak_desired_pods']} wanted, "
        f"{totals['cold_starts']} cold starts",
    ]
    if isinstance(hits, float):
        lines.append(f"  cache        {100 * hits:.3g} % of the look-ups hit")
    if report.interrupted:
        lines.append("  interrupted: this is what was played so far")
    return lines
