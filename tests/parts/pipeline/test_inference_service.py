"""AI SERVING: the manifest names the registered model and its digest, and is one that a cluster accepts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fixtures.pipeline.inference_service import inference_service
from fixtures.pipeline.registry import Record
from sandbox.errors import UsageError
from sandbox.manifests.objects import InferenceService
from sandbox.manifests.reader import Text, read_manifests

RUNTIME = Path(__file__).parents[3] / "fixtures/model_server/manifests/sandbox-runtime.yaml"
RECORD = Record(
    name="ranker",
    version="abcdef012345",
    digest="sha256:" + "ab" * 32,
    uri="s3://models/ranker/abcdef012345",
    format="sandbox-ranker/1",
    metrics={},
    data={},
)


def test_the_manifest_serves_the_recorded_model_with_a_canary_share() -> None:
    text = inference_service(RECORD, 20)
    read = read_manifests(Text(text))
    (service,) = read.objects

    assert isinstance(service, InferenceService)
    assert ["InferenceService: spec.predictor.model.args is not modelled"] == [one.message for one in read.warnings]
    assert RECORD.digest == service.metadata.annotations["sandbox.dev/model-digest"]
    assert RECORD.version == service.metadata.annotations["sandbox.dev/model-version"]
    assert 20 == service.predictor.canary_traffic_percent
    assert RECORD.uri == service.predictor.pod.storage_uri
    assert "models" == service.predictor.pod.service_account
    model = YAML(typ="safe", pure=True).load(text)["spec"]["predictor"]["model"]
    assert [f"--digest={RECORD.digest}"] == model["args"]


def test_the_model_servers_runtime_takes_the_models_format() -> None:
    runtime = YAML(typ="safe", pure=True).load(RUNTIME.read_text(encoding="utf-8"))
    service = YAML(typ="safe", pure=True).load(inference_service(RECORD, 20))
    model = service["spec"]["predictor"]["model"]

    taken = [{key: one[key] for key in ("name", "version")} for one in runtime["spec"]["supportedModelFormats"]]
    assert model["modelFormat"] in taken
    assert model["protocolVersion"] in runtime["spec"]["protocolVersions"]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_share_that_is_none_is_refused(percent: int) -> None:
    with pytest.raises(UsageError, match="canaryTrafficPercent"):
        inference_service(RECORD, percent)


def test_a_name_that_no_cluster_takes_is_refused() -> None:
    with pytest.raises(UsageError, match="name"):
        inference_service(replace(RECORD, name="My Ranker"), 10)
