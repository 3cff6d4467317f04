"""Driver of knative_rollout.json: cases become calls of sandbox.mechanisms.rollout.gradual."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.mechanisms.rollout import gradual

Json = dict[str, Any]


def _params(step: Json | None) -> gradual.StepParams:
    step = step or {}
    return gradual.StepParams(
        start_ns=step.get("start", 0),
        next_step_ns=step.get("next", 0),
        duration_ns=step.get("duration", 0),
        size=step.get("size", 0),
    )


def _revisions(revisions: list[Any]) -> tuple[gradual.RevisionRollout, ...]:
    """[name, percent] pairs; bare percents get their place, counted from the newest, as a name."""
    count = len(revisions)
    return tuple(
        gradual.RevisionRollout(*one) if isinstance(one, list) else gradual.RevisionRollout(f"r-{count - i}", one)
        for i, one in enumerate(revisions)
    )


def _configuration(entry: Json) -> gradual.ConfigurationRollout:
    return gradual.ConfigurationRollout(
        configuration_name=entry.get("config", ""),
        tag=entry.get("tag", ""),
        percent=entry["percent"],
        revisions=_revisions(entry["revisions"]),
        step=_params(entry.get("step")),
    )


def _rollout(entries: list[Json] | None) -> gradual.Rollout | None:
    return None if entries is None else gradual.Rollout(tuple(_configuration(entry) for entry in entries))


def step(case: Json, table: Json) -> None:
    current = _rollout(case["cur"])
    assert current is not None
    assert (_rollout(case["want"]), case["want_next_step"]) == gradual.step(
        _rollout(case["prev"]), current, case["now"]
    )


def observe_ready(case: Json, table: Json) -> None:
    start = {"start": case["start"], "duration": case.get("duration", 0)}
    before = gradual.ConfigurationRollout(configuration_name="c1", percent=case["percent"], step=_params(start))
    after = gradual.observe_ready(
        gradual.Rollout((before,)), table["observe_ready_now"], table["observe_ready_duration_s"]
    )
    assert _params({**case["want"], "start": case["start"]}) == after.configurations[0].step


def adjust(case: Json, table: Json) -> None:
    adjusted = gradual.adjust_percentage(case["goal"], case["prev_percent"], _revisions(case["prev"]))
    assert case["want"] == [one.percent for one in adjusted]


def step_revisions(case: Json, table: Json) -> None:
    got = gradual.step_revisions(_configuration(case["config"]), case["now"])
    want = case["want"]
    assert (want["percent"], _params(want.get("step"))) == (got.percent, got.step)
    assert [one if isinstance(one, int) else one[1] for one in want["revisions"]] == [
        one.percent for one in got.revisions
    ]


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "step_cases": step,
    "observe_ready_cases": observe_ready,
    "adjust_cases": adjust,
    "step_revision_cases": step_revisions,
}
