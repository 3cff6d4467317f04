"""The launcher of a real Valkey: configured as a response cache, on a free port, gone afterwards."""

from __future__ import annotations

import os

import pytest
from redis import Redis

from fixtures.transformer.valkey import Valkey
from sandbox.errors import WorldError
from sandbox.manifests.cache_config import CacheConfig
from sandbox.mechanisms.caching.redis_conf import redis_config
from tests.parts.part import part


def test_it_runs_with_the_configuration_of_a_response_cache() -> None:
    with (
        Valkey(redis_config(CacheConfig(max_bytes=5_000_000))) as server,
        Redis(port=server.port, protocol=2) as client,
    ):
        settings = client.config_get("maxmemory", "maxmemory-policy", "maxmemory-samples", "save", "appendonly")

    assert settings == {
        "maxmemory": "5000000",
        "maxmemory-policy": "allkeys-lru",
        "maxmemory-samples": "10",
        "save": "",
        "appendonly": "no",
    }


def test_it_is_gone_after_its_block_and_starts_again_empty_at_its_address() -> None:
    with Valkey() as server, Redis(port=server.port, protocol=2) as client:
        client.set("a", "b")
        address, pid = server.address, server.pid
        server.stop()
        server.start()
        assert (server.address, client.get("a")) == (address, None)
        again = server.pid

    for gone in (pid, again):
        with pytest.raises(ProcessLookupError):
            os.kill(gone, 0)
    with pytest.raises(WorldError, match="not running"):
        _ = server.pid


def test_two_at_once_have_ports_of_their_own() -> None:
    with Valkey() as one, Valkey() as other:
        assert one.port != other.port


def test_a_line_that_valkey_refuses_is_shown() -> None:
    with pytest.raises(WorldError) as failed:
        Valkey(["maxmemory nonsense"]).start()

    assert "maxmemory nonsense" in str(failed.value)


def test_by_hand_it_says_where_it_serves_and_ends_with_a_signal() -> None:
    with part("transformer.valkey", "--max-bytes", "3000000", "--set", "databases 1") as running:
        port = int(running.wait_for(r"ready redis://127\.0\.0\.1:(\d+)")[1])
        with Redis(port=port, protocol=2) as client:
            assert client.config_get("databases") == {"databases": "1"}

        assert running.stop() == 0
