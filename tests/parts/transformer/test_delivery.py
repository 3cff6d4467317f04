"""What a cluster gets: manifests that the sandbox reads too, a lock that suffices, and an image that needs no root."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from sandbox.manifests.cache_config import cache_of, parse_cache_config
from sandbox.manifests.objects import ConfigMap, InferenceService
from sandbox.manifests.reader import Manifests, read_manifests
from sandbox.mechanisms.caching.redis_conf import redis_config

ROOT = Path(__file__).parents[3]
PART = ROOT / "fixtures" / "transformer"
NAMES = ["ranker-sidecar.yaml", "ranker-per-service.yaml"]


def pins(file: Path) -> dict[str, str]:
    lines = [line.partition("==") for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {canonical(name): version for name, _, version in lines}


def config_map(read: Manifests, name: str) -> ConfigMap:
    (found,) = [one for one in read.objects if isinstance(one, ConfigMap) and one.metadata.name == name]
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_declares_a_cache_that_both_worlds_read(name: str) -> None:
    read = read_manifests(PART / "manifests" / name)
    (service,) = [one for one in read.objects if isinstance(one, InferenceService)]
    config = cache_of(service)
    assert config is not None
    cache = parse_cache_config(config_map(read, config))

    assert cache.topology == name.removeprefix("ranker-").removesuffix(".yaml")
    assert cache.key_includes_version


def test_the_per_service_servers_configuration_is_what_the_mapping_says() -> None:
    read = read_manifests(PART / "manifests" / "ranker-per-service.yaml")
    lines = config_map(read, "ranker-cache-server").data["redis.conf"].splitlines()

    assert tuple(lines[:-1]) == redis_config(parse_cache_config(config_map(read, "ranker-cache")))
    assert lines[-1] == "protected-mode no"  # it is reached by other pods


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_the_lock_is_enough_to_start_and_has_the_versions_of_all_parts() -> None:
    """Whatever it doesn't name can't be imported here; redis and prometheus-client take some of it where it is."""
    lock, all_parts = pins(PART / "requirements.lock"), pins(ROOT / "fixtures" / "constraints.txt")
    absent = [name for name, owners in packages_distributions().items() if not {*map(canonical, owners)} & set(lock)]
    code = (
        "import sys; sys.modules.update(dict.fromkeys(sys.argv[2].split())); import fixtures.transformer.__main__;"
        "from sandbox.manifests.reader import read_manifests; print(len(read_manifests(sys.argv[1]).objects))"
    )
    blocked = " ".join(name for name in absent if name not in ("sandbox", "fixtures"))
    command = [sys.executable, "-c", code, str(PART / "manifests" / NAMES[0]), blocked]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert "numpy" in blocked.split()
    assert (done.returncode, done.stdout) == (0, "2\n"), done.stderr
    assert {name: all_parts.get(name) for name in lock} == lock


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
