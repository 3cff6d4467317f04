"""Conditions: what a Route or an InferenceService says about itself, and how KServe sums up its components.

Comes in: conditions of the Knative Services behind the components. Goes out: the InferenceService's own
conditions. Called by the control plane's KServe reconciler; `Condition` is used by the other files here.

Mirrors knative.dev/pkg/apis conditions and, of kserve/kserve (aaac4e29)
pkg/apis/serving/v1beta1/inference_service_status.go, PropagateStatus and PropagateCrossComponentStatus.

Leaves out: transition times and severities.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """A condition's status, as upstream spells it."""

    TRUE = "True"  # holds
    FALSE = "False"  # failed, for good as far as is known
    UNKNOWN = "Unknown"  # not decided yet


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    status: Status
    reason: str = ""
    message: str = ""


READY_CONDITIONS: Mapping[str, str] = {
    "predictor": "PredictorReady",
    "explainer": "ExplainerReady",
    "transformer": "TransformerReady",
}
ROUTE_CONDITIONS: Mapping[str, str] = {
    "predictor": "PredictorRouteReady",
    "explainer": "ExplainerRoutesReady",  # the plural is upstream's
    "transformer": "TransformerRouteReady",
}
CONFIGURATION_CONDITIONS: Mapping[str, str] = {
    "predictor": "PredictorConfigurationReady",
    "explainer": "ExplainerConfigurationReady",
    "transformer": "TransformerConfigurationReady",
}
SUMMED_UP_BY: Mapping[str, Mapping[str, str]] = {
    "RoutesReady": ROUTE_CONDITIONS,
    "LatestDeploymentReady": CONFIGURATION_CONDITIONS,
}
_KNATIVE_SOURCES = (
    ("Ready", READY_CONDITIONS),
    ("RoutesReady", ROUTE_CONDITIONS),
    ("ConfigurationsReady", CONFIGURATION_CONDITIONS),
)


def component_conditions(component: str, knative: Mapping[str, Condition]) -> tuple[Condition, ...]:
    """A component's conditions from its Knative Service's (by type). What that does not have stays unset."""
    return tuple(
        Condition(names[component], found.status, found.reason, found.message)
        for source, names in _KNATIVE_SOURCES
        if (found := knative.get(source)) is not None
    )


def cross_component(condition_type: str, components: Sequence[str], statuses: Mapping[str, Status]) -> Condition | None:
    """RoutesReady or LatestDeploymentReady over all components; None for any other type.

    `statuses` are by condition type (`ROUTE_CONDITIONS`, `CONFIGURATION_CONDITIONS`); absent means Unknown.
    The last component that is not ready, in list order, gives status and reason.
    """
    if (names := SUMMED_UP_BY.get(condition_type)) is None:
        return None
    summed = Condition(condition_type, Status.TRUE)
    for component in components:
        status = statuses.get(names[component], Status.UNKNOWN)
        if status is not Status.TRUE:
            summed = Condition(condition_type, status, f"{names[component]} not ready")
    return summed


def reconcile_failed(component: str, reason: str, message: str) -> Condition:
    """What a component says when KServe could not write its objects."""
    return Condition(READY_CONDITIONS[component], Status.FALSE, reason, message)
