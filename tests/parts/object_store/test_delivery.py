"""What a cluster gets: manifests that the sandbox reads too, and a folder's check that loads no client."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fixtures.object_store.command_line import parse
from sandbox.manifests.reader import read_manifests

ROOT = Path(__file__).resolve().parents[3]
PART = ROOT / "fixtures" / "object_store"


def documents(name: str) -> list[dict[str, object]]:
    return list(YAML(typ="safe").load_all(PART / "manifests" / name))


@pytest.mark.parametrize(
    "name, kinds",
    [("object-store.yaml", ["Service", "Deployment"]), ("secret.example.yaml", ["Secret", "ServiceAccount"])],
)
def test_the_sandbox_reads_the_manifests(name: str, kinds: list[str]) -> None:
    read = read_manifests(PART / "manifests" / name)

    assert kinds == [type(one).__name__ for one in read.objects]


def test_the_pods_arguments_are_ones_that_the_command_line_takes() -> None:
    (pod,) = [one["spec"]["template"]["spec"] for one in documents("object-store.yaml") if one["kind"] == "Deployment"]  # type: ignore[index]
    (container,) = pod["containers"]
    given = parse(container["args"])

    assert (given.host, given.port) == ("0.0.0.0", container["ports"][0]["containerPort"])
    assert given.drain < pod["terminationGracePeriodSeconds"]
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert [mount["mountPath"] for mount in container["volumeMounts"]] == ["/tmp"]


def test_the_image_is_named_once_for_whoever_overrides_it() -> None:
    (kustomization,) = documents("kustomization.yaml")
    image = kustomization["images"][0]  # type: ignore[index]
    text = (PART / "manifests" / "object-store.yaml").read_text()

    assert re.findall(r"image: (\S+)", text) == [f"{image['name']}:{image['newTag']}"]


def test_no_manifest_carries_a_key() -> None:
    (secret, _) = documents("secret.example.yaml")

    assert set(secret["stringData"].values()) == {"REPLACE-ME"}  # type: ignore[attr-defined]


def test_verifying_a_folder_and_reading_the_rule_load_no_client() -> None:
    code = "import sys, fixtures.object_store.folder, fixtures.object_store.rule; print('minio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "False\n"
