"""The manifests of the model server."""

from __future__ import annotations

import pytest

from sandbox.manifests.reader import read_manifests
from tests.parts.part import CHECKOUT

PART = CHECKOUT / "fixtures" / "model_server"


@pytest.mark.parametrize("file", ["ranker.yaml", "ranker-by-format.yaml"])
def test_the_simulated_world_s_admission_takes_the_manifests(file: str) -> None:
    found = read_manifests(PART / "manifests" / file)

    assert "ranker" in {one.metadata.name for one in found.objects}


@pytest.mark.parametrize("file", ["ranker.yaml", "sandbox-runtime.yaml"])
def test_containers_run_as_nobody_on_a_read_only_root_with_resources(file: str) -> None:
    text = (PART / "manifests" / file).read_text()

    for line in ("runAsNonRoot: true", "readOnlyRootFilesystem: true", "capabilities: {drop: [ALL]}", "limits: {cpu:"):
        assert line in text
    assert 1 == text.count("containerPort:")  # Knative takes one
