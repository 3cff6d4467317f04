"""The caches that a test body runs against: a stand-in in memory and a real server."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fakeredis import FakeAsyncRedis
from redis.asyncio import Redis

from fixtures.transformer.valkey import Valkey

Redises = Callable[[], Redis | tuple[str, int]]


@pytest.fixture
def valkey() -> Iterator[Valkey]:
    with Valkey() as server:
        yield server


@pytest.fixture(params=["fakeredis", "valkey"])
def any_redis(request: pytest.FixtureRequest) -> Redises:
    """Made inside the test's event loop, which a client belongs to."""
    if request.param == "fakeredis":
        return lambda: FakeAsyncRedis(max_connections=1000)
    server: Valkey = request.getfixturevalue("valkey")
    return lambda: ("127.0.0.1", server.port)
