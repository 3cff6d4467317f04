"""KServe's Knative Service: annotations that do not come from the tables, and a roll-out told as a story."""

from __future__ import annotations

import pytest

from sandbox.manifests.objects import Component, Container, KnativeService, Metadata, PodTemplate, RevisionTemplate
from sandbox.mechanisms.rollout.kserve import (
    CLASS,
    INITIAL_SCALE,
    KPA_CLASS,
    MAX_SCALE,
    MIN_SCALE,
    ROLLOUT_DURATION,
    STOP,
    keeps_initial_scale,
    knative_service,
    ksvc_traffic,
    reconcile_service,
)
from sandbox.mechanisms.rollout.kserve_status import ComponentStatus, KnativeServiceStatus, propagate
from sandbox.mechanisms.rollout.traffic import StatusTarget


def component(**pod: object) -> Component:
    containers = (Container(name="kserve-container", image="img"),)
    return Component(name="predictor", pod=PodTemplate(containers=containers, **pod))  # type: ignore[arg-type]


def service(annotations: dict[str, str], one: Component | None = None) -> KnativeService:
    return knative_service("m-predictor", one or component(), annotations, ComponentStatus(), labels={"app": "m"})


def test_scale_bounds_come_from_the_spec_alone() -> None:
    bounds = {MIN_SCALE: "7", MAX_SCALE: "9", "autoscaling.knative.dev/window": "20s"}
    written = service(bounds, component(annotations={MAX_SCALE: "8"})).template.annotations
    assert {CLASS: KPA_CLASS, MIN_SCALE: "1", "autoscaling.knative.dev/window": "20s"} == written


def test_the_components_own_annotations_win() -> None:
    one = component(annotations={"autoscaling.knative.dev/window": "60s"})
    written = service({"autoscaling.knative.dev/window": "20s"}, one).template.annotations
    assert "60s" == written["autoscaling.knative.dev/window"]


def test_pods_carry_the_templates_annotations_and_labels_but_not_the_visibility() -> None:
    one = component(labels={"tier": "gold"})
    labels = {"app": "m", "networking.knative.dev/visibility": "cluster-local"}
    written = knative_service("m-predictor", one, {"a": "b"}, ComponentStatus(), namespace="ns", labels=labels)
    assert ({"app": "m", "tier": "gold"}, labels) == (written.template.pod.labels, written.metadata.labels)
    assert written.template.annotations == written.template.pod.annotations
    assert ("KnativeService", "ns", "m-predictor") == written.key


@pytest.mark.parametrize("value, kept", [("+3", True), ("-3", True), (" 3", False), ("1_0", False), ("", False)])
def test_initial_scale_is_kept_if_go_reads_a_number(value: str, kept: bool) -> None:
    assert kept is keeps_initial_scale(value, allow_zero=False)


def test_without_labels_and_initial_scale_nothing_is_invented() -> None:
    written = knative_service("m-predictor", component(), {}, ComponentStatus())
    assert {} == written.metadata.labels
    assert INITIAL_SCALE not in written.template.annotations


def test_a_rollout_duration_that_is_gone_is_taken_off_the_stored_service() -> None:
    stored = KnativeService(
        metadata=Metadata(name="m-predictor", annotations={ROLLOUT_DURATION: "30s", "owner": "me"}),
        template=RevisionTemplate(pod=PodTemplate()),
    )
    after = reconcile_service(stored, service({}))
    assert after is not None
    assert {"owner": "me"} == after.metadata.annotations


def test_reconciling_twice_changes_nothing() -> None:
    desired = service({ROLLOUT_DURATION: "30s"})
    assert desired == reconcile_service(desired, desired)


@pytest.mark.parametrize("value, gone", [("true", True), ("True", True), ("false", False)])
def test_the_stop_annotation_deletes_the_service(value: str, gone: bool) -> None:
    desired = service({STOP: value})
    assert gone is (reconcile_service(desired, desired) is None)


def _seen(latest: str, percent: int, rest: str = "") -> KnativeServiceStatus:
    targets = [StatusTarget(revision_name=latest, percent=percent, latest=True)]
    if percent < 100:
        targets.append(StatusTarget(revision_name=rest, percent=100 - percent, tag="prev"))
    return KnativeServiceStatus(created=latest, ready=latest, traffic=tuple(targets))


def _rest(percent: int | None, status: ComponentStatus) -> list[tuple[str, int]]:
    return [(target.revision_name, target.percent) for target in ksvc_traffic(percent, status.rolled)]


def test_two_canaries_in_a_row_both_fall_back_to_the_last_full_rollout() -> None:
    status = propagate(ComponentStatus(), _seen("r1", 100))
    status = propagate(status, _seen("r2", 20, "r1"))
    assert [("", 20), ("r1", 80)] == _rest(20, status)
    status = propagate(status, _seen("r3", 20, "r1"))
    assert [("", 20), ("r1", 80)] == _rest(20, status)
    assert [("", 0), ("r1", 100)] == _rest(0, status)


def test_any_percent_below_100_on_a_full_rollout_rolls_back_one_step_and_not_two() -> None:
    status = ComponentStatus()
    for revision in ("r1", "r2", "r3"):
        status = propagate(status, _seen(revision, 100))
    assert ("r3", "r2") == (status.rolled, status.previous)
    # First the rest still goes to the latest itself: the ksvc has all its traffic on it.
    assert [("", 10), ("r3", 90)] == _rest(10, status)
    status = propagate(status, _seen("r3", 10, "r3"))
    assert [("", 10), ("r2", 90)] == _rest(10, status)
    # Remembered one deep: doing it again does not reach r1.
    status = propagate(status, _seen("r3", 10, "r2"))
    assert [("", 10), ("r2", 90)] == _rest(10, status)


def test_a_first_deploy_ignores_the_percent() -> None:
    assert [("", 100)] == _rest(5, ComponentStatus())


def test_a_percent_above_100_is_passed_on_for_knative_to_refuse() -> None:
    assert [("", 120)] == _rest(120, ComponentStatus(rolled="r1"))
