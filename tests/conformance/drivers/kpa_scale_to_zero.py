"""Drives kpa_scale_to_zero.json through sandbox.mechanisms.autoscaling.scale_to_zero."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.mechanisms.autoscaling.activators import SksMode
from sandbox.mechanisms.autoscaling.annotations import PREFIX, PROGRESS_DEADLINE, RevisionScaling, revision_scaling
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig
from sandbox.mechanisms.autoscaling.scale_to_zero import (
    ACTIVATION_TIMEOUT_BUFFER_S,
    Active,
    Reachability,
    ScaleInput,
    apply_scale,
)


def _scaling(case: Mapping[str, Any], table: Mapping[str, Any]) -> RevisionScaling:
    settings = table["config"] | case
    annotations = {
        PREFIX + "window": f"{case['pa_window_s']}s" if "pa_window_s" in case else None,
        PREFIX + "scale-to-zero-pod-retention-period": (
            f"{case['retention_annotation_s']}s" if "retention_annotation_s" in case else None
        ),
        PREFIX + "min-scale": str(case["min_scale"]) if "min_scale" in case else None,
        PREFIX + "max-scale": str(case["max_scale"]) if "max_scale" in case else None,
        PREFIX + "initial-scale": str(case["initial_scale"]) if "initial_scale" in case else None,
        PROGRESS_DEADLINE: (
            f"{case['progress_deadline_annotation_s']}s" if "progress_deadline_annotation_s" in case else None
        ),
    }
    config = AutoscalerConfig(
        scale_to_zero_grace_period_s=settings["scale_to_zero_grace_period_s"],
        stable_window_s=settings["stable_window_s"],
        target_burst_capacity=settings["target_burst_capacity"],
        initial_scale=table["config"]["initial_scale"],
        scale_to_zero_pod_retention_period_s=case.get(
            "retention_config_s", table["config"]["scale_to_zero_pod_retention_s"]
        ),
        enable_scale_to_zero=settings["enable_scale_to_zero"],
        allow_zero_initial_scale=settings.get("allow_zero_initial_scale", False),
    )
    present = {key: value for key, value in annotations.items() if value is not None}
    return revision_scaling(present, config, 0, progress_deadline_s=settings["progress_deadline_s"])


def scale(case: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    assert table["config"]["activation_timeout_buffer_s"] == ACTIVATION_TIMEOUT_BUFFER_S
    condition = case.get("active_condition", {"status": "Unknown", "age_s": 0})
    defaults = table["defaults"]
    seen = ScaleInput(
        scaling=_scaling(case, table),
        desired=case["desired"],
        current_replicas=case["current_replicas"],
        active=Active(condition["status"]),
        active_for_s=condition["age_s"],
        reachability=Reachability(case.get("reachability", "")),
        initialized=case.get("scale_target_initialized", defaults["scale_target_initialized"]),
        sks_mode=SksMode(case.get("sks_mode", defaults["sks_mode"])),
        proxy_for_s=case.get("sks_proxy_for_s", defaults["sks_proxy_for_s"]),
        # A failed probe is no answer, and where the probe "must not be called" a missing answer must not matter.
        activator_answers=case.get("activator_probe", defaults["activator_probe"]) is True,
    )
    outcome = apply_scale(seen)
    got = {
        "scale": outcome.scale,
        "patched": outcome.patched,
        "reenqueues": 0 if outcome.look_again_after_s is None else 1,
        "async_probes": 1 if outcome.background_probe else 0,
    }
    assert got == case["want"]


DRIVERS = {"cases": scale}
