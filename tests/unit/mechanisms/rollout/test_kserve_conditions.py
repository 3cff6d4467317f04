"""Conditions of an InferenceService and of its model: what the tables leave out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.mechanisms.rollout.conditions import (
    Condition,
    Status,
    component_conditions,
    cross_component,
    reconcile_failed,
)
from sandbox.mechanisms.rollout.deployment_status import (
    DeploymentStatus,
    combined_condition,
    observed_generation,
    ready_condition,
)
from sandbox.mechanisms.rollout.kserve_status import ComponentStatus, KnativeServiceStatus
from sandbox.mechanisms.rollout.model_status import (
    ContainerState,
    ContainerStatus,
    Failure,
    ModelState,
    ModelStatus,
    PodStatus,
    Termination,
    Transition,
    propagate_model_status,
    with_target,
)

LOADED = ModelStatus(target=ModelState.LOADED, active=ModelState.LOADED, transition=Transition.UP_TO_DATE)


def test_a_component_takes_over_what_its_knative_service_says() -> None:
    knative = {
        "Ready": Condition("Ready", Status.FALSE, "RevisionFailed", "why"),
        "RoutesReady": Condition("RoutesReady", Status.TRUE),
    }
    assert (
        Condition("TransformerReady", Status.FALSE, "RevisionFailed", "why"),
        Condition("TransformerRouteReady", Status.TRUE),
    ) == component_conditions("transformer", knative)


@pytest.mark.parametrize(
    "statuses, status, reason",
    [
        ({}, Status.UNKNOWN, "TransformerConfigurationReady not ready"),
        ({"PredictorConfigurationReady": Status.TRUE}, Status.UNKNOWN, "TransformerConfigurationReady not ready"),
        (
            {"PredictorConfigurationReady": Status.FALSE, "TransformerConfigurationReady": Status.TRUE},
            Status.FALSE,
            "PredictorConfigurationReady not ready",
        ),
    ],
)
def test_the_last_component_that_is_not_ready_is_blamed(
    statuses: dict[str, Status], status: Status, reason: str
) -> None:
    got = cross_component("LatestDeploymentReady", ["predictor", "transformer"], statuses)
    assert Condition("LatestDeploymentReady", status, reason) == got


def test_no_components_are_all_ready_and_an_unknown_type_is_not_set() -> None:
    assert Condition("RoutesReady", Status.TRUE) == cross_component("RoutesReady", [], {})
    assert cross_component("Other", ["predictor"], {}) is None


def test_a_failed_reconcile_makes_the_component_not_ready() -> None:
    expected = Condition("ExplainerReady", Status.FALSE, "ReconcileFailed", "no such runtime")
    assert expected == reconcile_failed("explainer", "ReconcileFailed", "no such runtime")


def _deployment(*conditions: Condition, worker: bool = False, generation: int = 0) -> DeploymentStatus:
    name = "m-predictor-worker" if worker else "m-predictor"
    return DeploymentStatus(name=name, conditions=conditions, observed_generation=generation)


def test_head_and_worker_are_told_apart_in_reason_and_message() -> None:
    got = combined_condition(
        [
            _deployment(Condition("Available", Status.TRUE, "H", "head fine")),
            _deployment(Condition("Available", Status.FALSE, "W", "worker down"), worker=True),
        ],
        "Available",
    )
    reason = "predictor-container: H, worker-container: W"
    message = "predictor-container: head fine, worker-container: worker down"
    assert Condition("Available", Status.FALSE, reason, message) == got


def test_a_reason_both_share_is_not_prefixed() -> None:
    shared = Condition("Progressing", Status.TRUE, "NewReplicaSetAvailable")
    got = combined_condition([_deployment(shared), _deployment(shared, worker=True)], "Progressing")
    assert got is not None
    assert "NewReplicaSetAvailable" == got.reason


def test_a_condition_only_the_head_has_does_not_count() -> None:
    available = Condition("Available", Status.TRUE)
    assert combined_condition([_deployment(available), _deployment(worker=True)], "Available") is None


def test_available_and_still_progressing_is_ready() -> None:
    """Head and worker are updated one after the other: that is no reason to call the component unknown."""
    available, going_on = Condition("Available", Status.TRUE, "A", "a"), Condition("Progressing", Status.TRUE, "Going")
    got = ready_condition("predictor", [_deployment(available, going_on)])
    assert Condition("PredictorReady", Status.TRUE, "A", "a") == got


def test_progressing_unknown_decides_nothing() -> None:
    got = ready_condition("predictor", [_deployment(Condition("Progressing", Status.UNKNOWN))])
    assert Condition("PredictorReady", Status.FALSE) == got


def test_a_missed_deadline_gives_its_own_reason() -> None:
    missed = Condition("Progressing", Status.FALSE, "ProgressDeadlineExceeded", "timed out")
    got = ready_condition("predictor", [_deployment(Condition("Available", Status.TRUE), missed)])
    assert Condition("PredictorReady", Status.FALSE, "ProgressDeadlineExceeded", "timed out") == got


def test_no_deployment_is_not_ready_and_has_no_generation() -> None:
    assert Condition("PredictorReady", Status.FALSE) == ready_condition("predictor", [])
    assert (0, 7) == (observed_generation([]), observed_generation([_deployment(generation=7), _deployment()]))


def _model(
    pod: PodStatus | None,
    *,
    before: ModelStatus | None = None,
    service_ready: bool = False,
    component: ComponentStatus | None = None,
    knative: KnativeServiceStatus | None = None,
) -> tuple[ModelStatus, bool]:
    return propagate_model_status(
        before or ModelStatus(),
        [pod] if pod else [],
        service_ready=service_ready,
        component=component or ComponentStatus(),
        knative=knative,
    )


def _main(state: ContainerState, reason: str = "", **ends: Termination) -> PodStatus:
    return PodStatus(containers=(ContainerStatus(name="kserve-container", state=state, reason=reason, **ends),))


def _initializer(state: ContainerState, reason: str = "", **ends: Termination) -> PodStatus:
    return PodStatus(init_containers=(ContainerStatus(name="storage-initializer", state=state, reason=reason, **ends),))


def test_a_download_that_runs_after_an_error_is_looked_at_again() -> None:
    got = _model(_initializer(ContainerState.RUNNING, last_ended=Termination(1, "m")), before=LOADED)
    assert (replace(LOADED, total_copies=0), False) == got


def test_a_ready_service_has_loaded_its_model() -> None:
    got, settled = _model(_main(ContainerState.RUNNING), service_ready=True)
    assert (replace(LOADED, total_copies=0), True) == (got, settled)


def test_in_knative_mode_a_newer_revision_on_its_way_is_not_loaded_yet() -> None:
    got, _ = _model(
        _main(ContainerState.RUNNING),
        before=LOADED,
        service_ready=True,
        component=ComponentStatus(created="r2", ready="r1"),
        knative=KnativeServiceStatus(created="r2", ready="r1"),
    )
    assert (ModelState.PENDING, ModelState.LOADED, Transition.IN_PROGRESS) == (got.target, got.active, got.transition)


def test_in_knative_mode_the_latest_revision_ready_is_loaded() -> None:
    revisions = ComponentStatus(created="r2", ready="r2")
    knative = KnativeServiceStatus(created="r2", ready="r2")
    got, _ = _model(_main(ContainerState.RUNNING), service_ready=True, component=revisions, knative=knative)
    assert ModelState.LOADED == got.target


def test_a_pod_of_other_containers_says_nothing_about_the_model() -> None:
    others = PodStatus(
        init_containers=(ContainerStatus(name="other", state=ContainerState.RUNNING),),
        containers=(ContainerStatus(name="other", state=ContainerState.TERMINATED, reason="Error"),),
    )
    assert (ModelStatus(total_copies=0), True) == _model(others)


@pytest.mark.parametrize("pod_of", [_main, _initializer])
@pytest.mark.parametrize(
    "state, reason",
    [(ContainerState.TERMINATED, "Error"), (ContainerState.WAITING, "CrashLoopBackOff")],
)
def test_an_exit_nobody_recorded_still_fails_the_model(pod_of: object, state: ContainerState, reason: str) -> None:
    got, settled = _model(pod_of(state, reason))  # type: ignore[operator]
    assert (ModelState.FAILED, Failure("ModelLoadFailed"), True) == (got.target, got.failure, settled)


def test_a_main_container_that_ended_in_error_gives_its_exit() -> None:
    got, _ = _model(_main(ContainerState.TERMINATED, "Error", ended=Termination(137, "killed")))
    assert Failure("ModelLoadFailed", 137, "killed") == got.failure


def test_a_download_that_completed_leaves_the_model_pending() -> None:
    done = _initializer(ContainerState.TERMINATED, "Completed", ended=Termination())
    main = _main(ContainerState.WAITING, "PodInitializing")
    got, _ = _model(replace(done, containers=main.containers))
    assert (ModelState.PENDING, None) == (got.target, got.failure)


@pytest.mark.parametrize("status, target", [(Status.UNKNOWN, ModelState.PENDING), (Status.FALSE, ModelState.FAILED)])
def test_without_pods_only_a_condition_that_is_false_means_failure(status: Status, target: ModelState) -> None:
    knative = KnativeServiceStatus(conditions={"Ready": Condition("Ready", status)})
    got, _ = _model(None, knative=knative)
    assert target == got.target


def test_without_pods_standard_mode_is_pending() -> None:
    got, _ = _model(None)
    assert (ModelState.PENDING, 0) == (got.target, got.total_copies)


def test_a_failure_stays_on_record_until_there_is_a_new_one() -> None:
    failed = with_target(ModelStatus(), ModelState.FAILED, Failure("ModelLoadFailed", 1, "m"))
    assert failed.failure == with_target(failed, ModelState.LOADED).failure


def test_a_model_on_standby_does_not_move_the_transition() -> None:
    assert Transition.UP_TO_DATE == with_target(LOADED, ModelState.STANDBY).transition
