"""What a caller adds to the validation of manifests: rules that live above this layer.

The autoscaler's annotations, for instance, are validated by the mechanism that reads them; manifests may not import
mechanisms. The caller hands `read_manifests` functions from an object to refusals; the reader turns a refusal into
an error with file, line and column of what it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sandbox.errors import Location
from sandbox.manifests.fields import Warning_
from sandbox.manifests.objects import Component, InferenceService, KnativeService, Object

Path = tuple[str | int, ...]

_CLASS = "autoscaling.knative.dev/class"
_HPA = "the HPA class of autoscaler; the KPA scales it on concurrency"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why an object is refused. `path`: the keys and indices that lead to the value, from the top of the object."""

    path: Path
    what: str
    rule: str
    value: object = None
    next_step: str | None = None


Admission = Callable[[Object], Iterable[Refusal]]


def first_deploy_warnings(
    objects: Iterable[Object], locate_key: Callable[[Object, Path], Location | None]
) -> tuple[Warning_, ...]:
    """What objects that are deployed for the first time say in vain, each at the field that says it.

    A canaryTrafficPercent is ignored until a revision has been rolled out: KServe has nothing to give the rest to.
    """
    found: list[Warning_] = []
    for one in objects:
        if isinstance(one, InferenceService) and one.deployment_mode == "Knative":
            for part in (one.predictor, one.transformer):
                if part is not None and _in_vain(part):
                    at = locate_key(one, ("spec", part.name, "canaryTrafficPercent"))
                    found.append(_canary_warning(one, part, at))
    return tuple(found)


def unplayed_warnings(objects: Iterable[Object]) -> tuple[Warning_, ...]:
    """What objects ask of controllers that no world has yet: accepted as a cluster would, told as not modelled."""
    found: list[Warning_] = []
    for one in objects:
        if isinstance(one, KnativeService) and one.template.annotations.get(_CLASS, "").startswith("hpa."):
            found.append(_unplayed(one, _HPA))
        if not isinstance(one, InferenceService):
            continue
        parts = [part for part in (one.predictor, one.transformer) if part is not None]
        if one.deployment_mode == "Standard":
            if one.transformer is not None:
                found.append(_unplayed(one, "in Standard mode requests go straight to the predictor"))
            if any(part.scale_metric or part.scale_target or part.max_replicas > part.min_replicas for part in parts):
                found.append(_unplayed(one, "in Standard mode the pods stay at minReplicas: there is no HPA yet"))
        elif any(
            {**one.metadata.annotations, **part.pod.annotations}.get(_CLASS, "").startswith("hpa.") for part in parts
        ):
            found.append(_unplayed(one, _HPA))
    return tuple(found)


def _unplayed(one: Object, what: str) -> Warning_:
    return Warning_(f"{one.kind} {one.metadata.name}: not modelled: {what}", one.at)


def _in_vain(part: Component) -> bool:
    return part.canary_traffic_percent is not None and part.canary_traffic_percent < 100


def _canary_warning(one: InferenceService, part: Component, at: Location | None) -> Warning_:
    return Warning_(
        f"InferenceService {one.metadata.name}: canaryTrafficPercent {part.canary_traffic_percent} of the {part.name} "
        "is ignored until a revision has been rolled out: this deploy gets 100 %",
        at,
    )
