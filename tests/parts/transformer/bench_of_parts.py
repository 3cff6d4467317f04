"""A transformer under test, in this process, with a client and its counters."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp import web
from redis.asyncio import Redis

from fixtures.transformer.app import make_app
from fixtures.transformer.settings import Settings
from sandbox.manifests.cache_config import CacheConfig

CLIENT_TIMEOUT = aiohttp.ClientTimeout(total=20)


@dataclass(frozen=True, slots=True)
class Got:
    """What a client got."""

    status: int
    body: dict[str, Any]
    cache: str
    digest: str
    pod: str


@dataclass(slots=True)
class Client:
    """Speaks with a transformer at `url`."""

    session: aiohttp.ClientSession
    url: str

    async def predict(self, *instances: object, key: str | None = None) -> Got:
        headers = {"x-request-key": key} if key is not None else {}
        return await self.post("/v1/models/ranker:predict", {"instances": list(instances)}, headers)

    async def infer(self, *data: float, **more: object) -> Got:
        tensor = {"name": "x", "shape": [len(data)], "datatype": "FP32", "data": list(data)}
        return await self.post("/v2/models/ranker/infer", {"inputs": [tensor], **more})

    async def post(self, path: str, body: object, headers: dict[str, str] | None = None) -> Got:
        sent = {"data": body} if isinstance(body, bytes) else {"json": body}
        async with self.session.post(self.url + path, headers=headers, **sent) as answer:
            return await _got(answer)

    async def get(self, path: str) -> Got:
        async with self.session.get(self.url + path) as answer:
            return await _got(answer)

    async def count(self, name: str, **labels: str) -> float:
        """The sum over all samples of transformer_<name> that have these labels."""
        async with self.session.get(self.url + "/metrics") as answer:
            text = await answer.text()
        total = 0.0
        for line in text.splitlines():
            if re.match(rf"transformer_{name}(\{{|\s)", line) and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total


async def _got(answer: aiohttp.ClientResponse) -> Got:
    said = (answer.headers.get(name, "") for name in ("x-cache", "x-model-digest", "x-pod"))
    return Got(answer.status, await answer.json(), *said)


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[Client]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(timeout=CLIENT_TIMEOUT, connector=connector) as session:
        yield Client(session, url)


@asynccontextmanager
async def transformer(
    predictor: str, redis: Redis | tuple[str, int] | None = None, cache: CacheConfig | None = None, **more: Any
) -> AsyncIterator[Client]:
    """redis: an address, a client (fakeredis), or none."""
    address = redis if isinstance(redis, tuple) else None
    settings = Settings(
        model="ranker",
        predictor=predictor,
        redis=address,
        cache=cache or CacheConfig(),
        revision="ranker-transformer-00001",
        pod="transformer-1",
        **{"cache_timeout_s": 0.25, **more},  # generous: most tests are not about time
    )
    runner = web.AppRunner(make_app(settings, None if address else redis), access_log=None, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        async with client_of(f"http://127.0.0.1:{runner.addresses[0][1]}") as client:
            yield client
    finally:
        await runner.cleanup()
