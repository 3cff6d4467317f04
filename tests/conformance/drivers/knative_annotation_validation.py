"""Drives knative_annotation_validation.json through sandbox.mechanisms.autoscaling.annotation_validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.mechanisms.autoscaling.annotation_validation import AnnotationError, validate_annotations
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig

CONFIG_NAMES = {"class": "pod_autoscaler_class"}


def _as_entry(error: AnnotationError) -> dict[str, Any]:
    fields = {"key": error.key, "kind": error.kind, "min": error.min, "max": error.max, "other_key": error.other_key}
    return {name: value for name, value in fields.items() if value is not None}


def validate(case: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    settings = {CONFIG_NAMES.get(name, name): value for name, value in case.get("config", {}).items()}
    annotations = case["annotations"]
    if annotations is not None:
        annotations = {table["annotation_prefix"] + key: value for key, value in annotations.items()}
    got = [_as_entry(error) for error in validate_annotations(annotations, AutoscalerConfig(**settings))]
    want = case["want"].get("errors", [])
    assert sorted(got, key=lambda entry: entry["key"]) == sorted(want, key=lambda entry: entry["key"])
    assert (not got) == case["want"].get("valid", False)


DRIVERS = {"cases": validate}
