"""What a report is made of: one scenario, what was played, what became of its expectations.

Comes in: the runs and the outcomes; goes out: `ScenarioReport`, which terminal, JSON and JUnit only lay out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sandbox.errors import ExitCode
from sandbox.journal.measured import Measured
from sandbox.journal.run import Run
from sandbox.journal.window import EmptyWindow, Window
from sandbox.judge.stage import Runs
from sandbox.judge.verdict import Outcome, Verdict, exit_code_of, gravest

# One column of the side-by-side table: its heading, and where a window has the number.
Figure = tuple[str, Callable[[Window], Measured]]
FIGURES: tuple[Figure, ...] = (
    ("rate", lambda whole: whole.rate),
    ("errors", lambda whole: whole.error_ratio),
    ("p50", lambda whole: whole.latency.p50),
    ("p99", lambda whole: whole.latency.p99),
    ("hit ratio", lambda whole: whole.cache.hit_ratio),
    ("peak pods", lambda whole: whole.pods().existing.peak),
    ("peak CPU requested", lambda whole: whole.requested_cpu.peak),
    ("peak GPUs requested", lambda whole: whole.requested_gpu.peak),
    ("cold starts", lambda whole: whole.cold_starts),
)


@dataclass(frozen=True, slots=True)
class VariantSummary:
    """One played variant: what identifies its journal, and its row of the table (None: nothing of the kind)."""

    name: str
    digest: str
    ended: str
    figures: dict[str, Measured | None]
    journal: str | None = None  # where it was kept


@dataclass(frozen=True, slots=True, kw_only=True)
class ScenarioReport:
    """One scenario of a `sandbox run`."""

    scenario: str
    description: str
    world: str
    seed: int
    form: str
    outcomes: tuple[Outcome, ...]
    variants: tuple[VariantSummary, ...]
    notes: tuple[str, ...] = ()
    interrupted: bool = False

    @property
    def verdict(self) -> Verdict:
        return Verdict.ERROR if self.interrupted else gravest(one.verdict for one in self.outcomes)

    @property
    def exit_code(self) -> int:
        return int(ExitCode.INTERRUPTED) if self.interrupted else exit_code_of(self.outcomes)

    @property
    def journal_digest(self) -> str:
        """Over the digests of all variants: equal for the same scenario, seed and version."""
        lines = "".join(f"{one.name} {one.digest}\n" for one in sorted(self.variants, key=lambda one: one.name))
        return hashlib.sha256(lines.encode()).hexdigest()


def report_of(runs: Runs, outcomes: Sequence[Outcome], *, kept: bool, interrupted: bool = False) -> ScenarioReport:
    """Everything about one scenario that was played, as far as it came. `kept`: the journals stay where they are."""
    scenario = runs.scenario
    return ScenarioReport(
        scenario=scenario.name,
        description=scenario.description,
        world=runs.world.name,
        seed=runs.seed,
        form=next(iter(scenario.variants.values())).form.value,
        outcomes=tuple(outcomes),
        variants=tuple(_summary(run, kept) for run in runs.played.values()),
        notes=scenario.notes,
        interrupted=interrupted,
    )


def _summary(run: Run, kept: bool) -> VariantSummary:
    journal = run.journal
    figures = {name: _figure(run, of) for name, of in FIGURES}
    return VariantSummary(run.name, journal.digest, journal.ended, figures, str(journal.folder) if kept else None)


def _figure(run: Run, of: Callable[[Window], Measured]) -> Measured | None:
    try:
        return of(run.whole)
    except EmptyWindow:
        return None
