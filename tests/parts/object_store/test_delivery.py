"""What a cluster gets: manifests that the sandbox reads too, a lock that suffices, and an image that needs no root."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from fixtures.object_store.command_line import parse
from sandbox.manifests.reader import read_manifests

ROOT = Path(__file__).resolve().parents[3]
PART = ROOT / "fixtures" / "object_store"


def documents(name: str) -> list[dict[str, object]]:
    return list(YAML(typ="safe").load_all(PART / "manifests" / name))


def pins(file: Path) -> dict[str, str]:
    lines = [line.partition("==") for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {canonical(name): version for name, _, version in lines}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


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


def test_the_lock_is_enough_to_serve_upload_and_download_and_has_the_versions_of_all_parts(tmp_path: Path) -> None:
    """Whatever it doesn't name can't be imported here."""
    lock, all_parts = pins(PART / "requirements.lock"), pins(ROOT / "fixtures" / "constraints.txt")
    absent = [name for name, owners in packages_distributions().items() if not {*map(canonical, owners)} & set(lock)]
    blocked = " ".join(name for name in absent if name not in ("sandbox", "fixtures"))
    tmp_path.joinpath("model.bin").write_bytes(b"1")
    code = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys(sys.argv[2].split()))
import fixtures.object_store.__main__, fixtures.object_store.serve, fixtures.object_store.verify
from fixtures.object_store.connect import connect
from fixtures.object_store.download import download
from fixtures.object_store.moto_server import MotoServer
from fixtures.object_store.upload import upload
with MotoServer("access", "secret-of-it") as upstream:
    client = connect(upstream.url, "access", "secret-of-it")
    upload(client, Path(sys.argv[1]) / "model.bin", "s3://models/m", make_bucket=True)
    print(download(client, "s3://models/m", Path(sys.argv[1]) / "got").bytes)
"""
    command = [sys.executable, "-c", code, str(tmp_path), blocked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)

    assert "numpy" in blocked.split()
    assert (done.returncode, done.stdout) == (0, "1\n"), done.stderr
    assert {name: all_parts.get(name) for name in lock} == lock


def test_verifying_a_folder_and_reading_the_rule_load_no_client() -> None:
    code = "import sys, fixtures.object_store.folder, fixtures.object_store.rule; print('minio' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout == "False\n"


def test_the_image_is_built_from_a_given_base_and_runs_as_nobody() -> None:
    lines = (PART / "Dockerfile").read_text().splitlines()

    assert [line for line in lines if line.startswith(("ARG", "FROM", "USER"))] == [
        "ARG BASE",
        "FROM ${BASE}",
        "USER 65532",
    ]
    copied = [line.split()[1] for line in lines if line.startswith("COPY")]
    assert copied
    assert all((ROOT / path).exists() for path in copied)
