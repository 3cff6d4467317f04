"""The command and the plugin as people run them: other processes, a project of their own, a world made by hand."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
Call = Callable[..., subprocess.CompletedProcess[str]]

SCENARIO = '''"""About pods: three expectations that hold."""
from sandbox import Scenario, at, traffic

steady = Scenario(manifests=["ranker.yaml"], traffic=traffic.constant(rate=100, to="ranker"), duration="20s",
                  short={"duration": "10s"})
variants = {"one": steady.then(at("5s", mark="half")), "two": steady}


def test_all_is_answered(runs):
    assert runs["one"].whole.errors == 0


def test_the_rate_is_what_was_asked_for(runs):
    for run in runs.values():
        assert run.whole.offered >= 99
'''
MANIFEST = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: ranker
spec:
  predictor:
    minReplicas: 1
    containers:
      - name: kserve-container
        image: example.com/ranker:1
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Somebody's project: scenarios/pods/pods.py and its manifest."""
    folder = tmp_path / "scenarios" / "pods"
    folder.mkdir(parents=True)
    (folder / "pods.py").write_text(SCENARIO)
    (folder / "ranker.yaml").write_text(MANIFEST)
    return tmp_path


@pytest.fixture
def sandbox(project: Path) -> Call:
    """`sandbox ARGUMENTS` in the project, with the hand-made world where one is played."""

    def call(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
        return _run(project, [sys.executable, "-m", "sandbox", *arguments], timeout_s)

    return call


@pytest.fixture
def run_pytest(project: Path) -> Call:
    """`pytest ARGUMENTS` in the project."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        own = ["-p", "no:sandbox", "-p", "sandbox.pytest_plugin", "-p", "no:cacheprovider"]
        return _run(project, [sys.executable, "-m", "pytest", *own, *arguments], 60)

    return call


@pytest.fixture
def environment() -> dict[str, str]:
    """What a process in the project needs to find the package and the hand-made world."""
    return _environment()


def _run(cwd: Path, command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=cwd, env=_environment(), capture_output=True, text=True, timeout=timeout_s, check=False
    )


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(ROOT), str(HERE), os.environ.get("PYTHONPATH", "")])
    return {**os.environ, "PYTHONPATH": path, "COLUMNS": "120", "NO_COLOR": "1"}
