"""modelStatus of an InferenceService: is the model loading, loaded or failed, told from the predictor's pods.

Comes in: the status before, the pods of the latest revision, what the InferenceService and its Knative
Service say. Goes out: the status after, and whether to look again in a second. The control plane's KServe
reconciler calls it after each reconcile of the predictor.

Mirrors kserve/kserve (aaac4e29) pkg/apis/serving/v1beta1/inference_service_status.go: PropagateModelStatus,
UpdateModelRevisionStates, UpdateModelTransitionStatus.

Leaves out: failedCopies, which upstream never writes here, and location and time of a failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sandbox.mechanisms.rollout.conditions import Status
from sandbox.mechanisms.rollout.kserve_status import ComponentStatus, KnativeServiceStatus

MAIN_CONTAINER = "kserve-container"
STORAGE_INITIALIZER = "storage-initializer"
_LOAD_FAILED = "ModelLoadFailed"


class ModelState(StrEnum):
    """activeModelState and targetModelState, as upstream spells them."""

    UNSET = ""  # nothing known yet
    PENDING = "Pending"  # not yet registered
    STANDBY = "Standby"  # available, loaded when used
    LOADING = "Loading"  # being loaded
    LOADED = "Loaded"  # at least one copy is loaded
    FAILED = "FailedToLoad"  # all copies failed


class Transition(StrEnum):
    """transitionStatus, as upstream spells it."""

    UNSET = ""  # nothing known yet
    UP_TO_DATE = "UpToDate"  # what serves is what the spec says
    IN_PROGRESS = "InProgress"  # the target model is on its way
    BLOCKED = "BlockedByFailedLoad"  # the target model failed to load
    INVALID_SPEC = "InvalidSpec"  # the spec cannot be served


class ContainerState(StrEnum):
    """Which of a container's three states is set."""

    NONE = "none"  # not reported yet
    WAITING = "waiting"  # not started, or backing off
    RUNNING = "running"  # started
    TERMINATED = "terminated"  # exited


@dataclass(frozen=True, slots=True)
class Termination:
    exit_code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerStatus:
    """A container of a pod. `ended`: this exit, if terminated; `last_ended`: the exit before this start."""

    name: str
    state: ContainerState = ContainerState.NONE
    reason: str = ""
    ended: Termination | None = None
    last_ended: Termination | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStatus:
    phase: str = "Running"
    ready: bool = False
    init_containers: tuple[ContainerStatus, ...] = ()
    containers: tuple[ContainerStatus, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """lastFailureInfo."""

    reason: str
    exit_code: int = 0
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelStatus:
    """`target` None: no states were written yet."""

    target: ModelState | None = None
    active: ModelState = ModelState.UNSET
    transition: Transition = Transition.UNSET
    failure: Failure | None = None
    total_copies: int | None = None


_TRANSITION_OF = {
    ModelState.PENDING: Transition.IN_PROGRESS,
    ModelState.LOADING: Transition.IN_PROGRESS,
    ModelState.LOADED: Transition.UP_TO_DATE,
    ModelState.FAILED: Transition.BLOCKED,
}


def with_target(status: ModelStatus, target: ModelState, failure: Failure | None = None) -> ModelStatus:
    """The target model is in a new state; a failure before stays on record unless there is a new one."""
    return replace(
        status,
        target=target,
        active=target if target is ModelState.LOADED else status.active,
        transition=_TRANSITION_OF.get(target, status.transition),
        failure=failure or status.failure,
    )


def with_transition(status: ModelStatus, transition: Transition, failure: Failure | None = None) -> ModelStatus:
    """The transition status is set from outside; a spec that is invalid fails the target model."""
    invalid = transition is Transition.INVALID_SPEC
    return replace(
        status,
        transition=transition,
        target=ModelState.FAILED if invalid else status.target,
        failure=failure or status.failure,
    )


def ready_copies(pods: Iterable[PodStatus]) -> int:
    """Pods that can serve: running and ready."""
    return sum(pod.phase == "Running" and pod.ready for pod in pods)


def propagate_model_status(
    status: ModelStatus,
    pods: Sequence[PodStatus],
    *,
    service_ready: bool,
    component: ComponentStatus,
    knative: KnativeServiceStatus | None,
) -> tuple[ModelStatus, bool]:
    """The status after, and whether it is settled (False: look again in a second).

    `service_ready`: the InferenceService's Ready condition before. `component`: the predictor's revisions.
    `knative`: its Knative Service's status, None in Standard mode.
    """
    status = replace(status, total_copies=ready_copies(pods))
    if not pods:
        # Without pods a condition that is False means that it went down with an error; else it only starts.
        failed = knative is not None and any(one.status is Status.FALSE for one in knative.conditions.values())
        return with_target(status, ModelState.FAILED if failed else ModelState.PENDING), True
    initializer = _named(pods[0].init_containers, STORAGE_INITIALIZER)
    if initializer is not None and initializer.state is ContainerState.RUNNING:
        # It may only be between two failures; then nothing is said yet.
        between_failures = initializer.last_ended is not None
        return (status, False) if between_failures else (with_target(status, ModelState.LOADING), True)
    if initializer is not None and (failure := _failure(initializer)) is not None:
        return with_target(status, ModelState.FAILED, failure), True
    if service_ready and (knative is None or component.created == component.ready):
        return with_target(status, ModelState.LOADED), True
    main = _named(pods[0].containers, MAIN_CONTAINER)
    if main is None:
        return status, True
    failure = _failure(main)
    return with_target(status, ModelState.FAILED if failure else ModelState.PENDING, failure), True


def _named(containers: Iterable[ContainerStatus], name: str) -> ContainerStatus | None:
    return next((one for one in containers if one.name == name), None)


def _failure(container: ContainerStatus) -> Failure | None:
    """Why a container failed: it ended in error, or backs off after it did."""
    if container.state is ContainerState.TERMINATED and container.reason == "Error":
        ended = container.ended or Termination()
    elif container.state is ContainerState.WAITING and container.reason == "CrashLoopBackOff":
        ended = container.last_ended or Termination()
    else:
        return None
    return Failure(_LOAD_FAILED, ended.exit_code, ended.message)
