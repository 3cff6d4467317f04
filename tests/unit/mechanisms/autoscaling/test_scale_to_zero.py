"""What the upstream table leaves out: bounds, disabled scale to zero, and the Active condition."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.mechanisms.autoscaling.activators import SksMode
from sandbox.mechanisms.autoscaling.annotations import revision_scaling
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig
from sandbox.mechanisms.autoscaling.scale_to_zero import (
    Active,
    Activity,
    Reachability,
    ScaleInput,
    active_condition,
    active_threshold,
    apply_scale,
    bounded,
    bounds,
)

SCALING = revision_scaling(None, AutoscalerConfig(), container_concurrency=0)
REACHABLE = Reachability.REACHABLE
UNREACHABLE = Reachability.UNREACHABLE


def test_a_decision_above_the_maximum_is_cut() -> None:
    seen = ScaleInput(replace(SCALING, max_scale=3), desired=10, current_replicas=1, active=Active.TRUE)

    outcome = apply_scale(seen)

    assert (outcome.scale, outcome.patched, outcome.reason) == (3, True, "max-scale 3")


@pytest.mark.parametrize(
    "desired, reachability, initialized, expected",
    [
        (4, REACHABLE, True, (4, "")),
        (1, REACHABLE, True, (3, "min-scale 3")),
        (1, REACHABLE, False, (5, "initial-scale 5")),
        (9, REACHABLE, True, (8, "max-scale 8")),
        (0, UNREACHABLE, True, (0, "")),
        (-1, UNREACHABLE, False, (0, "min-scale 0")),
    ],
)
def test_the_bound_that_moved_a_decision_is_named(
    desired: int, reachability: Reachability, initialized: bool, expected: tuple[int, str]
) -> None:
    scaling = replace(SCALING, min_scale=3, initial_scale=5, max_scale=8)

    assert bounded(desired, scaling, reachability, initialized) == expected


def test_without_scale_to_zero_one_pod_stays() -> None:
    seen = ScaleInput(replace(SCALING, enable_scale_to_zero=False), 0, 1, Active.TRUE, active_for_s=1000)

    outcome = apply_scale(seen)

    assert (outcome.scale, outcome.patched, outcome.reason) == (1, False, "scale to zero is disabled")


def test_an_unknown_decision_while_activating_asks_for_the_minimum() -> None:
    seen = ScaleInput(replace(SCALING, min_scale=2), desired=-1, current_replicas=1)

    assert apply_scale(seen)[:2] == (2, True)


def test_the_initial_scale_is_a_minimum_until_it_was_reached_and_may_exceed_the_maximum() -> None:
    scaling = replace(SCALING, initial_scale=5, min_scale=1, max_scale=3)

    assert bounds(scaling, REACHABLE, initialized=False) == (5, 3)
    assert bounds(scaling, REACHABLE, initialized=True) == (1, 3)
    assert bounds(scaling, UNREACHABLE, initialized=False) == (0, 3)
    assert apply_scale(ScaleInput(scaling, desired=1, current_replicas=5)).scale == 5


def test_an_idle_revision_is_at_zero_one_grace_period_after_it_became_inactive() -> None:
    idle = ScaleInput(SCALING, 0, 1, Active.TRUE, active_for_s=59.0)
    still_active = apply_scale(idle)
    deactivated = apply_scale(replace(idle, active_for_s=60.0))
    inactive = replace(idle, active=Active.FALSE, active_for_s=0.0, activator_answers=True, proxy_for_s=4.0)
    waiting = apply_scale(inactive)
    gone = apply_scale(replace(inactive, active_for_s=26.0, proxy_for_s=30.0))

    assert (still_active.scale, still_active.look_again_after_s) == (1, 1.0)
    assert (deactivated.scale, deactivated.patched, deactivated.look_again_after_s) == (0, False, None)
    assert (waiting.patched, waiting.look_again_after_s) == (False, 26.0)
    assert (gone.scale, gone.patched) == (0, True)


def test_a_deactivated_revision_already_behind_the_activator_is_looked_at_again_after_three_seconds() -> None:
    seen = ScaleInput(SCALING, 0, 1, Active.TRUE, active_for_s=60.0, sks_mode=SksMode.PROXY)

    assert apply_scale(seen).look_again_after_s == 3.0


def test_the_activation_timeout_is_the_progress_deadline_and_thirty_seconds() -> None:
    activating = ScaleInput(SCALING, 0, 1, Active.UNKNOWN, active_for_s=629.0)

    assert apply_scale(activating)[:3] == (-1, False, 630.0)
    assert apply_scale(replace(activating, active_for_s=630.0))[:2] == (0, True)


@pytest.mark.parametrize(
    "initial_scale, min_scale, reachability, initialized, threshold",
    [
        (1, 0, REACHABLE, False, 1),
        (5, 2, REACHABLE, False, 5),
        (5, 2, REACHABLE, True, 2),
        (5, 2, UNREACHABLE, True, 1),
        (0, 0, REACHABLE, False, 0),
        (0, 0, REACHABLE, True, 1),
    ],
)
def test_the_threshold_of_active(
    initial_scale: int, min_scale: int, reachability: Reachability, initialized: bool, threshold: int
) -> None:
    scaling = replace(SCALING, initial_scale=initial_scale, min_scale=min_scale)

    assert active_threshold(scaling, reachability, initialized) == threshold


@pytest.mark.parametrize(
    "before, want, ready, threshold, after",
    [
        (Active.TRUE, 0, 1, 1, Activity(Active.FALSE, "NoTraffic", True)),
        (Active.UNKNOWN, 0, 0, 1, Activity(Active.FALSE, "TimedOut", False)),
        (Active.UNKNOWN, -1, 0, 0, Activity(Active.FALSE, "NoTraffic", True)),  # initial scale 0
        (Active.FALSE, 1, 0, 1, Activity(Active.UNKNOWN, "Queued", False)),
        (Active.TRUE, -1, 0, 1, Activity(Active.UNKNOWN, "Queued", False)),
        (Active.UNKNOWN, 1, 1, 1, Activity(Active.TRUE, "", True)),
        (Active.UNKNOWN, -1, 1, 1, Activity(Active.TRUE, "", True)),
        (Active.FALSE, -1, 0, 1, Activity(Active.FALSE, "NoTraffic", False)),
        (Active.FALSE, -1, 1, 1, Activity(Active.FALSE, "NoTraffic", True)),
    ],
)
def test_the_active_condition(before: Active, want: int, ready: int, threshold: int, after: Activity) -> None:
    assert active_condition(before, want, ready, threshold, initialized=False) == after


def test_without_a_service_the_initial_scale_does_not_count_as_reached() -> None:
    activity = active_condition(Active.UNKNOWN, 1, 1, 1, initialized=False, service_exists=False)

    assert activity == Activity(Active.TRUE, "", initialized=False)
