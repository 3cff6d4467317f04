"""The admission check of a revision template's autoscaling annotations.

Annotations and the cluster's settings come in, one `AnnotationError` per offending annotation goes out; every
annotation is checked. Mirrors knative/serving pkg/apis/autoscaling/annotation_validation.go and register.go (v0.47).
The messages are the caller's: only it knows file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.durations import parse_go_duration
from sandbox.mechanisms.autoscaling.config import (
    HPA_CLASS,
    KPA_CLASS,
    PANIC_WINDOW_PERCENTAGE_MAX,
    PANIC_WINDOW_PERCENTAGE_MIN,
    TARGET_MIN,
    WINDOW_MAX_S,
    WINDOW_MIN_S,
    AutoscalerConfig,
    parse_go_float,
    parse_go_int32,
)

PREFIX = "autoscaling.knative.dev/"
INT32_MAX = (1 << 31) - 1
PANIC_THRESHOLD_PERCENTAGE_MIN, PANIC_THRESHOLD_PERCENTAGE_MAX = 110.0, 1000.0
ACTIVATION_SCALE_MIN = 2
WEIGHTED_ALGORITHMS = ("weightedExponential", "weighted-exponential")

# The old spellings that are still read; where both are there, the one with hyphens wins.
ALIASES = {
    "min-scale": "minScale",
    "max-scale": "maxScale",
    "initial-scale": "initialScale",
    "scale-down-delay": "scaleDownDelay",
    "target-utilization-percentage": "targetUtilizationPercentage",
    "target-burst-capacity": "targetBurstCapacity",
    "panic-window-percentage": "panicWindowPercentage",
    "panic-threshold-percentage": "panicThresholdPercentage",
    "metric-aggregation-algorithm": "metricAggregationAlgorithm",
    "scale-to-zero-pod-retention-period": "scaleToZeroPodRetentionPeriod",
}

ErrorKind = Literal[
    "invalid",  # cannot be parsed, or none of the accepted words
    "out_of_bounds",  # outside [min, max]
    "too_small",  # below min
    "too_precise",  # not a whole number of seconds
    "max_below_min",  # max-scale below min-scale
    "unlimited_over_limit",  # max-scale 0 where the cluster has a limit (max)
    "below_min_scale",  # activation-scale below min-scale
    "above_max_scale",  # activation-scale above max-scale
    "zero_not_allowed",  # initial-scale 0 where the cluster forbids it
    "negative",  # initial-scale below 0
]


@dataclass(frozen=True, slots=True)
class AnnotationError:
    """One refused annotation; `key` as it was written, without the prefix."""

    key: str
    kind: ErrorKind
    value: str
    min: float | None = None
    max: float | None = None
    other_key: str | None = None


def read(annotations: Mapping[str, str], name: str) -> tuple[str, str] | None:
    """(key as written, value) of an annotation under its present or its old name, without the prefix."""
    for key in (name, ALIASES.get(name, name)):
        value = annotations.get(PREFIX + key)
        if value is not None:
            return key, value
    return None


def validate_annotations(
    annotations: Mapping[str, str] | None, config: AutoscalerConfig
) -> tuple[AnnotationError, ...]:
    """All errors of a template's annotations (keys with the prefix); other annotations are not looked at.

    >>> validate_annotations({"autoscaling.knative.dev/max-scale": "-1"}, AutoscalerConfig())[0].kind
    'out_of_bounds'
    """
    if not annotations:
        return ()
    return (
        *_class_errors(annotations),
        *_scale_errors(annotations, config),
        *_number_errors(annotations),
        *_duration_errors(annotations),
        *_metric_errors(annotations, config),
        *_initial_scale_errors(annotations, config),
    )


def _class_errors(annotations: Mapping[str, str]) -> Iterator[AnnotationError]:
    found = read(annotations, "class")
    if found and found[1].endswith(".knative.dev") and found[1] not in (KPA_CLASS, HPA_CLASS):
        yield AnnotationError(found[0], "invalid", found[1])


def _replicas(annotations: Mapping[str, str], name: str) -> int | AnnotationError:
    """A replica count from 0 on; 0 where the annotation is absent."""
    found = read(annotations, name)
    if found is None:
        return 0
    key, text = found
    try:
        value = parse_go_int32(text)
    except ValueError:
        return AnnotationError(key, "invalid", text)
    except OverflowError:
        value = -1
    return value if value >= 0 else AnnotationError(key, "out_of_bounds", text, 0, INT32_MAX)


def _scale_errors(annotations: Mapping[str, str], config: AutoscalerConfig) -> Iterator[AnnotationError]:
    scales = []
    for name in ("min-scale", "max-scale"):
        scale = _replicas(annotations, name)
        if isinstance(scale, AnnotationError):
            yield scale
        scales.append(scale if isinstance(scale, int) else 0)
    least, most = scales
    if 0 < most < least:
        yield AnnotationError("max-scale", "max_below_min", str(most), other_key="min-scale")
    found = read(annotations, "max-scale")
    limit = config.max_scale_limit
    if found and limit and most > limit:
        yield AnnotationError(found[0], "out_of_bounds", found[1], 1, limit)
    if found and limit and most == 0:
        yield AnnotationError(found[0], "unlimited_over_limit", found[1], max=limit)
    yield from _activation_scale_errors(annotations, least, most)


def _activation_scale_errors(annotations: Mapping[str, str], least: int, most: int) -> Iterator[AnnotationError]:
    found = read(annotations, "activation-scale")
    if found is None:
        return
    key, text = found
    try:
        scale = parse_go_int32(text)
    except (ValueError, OverflowError):
        yield AnnotationError(key, "invalid", text)
        return
    if scale < least:
        yield AnnotationError(key, "below_min_scale", text)
    elif 0 < most < scale:
        yield AnnotationError(key, "above_max_scale", text)
    elif scale < ACTIVATION_SCALE_MIN:
        yield AnnotationError(key, "too_small", text, ACTIVATION_SCALE_MIN)


_PERCENTAGES = {
    "panic-window-percentage": (PANIC_WINDOW_PERCENTAGE_MIN, PANIC_WINDOW_PERCENTAGE_MAX),
    "panic-threshold-percentage": (PANIC_THRESHOLD_PERCENTAGE_MIN, PANIC_THRESHOLD_PERCENTAGE_MAX),
    "target-utilization-percentage": (1.0, 100.0),
}


def _number_errors(annotations: Mapping[str, str]) -> Iterator[AnnotationError]:
    for name in (*_PERCENTAGES, "target", "target-burst-capacity"):
        found = read(annotations, name)
        if found is None:
            continue
        key, text = found
        try:
            value = parse_go_float(text)
        except ValueError:
            yield AnnotationError(key, "invalid", text)
            continue
        if name in _PERCENTAGES:
            least, most = _PERCENTAGES[name]
            if not least <= value <= most:
                yield AnnotationError(key, "out_of_bounds", text, least, most)
        elif name == "target":
            if value < TARGET_MIN:
                yield AnnotationError(key, "too_small", text, TARGET_MIN)
        elif value < 0 and value != -1:
            yield AnnotationError(key, "invalid", text)


# name -> (shortest in seconds, whether it must be whole seconds); none may exceed the longest window
_DURATIONS = {
    "window": (WINDOW_MIN_S, True),
    "scale-to-zero-pod-retention-period": (0.0, False),
    "scale-down-delay": (0.0, True),
}


def _duration_errors(annotations: Mapping[str, str]) -> Iterator[AnnotationError]:
    for name, (least_s, whole) in _DURATIONS.items():
        found = read(annotations, name)
        if found is None:
            continue
        key, text = found
        try:
            value_s = parse_go_duration(text)
        except ValueError:
            yield AnnotationError(key, "invalid", text)
            continue
        if not least_s <= value_s <= WINDOW_MAX_S:
            yield AnnotationError(key, "out_of_bounds", text, least_s, WINDOW_MAX_S)
        elif whole and value_s != int(value_s):
            yield AnnotationError(key, "too_precise", text)


def _metric_errors(annotations: Mapping[str, str], config: AutoscalerConfig) -> Iterator[AnnotationError]:
    named_class = read(annotations, "class")
    autoscaler_class = named_class[1] if named_class else config.pod_autoscaler_class
    metric = read(annotations, "metric")
    if metric and not _knows_metric(autoscaler_class, metric[1]):
        yield AnnotationError(metric[0], "invalid", metric[1])
    algorithm = read(annotations, "metric-aggregation-algorithm")
    # Upstream looks at the algorithm only where the annotation names the KPA class.
    names_kpa = named_class is not None and named_class[1] == KPA_CLASS
    if algorithm and names_kpa and algorithm[1] not in ("", "linear", *WEIGHTED_ALGORITHMS):
        yield AnnotationError(algorithm[0], "invalid", algorithm[1])


def _knows_metric(autoscaler_class: str, metric: str) -> bool:
    if autoscaler_class == KPA_CLASS:
        return metric in ("concurrency", "rps")
    return metric != "" or autoscaler_class != HPA_CLASS


def _initial_scale_errors(annotations: Mapping[str, str], config: AutoscalerConfig) -> Iterator[AnnotationError]:
    found = read(annotations, "initial-scale")
    if found is None:
        return
    key, text = found
    try:
        scale = parse_go_int32(text)
    except (ValueError, OverflowError):
        yield AnnotationError(key, "invalid", text)
        return
    if scale < 0:
        yield AnnotationError(key, "negative", text)
    elif scale == 0 and not config.allow_zero_initial_scale:
        yield AnnotationError(key, "zero_not_allowed", text)
