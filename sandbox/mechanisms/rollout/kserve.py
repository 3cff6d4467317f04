"""KServe's Knative mode: the Knative Service written for one component of an InferenceService.

Comes in: the component, the InferenceService's annotations, the component's status so far. Goes out: the
Knative Service: scale annotations and time-outs of its revision template, and the traffic block with the
canary split. The control plane's KServe reconciler writes the result; every change of the template makes a
new revision.

Mirrors kserve/kserve (aaac4e29) pkg/controller/v1beta1/inferenceservice/reconcilers/knative/ksvc_reconciler.go
and pkg/controller/v1alpha1/utils/utils.go.

Leaves out: storage initializer (the pod's part), the dry run that fills in Knative's defaults. KServe does
not check the percent: a bad one is refused by Knative when the traffic block arrives.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from sandbox.manifests.objects import Component, KnativeService, Metadata, RevisionTemplate, TrafficTarget
from sandbox.mechanisms.rollout.kserve_status import ComponentStatus

CLASS = "autoscaling.knative.dev/class"
MIN_SCALE = "autoscaling.knative.dev/min-scale"
MAX_SCALE = "autoscaling.knative.dev/max-scale"
TARGET = "autoscaling.knative.dev/target"
METRIC = "autoscaling.knative.dev/metric"
INITIAL_SCALE = "autoscaling.knative.dev/initial-scale"
ROLLOUT_DURATION = "serving.knative.dev/rollout-duration"
TAG_ROUTING = "serving.kserve.io/enable-tag-routing"
STOP = "serving.kserve.io/stop"
KPA_CLASS = "kpa.autoscaling.knative.dev"

# These go to the Knative Service itself, not to its revisions.
SERVICE_ANNOTATIONS = (ROLLOUT_DURATION, "serving.knative.openshift.io/enablePassthrough")
# These never reach the component: min and max replicas are the spec's to say.
DROPPED_ANNOTATIONS = (
    MIN_SCALE,
    MAX_SCALE,
    "internal.serving.kserve.io/storage-initializer-sourceuri",
    "kubectl.kubernetes.io/last-applied-configuration",
    "modelFormat",
)
TEMPLATE_LABELS_DROPPED = ("networking.knative.dev/visibility",)


def ksvc_traffic(
    canary_percent: int | None, latest_rolled_out: str, *, tag_latest: bool = False
) -> tuple[TrafficTarget, ...]:
    """The traffic block. The rest goes to the revision that last had 100 %, not to the previous by number.

    >>> [(target.revision_name, target.percent) for target in ksvc_traffic(20, "m-00001")]
    [('', 20), ('m-00001', 80)]
    """
    tag = "latest" if tag_latest else ""
    if canary_percent is None or not latest_rolled_out:
        return (TrafficTarget(latest_revision=True, percent=100, tag=tag),)
    latest = TrafficTarget(latest_revision=True, percent=canary_percent, tag=tag)
    if canary_percent >= 100:
        return (latest,)
    return (latest, TrafficTarget(revision_name=latest_rolled_out, percent=100 - canary_percent, tag="prev"))


def scale_annotations(component: Component) -> dict[str, str]:
    """What the component's own fields say about scaling; 0 max replicas leave the cluster's limit in force."""
    written = {MIN_SCALE: str(component.min_replicas)}
    if component.max_replicas:
        written[MAX_SCALE] = str(component.max_replicas)
    if component.scale_target is not None:
        written[TARGET] = str(component.scale_target)
    if component.scale_metric is not None:
        written[METRIC] = component.scale_metric
    return written


def keeps_initial_scale(value: str, *, allow_zero: bool) -> bool:
    """Does an initial-scale annotation survive? Else the cluster's default applies, without an error."""
    return re.fullmatch(r"[+-]?\d+", value, re.ASCII) is not None and (allow_zero or int(value) != 0)


def component_annotations(
    component: Component, annotations: Mapping[str, str], *, allow_zero_initial_scale: bool
) -> dict[str, str]:
    """All annotations of a component's Knative Service and revisions, before the two are told apart."""
    inherited = dict(annotations)
    initial = inherited.get(INITIAL_SCALE)
    if initial is not None and not keeps_initial_scale(initial, allow_zero=allow_zero_initial_scale):
        del inherited[INITIAL_SCALE]
    given = {**inherited, **component.pod.annotations}
    kept = {key: value for key, value in given.items() if key not in DROPPED_ANNOTATIONS}
    return {CLASS: KPA_CLASS, **kept, **scale_annotations(component)}


def knative_service(
    name: str,
    component: Component,
    annotations: Mapping[str, str],
    status: ComponentStatus,
    *,
    namespace: str = "default",
    labels: Mapping[str, str] | None = None,
    allow_zero_initial_scale: bool = False,
) -> KnativeService:
    """The Knative Service that KServe wants for `component`.

    `annotations` and `labels` are the InferenceService's; `allow_zero_initial_scale` is config-autoscaler's.
    """
    labels = labels or {}
    merged = component_annotations(component, annotations, allow_zero_initial_scale=allow_zero_initial_scale)
    on_service = {key: merged.pop(key) for key in SERVICE_ANNOTATIONS if key in merged}
    pod_labels = {key: value for key, value in labels.items() if key not in TEMPLATE_LABELS_DROPPED}
    return KnativeService(
        metadata=Metadata(name=name, namespace=namespace, labels=labels, annotations=on_service),
        template=RevisionTemplate(
            pod=replace(component.pod, labels={**pod_labels, **component.pod.labels}, annotations=merged),
            annotations=merged,
            container_concurrency=component.container_concurrency,
            timeout_s=component.timeout_s,
            response_start_timeout_s=component.timeout_s,
        ),
        traffic=ksvc_traffic(
            component.canary_traffic_percent, status.rolled, tag_latest=merged.get(TAG_ROUTING) == "true"
        ),
    )


def reconcile_service(existing: KnativeService | None, desired: KnativeService) -> KnativeService | None:
    """What is stored afterwards: KServe's fields are replaced, others' annotations stay. None: stopped."""
    if desired.template.annotations.get(STOP, "").lower() == "true":
        return None
    if existing is None:
        return desired
    others = {key: text for key, text in existing.metadata.annotations.items() if key not in SERVICE_ANNOTATIONS}
    metadata = replace(
        existing.metadata,
        labels=desired.metadata.labels,
        annotations={**others, **desired.metadata.annotations},
    )
    return replace(existing, metadata=metadata, template=desired.template, traffic=desired.traffic)
