"""Standard mode: a component's Ready condition from the conditions of its Deployments.

Comes in: the status of one Deployment, or of a head and its worker. Goes out: the component's condition.
The control plane's KServe reconciler calls it whenever a Deployment's status changes.

Mirrors kserve/kserve (aaac4e29) pkg/apis/serving/v1beta1/inference_service_status.go, PropagateRawStatus and
getDeploymentCondition.

Leaves out: URLs, transition times.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.mechanisms.rollout.conditions import READY_CONDITIONS, Condition, Status

_ROLLED_OUT = "NewReplicaSetAvailable"  # Progressing stays True with this reason once a rollout is complete
_WORKER = "worker"  # how a worker's Deployment is told from the head's


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentStatus:
    name: str
    conditions: tuple[Condition, ...] = ()
    observed_generation: int = 0

    def condition(self, condition_type: str) -> Condition | None:
        return next((one for one in self.conditions if one.type == condition_type), None)


def combined_condition(deployments: Sequence[DeploymentStatus], condition_type: str) -> Condition | None:
    """One condition for all Deployments; with head and worker both must have it."""
    found = [(one.name, condition) for one in deployments if (condition := one.condition(condition_type))]
    if len(deployments) == 1 and found:
        return found[0][1]
    if len(found) != 2:
        return None
    status = Status.TRUE if all(condition.status is Status.TRUE for _, condition in found) else Status.FALSE
    reasons = [condition.reason for _, condition in found]
    prefixes = ["worker-container: " if _WORKER in name else "predictor-container: " for name, _ in found]
    joined = ", ".join(prefix + reason for prefix, reason in zip(prefixes, reasons, strict=True))
    message = ", ".join(prefix + condition.message for prefix, (_, condition) in zip(prefixes, found, strict=True))
    return Condition(condition_type, status, reasons[0] if reasons[0] == reasons[1] else joined, message)


def ready_condition(component: str, deployments: Sequence[DeploymentStatus]) -> Condition:
    """The component's Ready condition. A later rule overrides an earlier one, as upstream has them.

    Available, then Progressing (failed with a message, complete, or still going on), then not available,
    then a replica failure.
    """
    available = combined_condition(deployments, "Available")
    failure = combined_condition(deployments, "ReplicaFailure")
    if failure is not None and failure.status is Status.TRUE:
        return _ready(component, Status.FALSE, failure)
    if available is not None and available.status is Status.FALSE:
        return _ready(component, Status.FALSE, available)
    is_available = available is not None and available.status is Status.TRUE
    progressing = _progress(combined_condition(deployments, "Progressing"), is_available=is_available)
    if progressing is not None:
        return _ready(component, *progressing)
    return _ready(component, Status.TRUE if is_available else Status.FALSE, available if is_available else None)


def _progress(progressing: Condition | None, *, is_available: bool) -> tuple[Status, Condition] | None:
    """What Progressing decides on its own, if anything."""
    if progressing is None:
        return None
    if progressing.status is Status.FALSE and progressing.message:
        return Status.FALSE, progressing
    if progressing.status is not Status.TRUE:
        return None
    if progressing.reason == _ROLLED_OUT:
        return Status.TRUE, progressing
    return None if is_available else (Status.UNKNOWN, progressing)


def _ready(component: str, status: Status, source: Condition | None) -> Condition:
    reason, message = (source.reason, source.message) if source else ("", "")
    return Condition(READY_CONDITIONS[component], status, reason, message)


def observed_generation(deployments: Sequence[DeploymentStatus]) -> int:
    """The first Deployment's; 0 without any."""
    return deployments[0].observed_generation if deployments else 0
