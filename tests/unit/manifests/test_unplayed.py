"""What no world acts on yet is told once, and accepted."""

import pytest

from sandbox.errors import UsageError
from sandbox.manifests.reader import Text, read_manifests

STANDARD = """apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: a, annotations: {serving.kserve.io/deploymentMode: Standard}}
spec:
  predictor:
    maxReplicas: 4
    scaleMetric: cpu
    model: {modelFormat: {name: onnx}, storageUri: "s3://m/x"}
  transformer:
    containers: [{name: t, image: dev.local/t}]
"""
HPA = """apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: b}
spec:
  template:
    metadata: {annotations: {autoscaling.knative.dev/class: hpa.autoscaling.knative.dev}}
    spec: {containers: [{image: dev.local/x}]}
"""


def messages(text: str) -> list[str]:
    return [one.message for one in read_manifests(Text(text)).warnings if "not modelled: " in one.message]


def test_standard_mode_tells_what_it_leaves_out():
    assert messages(STANDARD) == [
        "InferenceService a: not modelled: in Standard mode requests go straight to the predictor",
        "InferenceService a: not modelled: in Standard mode the pods stay at minReplicas: there is no HPA yet",
    ]


def test_the_hpa_class_is_told_for_knative_services_and_inference_services():
    knative = STANDARD.replace(
        "serving.kserve.io/deploymentMode: Standard", "autoscaling.knative.dev/class: hpa.autoscaling.knative.dev"
    )
    expected = "not modelled: the HPA class of autoscaler; the KPA scales it on concurrency"

    assert [f"KnativeService b: {expected}"] == messages(HPA)
    assert [f"InferenceService a: {expected}"] == messages(knative.replace("scaleMetric: cpu", "minReplicas: 1"))


def test_what_is_played_is_not_told():
    assert [] == messages(HPA.replace("hpa.", "kpa."))


def test_a_profile_among_the_manifests_is_told_where_it_belongs():
    with pytest.raises(UsageError, match="this is a profile, not a manifest") as caught:
        read_manifests(Text("default: {serviceTime: 40ms}\n", "profile.yaml"))

    assert str(caught.value).startswith("profile.yaml:1:1:")
    assert "--profile" in str(caught.value)
