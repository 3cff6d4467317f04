"""A status says Ready when the gateways answered, and at no other time."""

from __future__ import annotations

from typing import Any

import pytest

from fixtures.knative_istio.status import failed_status, is_ready, ready_word, refused_status, status
from tests.parts.knative_istio.ingresses import service, split

THEN, NOW = "2026-11-25T10:00:00Z", "2026-11-25T10:00:05Z"
Json = Any


def conditions(said: Json) -> dict[str, str]:
    return {one["type"]: one["status"] for one in said["conditions"]}


def given(said: Json | None = None, generation: int = 1) -> Json:
    document = service(split("hello-00001"))
    document["metadata"]["generation"] = generation
    return document | ({"status": said} if said else {})


def test_until_the_probe_is_answered_readiness_is_unknown_and_no_load_balancer_is_told() -> None:
    said = status(given(), False, NOW, "knative-serving/knative-ingress-gateway answers 404 for hello.shop.example.com")

    assert conditions(said) == {"LoadBalancerReady": "Unknown", "NetworkConfigured": "True", "Ready": "Unknown"}
    assert said["observedGeneration"] == 1
    assert "publicLoadBalancer" not in said
    assert "privateLoadBalancer" not in said
    (ready,) = [one for one in said["conditions"] if one["type"] == "Ready"]
    assert ready["reason"] == "Uninitialized"
    assert ready["message"].endswith("answers 404 for hello.shop.example.com")


def test_when_it_is_answered_all_conditions_are_true_and_both_load_balancers_are_told() -> None:
    said = status(given(generation=3), True, NOW)

    assert said == {
        "observedGeneration": 3,
        "conditions": [
            {"type": kind, "status": "True", "lastTransitionTime": NOW}
            for kind in ("LoadBalancerReady", "NetworkConfigured", "Ready")
        ],
        "publicLoadBalancer": {"ingress": [{"domainInternal": "istio-ingressgateway.istio-system.svc.cluster.local"}]},
        "privateLoadBalancer": {
            "ingress": [{"domainInternal": "knative-local-gateway.istio-system.svc.cluster.local"}]
        },
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (
            refused_status(given(), "Invalid", "spec.rules is missing", NOW),
            {"LoadBalancerReady": "Unknown", "NetworkConfigured": "False", "Ready": "False"},
        ),
        (
            failed_status(given(), "422: no such host", NOW),
            {"LoadBalancerReady": "False", "NetworkConfigured": "True", "Ready": "False"},
        ),
    ],
)
def test_trouble_makes_ready_false_and_says_why(said: Json, expected: dict[str, str]) -> None:
    assert conditions(said) == expected
    by_kind = {one["type"]: one for one in said["conditions"]}
    (cause,) = [one for kind, one in by_kind.items() if one["status"] == "False" and kind != "Ready"]
    assert {**cause, "type": "Ready"} == by_kind["Ready"]


def test_a_condition_keeps_its_instant_until_it_changes() -> None:
    before = status(given(), False, THEN)

    after = status(given(before), True, NOW)
    again = status(given(after), True, "2026-11-25T11:00:00Z")

    assert {one["type"]: one["lastTransitionTime"] for one in after["conditions"]} == {
        "LoadBalancerReady": NOW,
        "NetworkConfigured": THEN,
        "Ready": NOW,
    }
    assert again == after


def test_ready_counts_for_the_generation_that_was_observed() -> None:
    ready = status(given(generation=2), True, THEN)

    assert is_ready(given(ready, generation=2))
    assert not is_ready(given(ready, generation=3))
    assert not is_ready(given())
    assert [ready_word(given(ready, generation=each)) for each in (2, 3)] == ["True", "Unknown"]
    assert ready_word(given(refused_status(given(), "Invalid", "", NOW))) == "False"


def test_a_new_generation_is_unknown_until_its_own_probe_is_answered() -> None:
    ready = status(given(generation=1), True, THEN)

    said = status(given(ready, generation=2), False, NOW)

    assert said["observedGeneration"] == 2
    assert conditions(said)["Ready"] == "Unknown"
