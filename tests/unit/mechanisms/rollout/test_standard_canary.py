"""Standard mode's canaries: bounds of the arithmetic and the condition over all of them."""

from __future__ import annotations

import pytest

from sandbox.manifests.objects import CanaryPredictor, Component, InferenceService, Metadata, PodTemplate
from sandbox.mechanisms.rollout.conditions import Condition, Status
from sandbox.mechanisms.rollout.standard_canary import (
    Backend,
    canaries_condition,
    canary_replicas,
    predictor_deployments,
    rule_backends,
    stable_replicas,
)

COMPONENT = Component(name="predictor", pod=PodTemplate())


def canary(name: str = "v2", percent: int = 20, own: int | None = None) -> CanaryPredictor:
    return CanaryPredictor(name=name, component=COMPONENT, traffic_percent=percent, min_replicas=own)


@pytest.mark.parametrize("stable_min, percent, replicas", [(10, 21, 3), (10, 20, 2), (1, 1, 1), (4, 0, 0), (0, 50, 0)])
def test_a_canarys_share_is_rounded_up(stable_min: int, percent: int, replicas: int) -> None:
    assert replicas == canary_replicas(stable_min, canary(percent=percent))


def test_the_stable_predictor_keeps_one_replica() -> None:
    assert 1 == stable_replicas(2, [canary(own=5)], {"v2": True})


def test_a_canary_without_replicas_takes_none() -> None:
    assert 0 == stable_replicas(0, [canary(percent=0)], {"v2": True})


def test_before_it_is_ready_a_canary_runs_beside_the_full_stable_predictor() -> None:
    predictor = Component(name="predictor", pod=PodTemplate(), min_replicas=4)
    service = InferenceService(metadata=Metadata(name="m"), predictor=predictor, canaries=(canary(percent=25),))
    got = predictor_deployments(service, {})
    assert {"m-predictor": 4, "m-v2-predictor": 1} == {name: one.replicas for name, one in got.items()}


def test_a_canary_at_100_leaves_the_stable_backend_with_no_weight() -> None:
    before = [Backend("m-predictor", 100)]
    expected = (Backend("m-predictor", 0), Backend("m-v2-predictor", 100))
    assert expected == rule_backends("m", [canary(percent=100)], {"v2": True}, before)


@pytest.mark.parametrize(
    "ready, stopped, status, reason",
    [
        ({"v2": True, "v3": True}, False, Status.TRUE, "AllCanariesReady"),
        ({"v2": True}, False, Status.FALSE, "CanariesNotReady"),
        ({"v2": True, "v3": True}, True, Status.FALSE, "Stopped"),
    ],
)
def test_the_condition_is_true_when_every_canary_is_ready(
    ready: dict[str, bool], stopped: bool, status: Status, reason: str
) -> None:
    got = canaries_condition([canary(), canary("v3")], ready, stopped=stopped)
    assert Condition("CanaryPredictorReady", status, reason) == got


def test_without_canaries_the_condition_is_cleared() -> None:
    assert canaries_condition([], {}) is None
