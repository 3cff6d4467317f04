"""What an image of the model server is made of, and the manifests that use it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.manifests.reader import read_manifests
from tests.parts.part import CHECKOUT

PART = CHECKOUT / "fixtures" / "model_server"
LOCKS = {"Dockerfile": "requirements.lock", "Dockerfile.slim": "requirements-slim.lock"}
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")


def pins(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if line and not line.startswith("#")]
    found = [PIN.fullmatch(line) for line in lines]
    assert None not in found
    return {normal(one[1]): one[2] for one in found if one}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("lock", LOCKS.values())
def test_a_lock_pins_every_package_to_the_version_that_installs_with_all_the_others(lock: str) -> None:
    together = pins(CHECKOUT / "fixtures" / "constraints.txt")

    own = pins(PART / lock)

    assert len(own) >= 15
    assert {name: own[name] for name in own if name in together and own[name] != together[name]} == {}
    assert set(own) - set(together) <= {"setuptools"}  # which pip does not list


@pytest.mark.parametrize("file", LOCKS)
def test_an_image_is_built_from_a_base_that_is_given_and_runs_as_nobody(file: str) -> None:
    lines = (PART / file).read_text().splitlines()

    assert lines.index("ARG BASE") + 1 == lines.index("FROM ${BASE}")
    assert "USER 65532" in lines
    assert f"COPY fixtures/model_server/{LOCKS[file]} requirements.lock" in lines
    assert next(line for line in lines if line.startswith("ENTRYPOINT [")) == lines[-1]


def test_the_slim_image_has_all_that_the_slim_server_imports() -> None:
    """Every distribution that is loaded is in its lock."""
    script = (
        "import sys, importlib.metadata as m\n"
        "import fixtures.model_server.__main__, fixtures.model_server.slim, fixtures.object_store.download\n"
        "import fixtures.object_store.connect\n"
        "names = m.packages_distributions()\n"
        "print(*{d for n in {x.partition('.')[0] for x in sys.modules} for d in names.get(n, [])})"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    loaded = set(map(normal, done.stdout.split()))

    assert loaded - set(pins(PART / "requirements-slim.lock")) <= {"serving-sandbox", "setuptools"}
    assert "aiohttp" in loaded


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
