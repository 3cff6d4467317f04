"""Annotations over the cluster's settings, and refusals that the upstream table leaves out."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.autoscaling.annotation_validation import AnnotationError
from sandbox.mechanisms.autoscaling.annotations import (
    PREFIX,
    PROGRESS_DEADLINE,
    panic_window_s,
    revision_scaling,
    validate_annotations,
)
from sandbox.mechanisms.autoscaling.config import HPA_CLASS, KPA_CLASS, AutoscalerConfig

DEFAULT = AutoscalerConfig()


def template(**values: str) -> dict[str, str]:
    return {PREFIX + name.replace("_", "-"): value for name, value in values.items()}


def test_without_annotations_the_cluster_decides() -> None:
    scaling = revision_scaling(None, DEFAULT, container_concurrency=0)

    assert (scaling.autoscaler_class, scaling.metric) == (KPA_CLASS, "concurrency")
    assert (scaling.target, scaling.total, scaling.target_burst_capacity) == (70.0, 100.0, 211.0)
    assert (scaling.stable_window_s, scaling.panic_window_s, scaling.panic_threshold) == (60.0, 6.0, 2.0)
    assert (scaling.initial_scale, scaling.min_scale, scaling.max_scale) == (1, 0, 0)
    assert (scaling.grace_period_s, scaling.retention_s, scaling.progress_deadline_s) == (30.0, 0.0, 600.0)
    assert not scaling.weighted


def test_each_annotation_wins_over_the_cluster() -> None:
    written = template(
        metric="rps",
        target="150",
        target_utilization_percentage="80",
        target_burst_capacity="-1",
        window="30s",
        panic_window_percentage="20",
        panic_threshold_percentage="300",
        activation_scale="2",
        scale_down_delay="1m",
        min_scale="1",
        max_scale="9",
        initial_scale="3",
        scale_to_zero_pod_retention_period="2m",
        metric_aggregation_algorithm="weighted-exponential",
    ) | {PROGRESS_DEADLINE: "2m"}

    scaling = revision_scaling(written, DEFAULT, container_concurrency=0)
    spec = scaling.decider

    assert (spec.metric, spec.target, spec.total, spec.target_burst_capacity) == ("rps", 120.0, 150.0, -1.0)
    assert (spec.stable_window_s, scaling.panic_window_s, spec.panic_threshold) == (30.0, 6.0, 3.0)
    assert (spec.activation_scale, spec.scale_down_delay_s) == (2, 60.0)
    assert (spec.max_scale_up_rate, spec.max_scale_down_rate) == (1000.0, 2.0)
    assert (scaling.min_scale, scaling.max_scale, scaling.initial_scale) == (1, 9, 3)
    assert (scaling.retention_s, scaling.progress_deadline_s, scaling.weighted) == (120.0, 120.0, True)


def test_the_spelling_with_hyphens_wins_over_camel_case() -> None:
    both = {PREFIX + "minScale": "2", PREFIX + "min-scale": "3"}

    assert revision_scaling({PREFIX + "minScale": "2"}, DEFAULT, 0).min_scale == 2
    assert revision_scaling(both, DEFAULT, 0).min_scale == 3


def test_a_refused_annotation_leaves_the_cluster_setting() -> None:
    scaling = revision_scaling(template(window="1s", min_scale="x", target="0"), DEFAULT, 0)

    assert (scaling.stable_window_s, scaling.min_scale, scaling.total) == (60.0, 0, 100.0)


def test_a_progress_deadline_that_is_no_duration_is_ignored() -> None:
    assert revision_scaling({PROGRESS_DEADLINE: "soon"}, DEFAULT, 0, 300.0).progress_deadline_s == 300.0


def test_the_hpa_class_scales_on_cpu_unless_told_otherwise() -> None:
    assert revision_scaling(template(**{"class": HPA_CLASS}), DEFAULT, 0).metric == "cpu"


def test_the_panic_window_is_whole_seconds_and_at_least_one() -> None:
    assert [panic_window_s(60, 10), panic_window_s(6, 10), panic_window_s(25, 10)] == [6.0, 1.0, 3.0]


@pytest.mark.parametrize(
    "written, error",
    [
        ({"max_scale": "9" * 30}, AnnotationError("max-scale", "out_of_bounds", "9" * 30, 0, 2147483647)),
        ({"min_scale": "1_0"}, AnnotationError("min-scale", "invalid", "1_0")),
        ({"activation_scale": "two"}, AnnotationError("activation-scale", "invalid", "two")),
        ({"activation_scale": "1"}, AnnotationError("activation-scale", "too_small", "1", 2)),
        ({"target": "much"}, AnnotationError("target", "invalid", "much")),
        ({"target_burst_capacity": "nan"}, AnnotationError("target-burst-capacity", "invalid", "nan")),
        (
            {"panic_threshold_percentage": "100"},
            AnnotationError("panic-threshold-percentage", "out_of_bounds", "100", 110.0, 1000.0),
        ),
        ({"window": "60"}, AnnotationError("window", "invalid", "60")),
        ({"metric": "cpu"}, AnnotationError("metric", "invalid", "cpu")),
        ({"initial_scale": "0"}, AnnotationError("initial-scale", "zero_not_allowed", "0")),
        (
            {"class": KPA_CLASS, "metric_aggregation_algorithm": "median"},
            AnnotationError("metric-aggregation-algorithm", "invalid", "median"),
        ),
    ],
)
def test_a_refused_annotation_is_named(written: dict[str, str], error: AnnotationError) -> None:
    assert validate_annotations(template(**written), DEFAULT) == (error,)


def test_fractions_of_a_second_are_fine_for_the_retention_period() -> None:
    assert validate_annotations(template(scale_to_zero_pod_retention_period="1.5s"), DEFAULT) == ()
