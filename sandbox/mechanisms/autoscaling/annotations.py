"""What holds for one revision: its annotations over the cluster's config-autoscaler.

A revision's annotations, the settings and its containerConcurrency come in, a `RevisionScaling` goes out, which all
other parts of the autoscaler read. Mirrors knative/serving pkg/apis/autoscaling/v1alpha1/podautoscaler_lifecycle.go and
pkg/reconciler/autoscaling/{resources,kpa/resources}. An annotation that admission would refuse is ignored here, as
upstream does when one reaches a PodAutoscaler anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor

from sandbox.durations import parse_go_duration
from sandbox.mechanisms.autoscaling.annotation_validation import (
    PREFIX,
    WEIGHTED_ALGORITHMS,
    AnnotationError,
    read,
    validate_annotations,
)
from sandbox.mechanisms.autoscaling.config import HPA_CLASS, AutoscalerConfig
from sandbox.mechanisms.autoscaling.kpa import DeciderSpec
from sandbox.mechanisms.autoscaling.target import per_pod_target

__all__ = ["PREFIX", "AnnotationError", "RevisionScaling", "revision_scaling", "validate_annotations"]

PROGRESS_DEADLINE = "serving.knative.dev/progress-deadline"
DEFAULT_PROGRESS_DEADLINE_S = 600.0  # config-deployment


@dataclass(frozen=True, slots=True)
class RevisionScaling:
    """Everything the autoscaler goes by for one revision."""

    autoscaler_class: str
    metric: str  # "concurrency" or "rps"; other names with the HPA class only
    target: float  # per pod, after utilisation
    total: float  # per pod, its capacity
    target_burst_capacity: float  # -1 = no limit
    stable_window_s: float
    panic_window_s: float
    panic_threshold: float  # ratio of wanted to ready pods
    max_scale_up_rate: float
    max_scale_down_rate: float
    activation_scale: int
    scale_down_delay_s: float
    min_scale: int
    max_scale: int  # 0 = no maximum
    initial_scale: int
    weighted: bool
    enable_scale_to_zero: bool
    grace_period_s: float
    retention_s: float
    progress_deadline_s: float
    activator_capacity: float

    @property
    def decider(self) -> DeciderSpec:
        """The part a scale decision needs."""
        return DeciderSpec(
            metric=self.metric,
            target=self.target,
            total=self.total,
            target_burst_capacity=self.target_burst_capacity,
            panic_threshold=self.panic_threshold,
            max_scale_up_rate=self.max_scale_up_rate,
            max_scale_down_rate=self.max_scale_down_rate,
            stable_window_s=self.stable_window_s,
            activation_scale=self.activation_scale,
            scale_down_delay_s=self.scale_down_delay_s,
        )


class _Valid:
    """Reads the annotations that admission accepts."""

    def __init__(self, annotations: Mapping[str, str], config: AutoscalerConfig) -> None:
        self._annotations = annotations
        self._refused = {error.key for error in validate_annotations(annotations, config)}

    def text(self, name: str) -> str | None:
        found = read(self._annotations, name)
        return None if found is None or found[0] in self._refused else found[1]

    def number(self, name: str, default: float) -> float:
        text = self.text(name)
        return default if text is None else float(text)

    def whole(self, name: str, default: int) -> int:
        text = self.text(name)
        return default if text is None else int(text)

    def duration_s(self, name: str, default_s: float) -> float:
        text = self.text(name)
        return default_s if text is None else parse_go_duration(text)


def revision_scaling(
    annotations: Mapping[str, str] | None,
    config: AutoscalerConfig,
    container_concurrency: int,
    progress_deadline_s: float = DEFAULT_PROGRESS_DEADLINE_S,
) -> RevisionScaling:
    """What holds for a revision with these annotations; `progress_deadline_s` is config-deployment's.

    >>> scaling = revision_scaling({PREFIX + "metric": "rps", PREFIX + "target": "150"}, AutoscalerConfig(), 0)
    >>> scaling.target, scaling.panic_window_s
    (105.0, 6.0)
    """
    annotations = annotations or {}
    valid = _Valid(annotations, config)
    autoscaler_class = valid.text("class") or config.pod_autoscaler_class
    metric = valid.text("metric") or ("cpu" if autoscaler_class == HPA_CLASS else "concurrency")
    target = valid.text("target")
    utilization = valid.text("target-utilization-percentage")
    per_pod = per_pod_target(
        metric,
        container_concurrency,
        config,
        None if target is None else float(target),
        None if utilization is None else float(utilization) / 100,
    )
    window_s = valid.duration_s("window", config.stable_window_s)
    panic_percentage = valid.number("panic-window-percentage", config.panic_window_percentage)
    return RevisionScaling(
        autoscaler_class=autoscaler_class,
        metric=metric,
        target=per_pod.target,
        total=per_pod.total,
        target_burst_capacity=valid.number("target-burst-capacity", config.target_burst_capacity),
        stable_window_s=window_s,
        panic_window_s=panic_window_s(window_s, panic_percentage),
        panic_threshold=valid.number("panic-threshold-percentage", config.panic_threshold_percentage) / 100,
        max_scale_up_rate=config.max_scale_up_rate,
        max_scale_down_rate=config.max_scale_down_rate,
        activation_scale=valid.whole("activation-scale", 0),
        scale_down_delay_s=valid.duration_s("scale-down-delay", config.scale_down_delay_s),
        min_scale=valid.whole("min-scale", config.min_scale),
        max_scale=valid.whole("max-scale", config.max_scale),
        initial_scale=valid.whole("initial-scale", config.initial_scale),
        weighted=valid.text("metric-aggregation-algorithm") in WEIGHTED_ALGORITHMS,
        enable_scale_to_zero=config.enable_scale_to_zero,
        grace_period_s=config.scale_to_zero_grace_period_s,
        retention_s=valid.duration_s("scale-to-zero-pod-retention-period", config.scale_to_zero_pod_retention_period_s),
        progress_deadline_s=_progress_deadline_s(annotations, progress_deadline_s),
        activator_capacity=config.activator_capacity,
    )


def panic_window_s(stable_window_s: float, percentage: float) -> float:
    """Rounded to whole seconds, and at least one bucket long.

    >>> panic_window_s(60, 10), panic_window_s(6, 10)
    (6.0, 1.0)
    """
    return max(1.0, float(floor(stable_window_s * percentage / 100 + 0.5)))


def _progress_deadline_s(annotations: Mapping[str, str], default_s: float) -> float:
    try:
        return parse_go_duration(annotations[PROGRESS_DEADLINE])
    except (KeyError, ValueError):
        return default_s
