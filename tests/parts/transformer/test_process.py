"""The transformer as a process: it says where it serves, drains on a signal, and refuses what it can't be told."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from fixtures.transformer.settings import parse
from fixtures.transformer.valkey import Valkey
from sandbox.errors import UsageError
from sandbox.manifests.cache_config import CacheConfig
from sandbox.manifests.objects import Resources
from tests.parts.part import Part, part, run
from tests.parts.transformer.bench_of_parts import Client, client_of
from tests.parts.transformer.stand_in_predictor import stand_in


@asynccontextmanager
async def started(*arguments: str, **environment: str) -> AsyncIterator[tuple[Part, Client]]:
    """`python -m fixtures.transformer`, once it says that it is ready."""
    with part("transformer", "--model_name", "ranker", *arguments, environment=environment) as one:
        ready = await asyncio.to_thread(one.wait_for, r"ready (http://127\.0\.0\.1:\d+) .*")
        async with client_of(ready[1]) as client:
            yield one, client


def test_it_starts_with_what_kserve_adds_and_says_where_it_serves(valkey: Valkey) -> None:
    async def play() -> None:
        async with (
            stand_in() as predictor,
            started(
                *("--predictor_host", predictor.url.removeprefix("http://"), "--http_port", "0"),
                SANDBOX_REDIS_ADDRESS=valkey.address,
                K_REVISION="ranker-transformer-00007",
                HOSTNAME="pod-7",
            ) as (_, client),
        ):
            got = await client.predict(1)
            health = [(await client.get(path)).status for path in ("/v2/health/live", "/v2/health/ready", "/v2")]
            v1, v2 = await client.get("/v1/models/ranker"), await client.get("/v2/models/ranker")

            assert (got.status, got.cache) == (200, "miss")
            assert (got.body["served_by"]["revision"], got.body["served_by"]["pod"]) == (
                "ranker-transformer-00007",
                "pod-7",
            )
            assert health == [200, 200, 200]
            assert v1.body == {"name": "ranker", "ready": True}
            assert v2.body["platform"] == "stand-in"  # the predictor's own
            assert (await client.get("/v2/models/ranker/ready")).status == 200

    asyncio.run(play())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_requests_in_flight_finish_and_their_answers_be_stored(
    valkey: Valkey, number: signal.Signals
) -> None:
    async def play() -> None:
        async with stand_in(delay_s=0.5) as predictor:
            arguments = ("--predictor-host", predictor.url, "--redis", valkey.address)
            async with started(*arguments) as (running, client):
                asked = asyncio.create_task(client.predict("last"))
                await asyncio.sleep(0.2)
                running.process.send_signal(number)

                got = await asked
                assert got.status == 200
                assert await asyncio.to_thread(running.wait) == 0
            async with started(*arguments) as (_, client):
                assert (await client.predict("last")).cache == "hit"

    asyncio.run(play())


def test_with_a_drain_delay_it_serves_on_but_is_not_ready() -> None:
    async def play() -> None:
        async with (
            stand_in() as predictor,
            started("--predictor-host", predictor.url, "--drain-delay", "1s") as (running, client),
        ):
            running.process.terminate()
            await asyncio.sleep(0.2)

            assert (await client.get("/v2/health/ready")).status == 503
            assert (await client.get("/v2/health/live")).status == 200
            assert (await client.predict(1)).status == 200
            assert await asyncio.to_thread(running.wait) == 0

    asyncio.run(play())


def test_a_dead_cache_does_not_keep_it_from_starting() -> None:
    async def play() -> None:
        async with (
            stand_in() as predictor,
            started("--predictor-host", predictor.url, "--redis", "127.0.0.1:9") as (_, client),
        ):
            assert (await client.predict(1)).status == 200

    asyncio.run(play())


def test_a_wrong_configuration_ends_it_with_the_reason() -> None:
    ended = run(
        *("transformer", "--model-name", "ranker", "--predictor-host", "p"), environment={"SANDBOX_CACHE_ttl": "soon"}
    )

    assert ended.returncode == 2
    assert "ttl is refused" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_ends_it_with_the_reason(valkey: Valkey) -> None:
    ended = run("transformer", "--model-name", "ranker", "--predictor-host", "p", "--http-port", str(valkey.port))

    assert ended.returncode == 4
    assert f"127.0.0.1:{valkey.port} can't be listened on" in ended.stderr
    assert "Traceback" not in ended.stderr


# ---- what it is told

NEEDED = ("--model-name", "ranker", "--predictor-host", "ranker-predictor.default")
CONFIG_MAP = """
apiVersion: v1
kind: ConfigMap
metadata: {name: ranker-cache}
data: {maxBytes: 64Mi, ttl: 10m, keyIncludesVersion: "true"}
"""
EXPECTED = CacheConfig(max_bytes=64 * 1024 * 1024, ttl_s=600.0, key_includes_version=True)


def test_the_cache_is_configured_by_a_mounted_config_map_by_its_manifest_or_by_the_environment(tmp_path: Path) -> None:
    folder, manifest = tmp_path / "mounted", tmp_path / "cache.yaml"
    data = folder / "..2026_01_01"  # as Kubernetes mounts it: links to links
    data.mkdir(parents=True)
    (folder / "..data").symlink_to(data.name)
    for key, value in (("maxBytes", "64Mi"), ("ttl", "10m\n"), ("keyIncludesVersion", "true")):
        (data / key).write_text(value)
        (folder / key).symlink_to(f"..data/{key}")
    manifest.write_text(CONFIG_MAP)
    environment = {
        "SANDBOX_CACHE_maxBytes": "64Mi",
        "SANDBOX_CACHE_ttl": "10m",
        "SANDBOX_CACHE_keyIncludesVersion": "true",
    }

    assert parse((*NEEDED, "--cache-config", str(folder)), {})[0].cache == EXPECTED
    assert parse((*NEEDED, "--cache-config", str(manifest)), {})[0].cache == EXPECTED
    assert parse(NEEDED, environment)[0].cache == EXPECTED
    assert parse(NEEDED, {"SANDBOX_CACHE_CONFIG": str(folder)})[0].cache == EXPECTED
    assert parse(NEEDED, {})[0].cache == CacheConfig()


def test_a_typo_in_the_configuration_is_refused(tmp_path: Path) -> None:
    (tmp_path / "maxbytes").write_text("1Gi")
    with pytest.raises(UsageError, match="did you mean maxBytes"):
        parse((*NEEDED, "--cache-config", str(tmp_path)), {})
    (tmp_path / "two.yaml").write_text("kind: Secret\napiVersion: v1\nmetadata: {name: a}")
    with pytest.raises(UsageError, match="0 ConfigMaps"):
        parse((*NEEDED, "--cache-config", str(tmp_path / "two.yaml")), {})


def test_topology_is_only_the_address() -> None:
    sidecar, _ = parse(NEEDED, {"SANDBOX_REDIS_ADDRESS": "127.0.0.1:6379"})
    service, _ = parse((*NEEDED, "--redis", "ranker-cache.default.svc:6379"), {"SANDBOX_REDIS_ADDRESS": "127.0.0.1:1"})

    assert sidecar.redis == ("127.0.0.1", 6379)
    assert service.redis == ("ranker-cache.default.svc", 6379)
    assert parse(NEEDED, {})[0].redis is None


@pytest.mark.parametrize(
    "arguments",
    [
        ("--redis", "nowhere"),
        ("--redis", "host:99999"),
        ("--predictor-host", "https://p"),
        ("--predictor-host", "a b"),
        ("--predictor-host", "p/path"),
        ("--model-name", "a/b"),
        ("--poll", "-1"),
        ("--poll", "inf"),
        ("--cache-timeout", "soon"),
        ("--max-instances", "many"),
        ("--max-body", "0"),
        ("--max-body", "much"),
    ],
    ids=" ".join,
)
def test_options_that_make_no_sense_are_refused(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        parse((*NEEDED, *arguments), {})

    assert refused.value.code == 2
    assert arguments[0] in capsys.readouterr().err


def test_durations_and_amounts_are_read_as_in_manifests() -> None:
    settings, listen = parse((*NEEDED, "--poll", "250ms", "--predictor-timeout", "3", "--max-body", "2Mi"), {})

    assert (settings.poll_s, settings.predictor_timeout_s, settings.limits.body_bytes) == (0.25, 3.0, 2 * 1024 * 1024)
    assert (listen.host, listen.port) == ("127.0.0.1", 0)
    assert settings.cache.requests == Resources(cpu_milli=100, memory_bytes=256 * 1024 * 1024)
