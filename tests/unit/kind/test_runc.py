"""The wrapper around runc takes CAP_SYS_RESOURCE out where the machine lacks it, and nothing elsewhere."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from sandbox.kind.bundle.layout import recipes_folder
from sandbox.kind.doctor import gather

WRAPPER = recipes_folder() / "engine" / "runc"
ASKED = ["CAP_CHOWN", "CAP_SYS_RESOURCE"]

pytestmark = pytest.mark.skipif(
    shutil.which("jq") is None or not Path("/proc/self/status").exists(), reason="needs Linux and jq"
)


def capabilities() -> dict[str, list[str]]:
    return {kind: list(ASKED) for kind in ("bounding", "effective", "permitted")}


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """An OCI bundle that asks for everything, a process file, and a runc that says how it was called."""
    config = {"process": {"args": ["sh"], "capabilities": capabilities()}, "hostname": "a b"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "process.json").write_text(json.dumps({"args": ["sh"], "capabilities": capabilities()}))
    (tmp_path / "real-runc").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n')
    (tmp_path / "real-runc").chmod(0o755)
    return tmp_path


def called(bundle: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "REAL_RUNC": str(bundle / "real-runc")}
    return subprocess.run([WRAPPER, *arguments], env=env, capture_output=True, text=True, timeout=20, check=False)


def allowed(bundle: Path) -> list[str]:
    return ["CAP_CHOWN"] if gather(bundle).lacks_sys_resource else ASKED


@pytest.mark.parametrize("option", ["--bundle", "-b", "--bundle="])
def test_a_container_asks_for_what_the_machine_may_give(bundle: Path, option: str) -> None:
    words = [f"{option}{bundle}"] if option.endswith("=") else [option, str(bundle)]

    result = called(bundle, "create", *words, "id")

    assert ["create", *words, "id"] == result.stdout.split()
    assert 7 == result.returncode
    config = json.loads((bundle / "config.json").read_text())
    assert {kind: allowed(bundle) for kind in capabilities()} == config["process"]["capabilities"]
    assert (["sh"], "a b") == (config["process"]["args"], config["hostname"])


def test_an_exec_asks_for_what_the_machine_may_give(bundle: Path) -> None:
    called(bundle, "exec", "--process", str(bundle / "process.json"), "id")

    process = json.loads((bundle / "process.json").read_text())
    assert {kind: allowed(bundle) for kind in capabilities()} == process["capabilities"]


def test_nothing_is_changed_where_nothing_is_asked(bundle: Path) -> None:
    before = (bundle / "config.json").read_text()

    assert "--version" == called(bundle, "--version").stdout.strip()
    assert before == (bundle / "config.json").read_text()
