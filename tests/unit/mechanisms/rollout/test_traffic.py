"""Traffic blocks: what the tables leave out (a Service's own block, weights during a rollout, messages)."""

from __future__ import annotations

import pytest

from sandbox.manifests.objects import TrafficTarget
from sandbox.mechanisms.rollout.conditions import Condition, Status
from sandbox.mechanisms.rollout.gradual import RevisionRollout, Rollout, step
from sandbox.mechanisms.rollout.traffic import (
    ConfigurationState,
    Resolution,
    ResolvedTarget,
    RevisionState,
    RouteIdentity,
    StatusTarget,
    TargetError,
    TargetErrorKind,
    initial_rollout,
    resolve_traffic,
    route_conditions,
    status_traffic,
    weights,
)

CONFIGURATIONS = {"c": ConfigurationState(name="c", latest_ready="c2")}
REVISIONS = {name: RevisionState(name=name, configuration="c", ready=Status.TRUE) for name in ("c1", "c2")}
LATEST = TrafficTarget(latest_revision=True, percent=100)


def resolve(*targets: TrafficTarget) -> Resolution:
    return resolve_traffic(targets, CONFIGURATIONS, REVISIONS, own_configuration="c")


def test_a_target_that_names_nothing_follows_the_services_own_configuration() -> None:
    expected = ResolvedTarget(configuration_name="c", revision_name="c2", percent=100, latest=True)
    assert {"": (expected,)} == resolve(LATEST).targets


def test_a_canary_block_splits_between_latest_and_the_named_revision() -> None:
    resolution = resolve(
        TrafficTarget(latest_revision=True, percent=20), TrafficTarget(revision_name="c1", percent=80, tag="prev")
    )
    rollout = initial_rollout(resolution)
    assert (("c2", 20), ("c1", 80)) == weights(resolution, rollout)
    assert (("c1", 100),) == weights(resolution, rollout, "prev")


def test_two_targets_of_one_revision_are_one_for_the_gateway_and_two_in_the_status() -> None:
    resolution = resolve(
        TrafficTarget(latest_revision=True, percent=10), TrafficTarget(revision_name="c2", percent=90, tag="prev")
    )
    rollout = initial_rollout(resolution)

    assert (("c2", 100),) == weights(resolution, rollout)
    assert (
        StatusTarget(revision_name="c2", percent=10, latest=True),
        StatusTarget(revision_name="c2", percent=90, tag="prev", url="http://prev-c.default.example.com"),
    ) == status_traffic(resolution, rollout, RouteIdentity(name="c"))


def test_a_tag_nobody_has_gets_no_weights() -> None:
    assert () == weights(resolve(LATEST), Rollout(), "none")


def test_a_target_at_zero_percent_gets_no_weight() -> None:
    resolution = resolve(TrafficTarget(latest_revision=True, percent=0), TrafficTarget(revision_name="c1", percent=100))
    assert (("c1", 100),) == weights(resolution, initial_rollout(resolution))


def test_during_a_gradual_rollout_the_gateway_splits_by_the_rollout() -> None:
    before = resolve_traffic(
        [LATEST], {"c": ConfigurationState(name="c", latest_ready="c1")}, REVISIONS, own_configuration="c"
    )
    resolution = resolve(LATEST)
    rolling, _ = step(initial_rollout(before), initial_rollout(resolution), 5)
    assert (RevisionRollout("c1", 99), RevisionRollout("c2", 1)) == rolling.configurations[0].revisions
    assert (("c1", 99), ("c2", 1)) == weights(resolution, rolling)


def test_a_configuration_that_does_not_exist_is_missing_for_good() -> None:
    resolution = resolve(TrafficTarget(configuration_name="gone", latest_revision=True, percent=100))
    assert TargetError(TargetErrorKind.MISSING_CONFIGURATION, "gone", failure=True) == resolution.error
    assert (("Configuration", "gone"),) == resolution.missing
    assert ({}, ()) == (resolution.targets, resolution.flattened)


def test_a_revision_that_does_not_exist_is_missing_while_the_rest_is_still_listed() -> None:
    resolution = resolve(TrafficTarget(revision_name="gone", percent=50), TrafficTarget(revision_name="c1", percent=50))
    assert TargetError(TargetErrorKind.MISSING_REVISION, "gone", failure=True) == resolution.error
    assert frozenset({"c1"}) == resolution.revisions


def test_a_revision_whose_configuration_is_gone_reports_the_configuration() -> None:
    orphan = {"o1": RevisionState(name="o1", configuration="o", ready=Status.TRUE)}
    resolution = resolve_traffic([TrafficTarget(revision_name="o1", percent=100)], {}, orphan)
    assert TargetError(TargetErrorKind.MISSING_CONFIGURATION, "o", failure=True) == resolution.error
    assert frozenset({"o1"}) == resolution.revisions


def test_a_latest_ready_revision_that_failed_since_is_reported_itself() -> None:
    failed = {"c2": RevisionState(name="c2", configuration="c", ready=Status.FALSE)}
    resolution = resolve_traffic([LATEST], CONFIGURATIONS, failed, own_configuration="c")
    assert TargetError(TargetErrorKind.UNREADY_REVISION, "c2", failure=True) == resolution.error


def test_a_later_wait_does_not_replace_an_earlier_one() -> None:
    waiting = {name: RevisionState(name=name, configuration="c") for name in ("w1", "w2")}
    block = [TrafficTarget(revision_name=name, percent=50) for name in waiting]
    resolution = resolve_traffic(block, CONFIGURATIONS, waiting)
    assert TargetError(TargetErrorKind.UNREADY_REVISION, "w1", failure=False) == resolution.error


def test_without_an_error_all_traffic_is_assigned() -> None:
    assert (Condition("AllTrafficAssigned", Status.TRUE),) == route_conditions(None)


@pytest.mark.parametrize(
    "kind, failure, reason, message",
    [
        ("missing_configuration", True, "ConfigurationMissing", 'Configuration "x" referenced in traffic not found.'),
        ("missing_revision", True, "RevisionMissing", 'Revision "x" referenced in traffic not found.'),
        (
            "unready_configuration",
            False,
            "RevisionMissing",
            'Configuration "x" is waiting for a Revision to become ready.',
        ),
        ("unready_configuration", True, "RevisionMissing", 'Configuration "x" does not have any ready Revision.'),
        ("unready_revision", False, "RevisionMissing", 'Revision "x" is not yet ready.'),
        ("unready_revision", True, "RevisionMissing", 'Revision "x" failed to become ready.'),
    ],
)
def test_the_route_says_why_in_knatives_words(kind: str, failure: bool, reason: str, message: str) -> None:
    status = Status.FALSE if failure else Status.UNKNOWN
    got = route_conditions(TargetError(TargetErrorKind(kind), "x", failure))
    assert tuple(Condition(name, status, reason, message) for name in ("AllTrafficAssigned", "Ready")) == got
