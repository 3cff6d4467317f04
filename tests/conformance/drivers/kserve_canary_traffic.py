"""Driver of kserve_canary_traffic.json: cases become calls of rollout.kserve and rollout.standard_canary."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sandbox.manifests.objects import (
    CanaryPredictor,
    Component,
    Container,
    InferenceService,
    KnativeService,
    Metadata,
    PodTemplate,
    RevisionTemplate,
    TrafficTarget,
)
from sandbox.mechanisms.rollout import kserve, standard_canary
from sandbox.mechanisms.rollout.kserve_status import ComponentStatus

Json = dict[str, Any]
AUTOSCALING = "autoscaling.knative.dev/"


def _pod(image: str) -> PodTemplate:
    return PodTemplate(containers=(Container(name="kserve-container", image=image),))


def _component(given: Json, table: Json, image: str = "") -> Component:
    minimum = given.get("min_replicas")
    return Component(
        name="predictor",
        pod=_pod(image),
        min_replicas=table["defaults"]["min_replicas"] if minimum is None else minimum,
        max_replicas=given.get("max_replicas", 0),
        scale_target=given.get("scale_target"),
        scale_metric=given.get("scale_metric"),
        canary_traffic_percent=given.get("canary_percent"),
        timeout_s=given.get("timeout_s"),
        container_concurrency=given.get("container_concurrency"),
    )


def _named(annotations: Json, table: Json) -> dict[str, Any]:
    return {table["annotation_names"][name]: value for name, value in annotations.items()}


def _desired(case: Json, table: Json, image: str = "", labels: Mapping[str, str] | None = None) -> KnativeService:
    return kserve.knative_service(
        "m-predictor",
        _component(case["component"], table, image),
        _named(case.get("annotations", {}), table),
        ComponentStatus(**case.get("status", {})),
        labels=labels,
    )


def _targets(entries: list[Json]) -> tuple[TrafficTarget, ...]:
    return tuple(
        TrafficTarget(
            revision_name=entry.get("revision", ""),
            latest_revision=entry["latest"],
            percent=entry["percent"],
            tag=entry.get("tag", ""),
        )
        for entry in entries
    )


def _check(want: Json, service: KnativeService, table: Json) -> None:
    template = service.template
    if "traffic" in want:
        assert _targets(want["traffic"]) == service.traffic
    for key, value in _named(want.get("revision_annotations", {}), table).items():
        assert value == template.annotations.get(key), key
    for key, value in _named(want.get("service_annotations", {}), table).items():
        assert value == service.metadata.annotations.get(key), key
        assert key not in template.annotations
    for name in ("timeout_s", "response_start_timeout_s", "container_concurrency"):
        if name in want:
            assert want[name] == getattr(template, name), name


def ksvc(case: Json, table: Json) -> None:
    service = _desired(case, table)
    _check(case["want"], service, table)
    _check(case.get("from_code", {}), service, table)
    if case.get("exact") and "revision_annotations" in case["want"]:
        listed = _named(case["want"]["revision_annotations"], table).items()
        assert {key for key, value in listed if value is not None and key.startswith(AUTOSCALING)} == {
            key for key in service.template.annotations if key.startswith(AUTOSCALING)
        }


def _existing(given: Json, table: Json) -> KnativeService:
    annotations = _named(given.get("revision_annotations", {}), table)
    return KnativeService(
        metadata=Metadata(
            name="m-predictor",
            labels=given.get("labels", {}),
            annotations=_named(given.get("service_annotations", {}), table),
        ),
        template=RevisionTemplate(
            pod=replace(_pod(given.get("image", "")), annotations=annotations),
            annotations=annotations,
            timeout_s=given.get("timeout_s"),
            response_start_timeout_s=given.get("response_start_timeout_s"),
            container_concurrency=given.get("container_concurrency"),
        ),
        traffic=_targets(given.get("traffic", [])),
    )


def _check_stored(want: Json, stored: KnativeService | None, table: Json) -> None:
    assert want.get("exists", True) is (stored is not None)
    assert want.get("error", False) is False  # an error would have been raised
    if stored is None:
        return
    _check(want, stored, table)
    if "labels" in want:
        assert want["labels"] == stored.metadata.labels
    if "image" in want:
        assert want["image"] == stored.template.pod.containers[0].image
    if "traffic_percent_tag" in want:
        assert want["traffic_percent_tag"] == [[target.percent, target.tag] for target in stored.traffic]


def reconcile(case: Json, table: Json) -> None:
    desired = _desired(table["ksvc_cases"][0], table, image="img2", labels={"app": "new"})
    existing = case["existing"]
    stored = kserve.reconcile_service(_existing(existing, table) if existing is not None else None, desired)
    _check_stored(case["want"], stored, table)
    _check_stored(case.get("from_code", {}), stored, table)


def initial_scale(case: Json, table: Json) -> None:
    key = table["annotation_names"]["initial_scale"]
    service = kserve.knative_service(
        "m-predictor",
        _component({}, table),
        {key: case["annotation"]},
        ComponentStatus(),
        allow_zero_initial_scale=case["allow_zero"],
    )
    assert case["want"] == service.template.annotations.get(key)


def _canaries(entries: list[list[Any]]) -> tuple[CanaryPredictor, ...]:
    return tuple(
        CanaryPredictor(
            name=name,
            component=Component(name="predictor", pod=_pod(name)),
            traffic_percent=percent,
            min_replicas=own[0] if own else None,
        )
        for name, percent, *own in entries
    )


def stable(case: Json, table: Json) -> None:
    got = standard_canary.stable_replicas(case["stable_min"], _canaries(case["canaries"]), case["ready"])
    assert case["want_stable"] == got


def flow(case: Json, table: Json) -> None:
    """Plays the steps: what the table calls ready is reported, and the object is reconciled again."""
    stable_predictor = Component(name="predictor", pod=_pod("v1"), min_replicas=case["stable_min"])
    service = InferenceService(metadata=Metadata(name="m"), predictor=stable_predictor)
    ready: dict[str, bool] = {}
    stopped = False
    before: dict[str, standard_canary.PredictorDeployment] = {}
    now: dict[str, standard_canary.PredictorDeployment] = {}
    for step in case["steps"]:
        if "promote" in step:
            name = step["promote"]
            service = replace(service, predictor=replace(stable_predictor, pod=_pod(name), own_name=name))
        if "canaries" in step:
            service = replace(service, canaries=_canaries(step["canaries"]))
        stopped = step.get("stop", stopped)
        if step.get("all_ready"):
            ready = {canary.name: True for canary in service.canaries}
        before, now = now, standard_canary.predictor_deployments(service, ready, stopped=stopped)
    for name, replicas in case["want"].items():
        assert replicas == (now[name].replicas if name in now else None), name
    if "want_same_pod_template" in case:
        name = case["want_same_pod_template"]
        assert before[name].pod == now[name].pod


def weight(case: Json, table: Json) -> None:
    rules = [[standard_canary.Backend("m-predictor", 100)] * case.get("backends_before", 1)] * case.get("rules", 1)
    want = tuple(standard_canary.Backend(*entry) for entry in case["want"] or ())
    canaries = _canaries(case["canaries"])
    assert [want] * len(rules) == [
        standard_canary.rule_backends("m", canaries, case["ready"], before) for before in rules
    ]


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "ksvc_cases": ksvc,
    "code_cases": ksvc,
    "reconcile_cases": reconcile,
    "initial_scale_cases": initial_scale,
    "standard_canary_stable_cases": stable,
    "standard_canary_flow_cases": flow,
    "standard_canary_weight_cases": weight,
}
