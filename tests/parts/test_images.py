"""The parts' images: built from a base that is given, run as nobody, and with all in them that they import.

Nothing is built. What a Dockerfile copies is laid out as links, and beside it only its lock's packages can be imported.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tests.parts.part import CHECKOUT

FIXTURES = CHECKOUT / "fixtures"
FILES = sorted(str(path.relative_to(FIXTURES)) for path in FIXTURES.glob("*/Dockerfile*"))
PIN = re.compile(r"([A-Za-z0-9._-]+)==(\S+)")

PROFILE = """
from pathlib import Path
from sandbox.manifests.profile_file import read_profiles
Path("profile.yaml").write_text("default: {workers: 2}")
read_profiles(Path("profile.yaml"))
"""
MANIFEST = """
from sandbox.manifests.reader import Text, read_manifests
read_manifests(Text("{apiVersion: v1, kind: ConfigMap, metadata: {name: cache}}"))
"""
DOWNLOADS = "import fixtures.object_store.connect, fixtures.object_store.counting, fixtures.object_store.download"
# What each image is for, up to where a port or a cluster would be needed.
WORKS = {
    "knative_istio/Dockerfile": "import fixtures.knative_istio.__main__, fixtures.knative_istio.controller",
    "model_server/Dockerfile": f"import fixtures.model_server.sdk, fixtures.model_server.slim; {DOWNLOADS}{PROFILE}",
    "model_server/Dockerfile.slim": f"import fixtures.model_server.slim; {DOWNLOADS}{PROFILE}",
    "object_store/Dockerfile": """
import fixtures.object_store.serve, fixtures.object_store.verify
from pathlib import Path
from fixtures.object_store.connect import connect
from fixtures.object_store.download import download
from fixtures.object_store.moto_server import MotoServer
from fixtures.object_store.upload import upload
Path("model.bin").write_bytes(b"1")
with MotoServer("access", "secret-of-it") as upstream:
    client = connect(upstream.url, "access", "secret-of-it")
    upload(client, Path("model.bin"), "s3://models/m", make_bucket=True)
    assert download(client, "s3://models/m", Path("got")).bytes == 1
""",
    "pipeline/Dockerfile": """
import fixtures.pipeline.work
from fixtures.pipeline.step import discover
assert [one.name for one in discover()] == ["deploy", "features", "register", "train"]
""",
    "sidecar_injector/Dockerfile": f"import fixtures.sidecar_injector.__main__{MANIFEST}",
    "transformer/Dockerfile": f"import fixtures.transformer.__main__, fixtures.transformer.app{MANIFEST}",
}


def pins(lock: Path) -> dict[str, str]:
    lines = [line for line in lock.read_text().splitlines() if line and not line.startswith("#")]
    found = [PIN.fullmatch(line) for line in lines]
    assert None not in found, f"{lock}: a line that pins nothing"
    return {canonical(one[1]): one[2] for one in found if one}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def lines_of(file: str) -> list[str]:
    return (FIXTURES / file).read_text().splitlines()


def copies(file: str) -> list[tuple[str, str]]:
    """What is copied, and where to below /app."""
    found = [line.split()[1:] for line in lines_of(file) if line.startswith("COPY ")]
    return [(source, target) for source, target in found]


def lock_of(file: str) -> Path:
    (lock,) = [source for source, _ in copies(file) if source.endswith(".lock")]
    return CHECKOUT / lock


def test_each_image_is_held_to_its_work() -> None:
    assert sorted(WORKS) == FILES


@pytest.mark.parametrize("file", FILES)
def test_an_image_is_built_from_a_given_base_and_runs_as_nobody(file: str) -> None:
    lines = lines_of(file)

    assert [line for line in lines if line.startswith(("ARG", "FROM", "USER"))] == [
        "ARG BASE",
        "FROM ${BASE}",
        "USER 65532",
    ]
    assert "RUN python -m pip install --no-cache-dir --no-deps -r requirements.lock" in lines
    assert any(line.startswith(f'ENTRYPOINT ["python", "-m", "fixtures.{Path(file).parent}"') for line in lines)


@pytest.mark.parametrize("file", FILES)
def test_a_lock_pins_every_package_to_the_version_that_installs_with_all_the_others(file: str) -> None:
    own, together = pins(lock_of(file)), pins(FIXTURES / "constraints.txt")

    assert len(own) >= 10
    assert {name: version for name, version in own.items() if together.get(name, version) != version} == {}
    assert set(own) - set(together) <= {"setuptools"}  # which pip does not list


@pytest.mark.parametrize("file", FILES)
def test_an_image_has_all_that_its_work_imports(file: str, tmp_path: Path) -> None:
    app = tmp_path / "app"
    for source, target in copies(file):
        (app / target).parent.mkdir(parents=True, exist_ok=True)
        (app / target).symlink_to(CHECKOUT / source)
    lock = pins(lock_of(file))
    absent = [name for name, owners in packages_distributions().items() if not {*map(canonical, owners)} & set(lock)]
    blocked = " ".join(name for name in absent if name not in ("sandbox", "fixtures"))
    code = f"import sys; sys.modules.update(dict.fromkeys(sys.argv.pop().split()))\n{WORKS[file]}"
    done = subprocess.run(
        [sys.executable, "-c", code, blocked],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(app)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )

    assert "hypothesis" in blocked.split()
    assert done.returncode == 0, done.stderr
