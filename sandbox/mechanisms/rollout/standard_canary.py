"""KServe's Standard mode with `spec.canary[]`: replicas of the Deployments and weights of the HTTP route.

Comes in: the InferenceService, which canaries are ready. Goes out: the predictor Deployments that should
exist (all others of the InferenceService are deleted), and the backends of its route. The control plane's
KServe reconciler calls it for Standard mode. A canary takes traffic and replicas from the stable predictor
only once it is ready; a promoted canary keeps its Deployment, because the stable predictor takes its name.

Mirrors kserve/kserve (aaac4e29) pkg/controller/v1beta1/inferenceservice/components/predictor.go and
…/reconcilers/ingress/httproute_reconciler.go.

Leaves out: the autoscaler of the stable predictor (its minimum is what is reduced), worker Deployments, the
admission of the list (percents add up to at most 100, names are unique), which is the manifests' part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sandbox.manifests.objects import CanaryPredictor, InferenceService, PodTemplate
from sandbox.mechanisms.rollout.conditions import Condition, Status


@dataclass(frozen=True, slots=True)
class PredictorDeployment:
    """A Deployment (and Service) of one predictor: fixed or, for the stable one, least replicas."""

    name: str
    replicas: int
    pod: PodTemplate


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend of a route rule; weights are percents."""

    service: str
    weight: int


def predictor_name(service: str, own_name: str = "") -> str:
    """Name of a predictor's Deployment and Service.

    >>> predictor_name("m"), predictor_name("m", "v2")
    ('m-predictor', 'm-v2-predictor')
    """
    return f"{service}-{own_name}-predictor" if own_name else f"{service}-predictor"


def canary_replicas(stable_min: int, canary: CanaryPredictor) -> int:
    """Its own count, or its share of the stable minimum, rounded up."""
    if canary.min_replicas is not None:
        return canary.min_replicas
    return -(-stable_min * canary.traffic_percent // 100)


def stable_replicas(stable_min: int, canaries: Sequence[CanaryPredictor], ready: Mapping[str, bool]) -> int:
    """The stable minimum less what ready canaries run, at least 1 then."""
    taken = sum(canary_replicas(stable_min, canary) for canary in canaries if ready.get(canary.name, False))
    return max(stable_min - taken, 1) if taken > 0 else stable_min


def predictor_deployments(
    service: InferenceService, ready: Mapping[str, bool], *, stopped: bool = False
) -> dict[str, PredictorDeployment]:
    """Every predictor Deployment that should exist, by name. `stopped`: annotated serving.kserve.io/stop."""
    if stopped:
        return {}
    stable_min = service.predictor.min_replicas
    wanted = [
        PredictorDeployment(
            predictor_name(service.metadata.name, service.predictor.own_name),
            stable_replicas(stable_min, service.canaries, ready),
            service.predictor.pod,
        ),
        *(
            PredictorDeployment(
                predictor_name(service.metadata.name, canary.name),
                canary_replicas(stable_min, canary),
                canary.component.pod,
            )
            for canary in service.canaries
        ),
    ]
    return {deployment.name: deployment for deployment in wanted}


def rule_backends(
    service: str, canaries: Sequence[CanaryPredictor], ready: Mapping[str, bool], before: Sequence[Backend]
) -> tuple[Backend, ...]:
    """Backends of one route rule: the stable one (first of `before`) and each ready canary.

    A rule without a backend, such as a redirect, stays without.
    """
    if not before:
        return ()
    serving = [canary for canary in canaries if ready.get(canary.name, False)]
    stable = Backend(before[0].service, 100 - sum(canary.traffic_percent for canary in serving))
    return (stable, *(Backend(predictor_name(service, canary.name), canary.traffic_percent) for canary in serving))


def canaries_condition(
    canaries: Sequence[CanaryPredictor], ready: Mapping[str, bool], *, stopped: bool = False
) -> Condition | None:
    """CanaryPredictorReady; None (cleared) without canaries."""
    if not canaries:
        return None
    if stopped:
        return Condition("CanaryPredictorReady", Status.FALSE, "Stopped")
    if all(ready.get(canary.name, False) for canary in canaries):
        return Condition("CanaryPredictorReady", Status.TRUE, "AllCanariesReady")
    return Condition("CanaryPredictorReady", Status.FALSE, "CanariesNotReady")
