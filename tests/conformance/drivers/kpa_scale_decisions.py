"""Drives kpa_scale_decisions.json through sandbox.mechanisms.autoscaling.kpa."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.mechanisms.autoscaling.kpa import Autoscaler, DeciderSpec, Decision

EBC_TOLERANCE = 1


def _spec(fields: Mapping[str, Any]) -> DeciderSpec:
    renamed = {"target_value": "target", "total_value": "total"}
    return DeciderSpec(**{renamed.get(name, name): value for name, value in fields.items() if name != "reachable"})


def _check(want: Mapping[str, Any], got: Decision) -> None:
    assert got.valid == want["valid"]
    assert got.desired == want["desired"]
    assert abs(got.excess_burst_capacity - want["ebc"]) <= EBC_TOLERANCE
    for name in ("in_panic", "panic_since_s"):
        if name in want:
            assert getattr(got, name) == want[name]


def decisions(case: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    spec = dict(case["spec"])
    autoscaler = Autoscaler(_spec(spec), case["initial_ready_pods"] or 0, now_s=0.0)
    if "want_after_creation" in case:
        want = case["want_after_creation"]
        assert (autoscaler.panic_since_s is not None) == want["in_panic"]
        assert autoscaler.max_panic_pods == want["max_panic_pods"]
    if "pre_state" in case:
        in_panic = case["pre_state"]["in_panic"]
        autoscaler.panic_since_s = case["pre_state"]["panic_since_s"] if in_panic else None
        autoscaler.max_panic_pods = case["pre_state"]["max_panic_pods"]
    for step in case["steps"]:
        if "spec_update" in step:
            spec |= step["spec_update"]
            autoscaler.update(_spec(spec))
        ready_pods = None if step.get("pod_count_error") else step["ready_pods"] or 0  # not found counts as none
        failed = step.get("metrics_error", False)
        stable, panic = (None, None) if failed else (step["stable"], step["panic"])
        _check(step["want"], autoscaler.decide(step["t_s"], ready_pods, stable, panic, reachable=spec["reachable"]))


DRIVERS = {"cases": decisions}
