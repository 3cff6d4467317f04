"""The report as JSON: always a list, one object for each scenario.

scenario, verdict, expectations (one for each test function, with the deciding comparison's numbers), journal_digest
(over all variants), variants (digest, figures, and where the journal was kept), and how it was played.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence

from sandbox.journal.measured import Measured
from sandbox.report.record import ScenarioReport, VariantSummary


def as_json(reports: Sequence[ScenarioReport]) -> str:
    """The whole text, ending in a line break."""
    return json.dumps([_scenario(one) for one in reports], indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _scenario(report: ScenarioReport) -> dict[str, object]:
    return {
        "scenario": report.scenario,
        "description": report.description,
        "verdict": report.verdict.value,
        "interrupted": report.interrupted,
        "world": report.world,
        "seed": report.seed,
        "form": report.form,
        "expectations": [outcome.as_json() for outcome in report.outcomes],
        "journal_digest": report.journal_digest,
        "variants": {one.name: _variant(one) for one in report.variants},
        "notes": list(report.notes),
    }


def _variant(variant: VariantSummary) -> dict[str, object]:
    figures = {name.replace(" ", "_"): _measured(value) for name, value in variant.figures.items()}
    return {"digest": variant.digest, "ended": variant.ended, "journal": variant.journal, "figures": figures}


def _measured(m: Measured | None) -> dict[str, object] | None:
    if m is None:
        return None
    ends = {name: value if math.isfinite(value) else None for name, value in (("low", m.low), ("high", m.high))}
    return {"value": m.value if math.isfinite(m.value) else None, **ends, "n": m.n, "unit": m.unit}
