"""What Knative's webhooks refuse, told with file, line and column of the annotation."""

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.reader import Text, read_manifests
from sandbox.mechanisms.admission import ADMISSION, rule_of
from sandbox.mechanisms.autoscaling.annotation_validation import AnnotationError

KSVC = """apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: a}
spec:
  template:
    metadata:
      annotations:
        autoscaling.knative.dev/window: "2s"
    spec: {containers: [{image: dev.local/x}]}
"""
ISVC = """apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: a
  annotations:
    autoscaling.knative.dev/metric: rps
spec:
  predictor:
    annotations:
      autoscaling.knative.dev/target: "0.001"
    model: {modelFormat: {name: onnx}, storageUri: "s3://m/x"}
"""
CONFIG = """apiVersion: v1
kind: ConfigMap
metadata: {name: config-autoscaler}
data:
  stable-window: 1s
"""
GC = """apiVersion: v1
kind: ConfigMap
metadata: {name: config-gc}
data: {min-non-active-revisions: many}
"""


def refusal(text: str) -> str:
    with pytest.raises(UsageError) as caught:
        read_manifests(Text(text, "a.yaml"), admission=ADMISSION)
    return str(caught.value)


def test_a_window_out_of_bounds_is_refused_where_it_stands():
    message = refusal(KSVC)

    assert message.startswith("a.yaml:8:")
    assert "annotation autoscaling.knative.dev/window is refused" in message
    assert "window lies between 6 and 3600" in message


def test_an_annotation_of_a_component_is_refused_where_it_stands():
    assert refusal(ISVC).startswith("a.yaml:10:")


def test_an_annotation_of_the_service_is_refused_where_it_stands():
    text = ISVC.replace('"0.001"', '"5"').replace("metric: rps", "metric: latency")

    assert refusal(text).startswith("a.yaml:6:")


def test_standard_mode_has_other_rules():
    text = ISVC.replace(
        "  annotations:\n    auto", "  annotations:\n    serving.kserve.io/deploymentMode: Standard\n    auto", 1
    )

    assert read_manifests(Text(text), admission=ADMISSION).objects


def test_settings_of_the_autoscaler_and_of_garbage_collection_are_refused_where_they_stand():
    assert refusal(CONFIG).startswith("a.yaml:5:")
    assert "config-gc: min-non-active-revisions cannot be used" in refusal(GC)


def test_an_inference_service_that_is_right_passes():
    assert read_manifests(Text(ISVC.replace('"0.001"', '"5"')), admission=ADMISSION).objects


def test_what_is_right_passes():
    text = KSVC.replace('"2s"', '"30s"') + "---\n" + CONFIG.replace("1s", "30s") + "---\n" + GC.replace("many", '"3"')

    assert len(read_manifests(Text(text), admission=ADMISSION).objects) == 3


def test_every_kind_of_error_has_a_rule_in_words():
    kinds = [
        "invalid",
        "out_of_bounds",
        "too_small",
        "too_precise",
        "max_below_min",
        "unlimited_over_limit",
        "below_min_scale",
        "above_max_scale",
        "zero_not_allowed",
        "negative",
    ]

    rules = {rule_of(AnnotationError("key", kind, "1", 2, 3, "min-scale")) for kind in kinds}

    assert len(kinds) == len(rules)


def test_other_objects_and_other_settings_are_left_alone():
    other = (
        CONFIG.replace("config-autoscaler", "config-observability")
        + "---\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
    )

    assert len(read_manifests(Text(other), admission=ADMISSION).objects) == 2


def test_a_transformer_is_looked_at_like_a_predictor():
    text = ISVC.replace('"0.001"', '"5"') + (
        "  transformer:\n"
        "    annotations: {autoscaling.knative.dev/target: none}\n"
        "    containers: [{name: t, image: dev.local/t}]\n"
    )

    assert refusal(text).startswith("a.yaml:13:")
