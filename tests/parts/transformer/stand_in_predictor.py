"""A predictor that tests can change while it runs: digest, delay, failures, and what it was asked.

Real HTTP on loopback. Its prediction depends on the digest and on the instance, so that another model's answer shows.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

OLD = "sha256:" + "a" * 64
NEW = "sha256:" + "b" * 64


def prediction(digest: str, instance: object) -> int:
    text = json.dumps([digest, instance], sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


@dataclass(slots=True)
class StandIn:
    """`asked`: bodies of the questions, in order. `statuses`: of the next answers, then 200."""

    digest: str = OLD
    delay_s: float = 0.0
    statuses: list[int] = field(default_factory=list)
    tells_digest: bool = True
    padding: int = 0  # bytes by which V1's answers are longer
    asked: list[dict[str, object]] = field(default_factory=list)
    polled: int = 0
    headers_asked: list[Mapping[str, str]] = field(default_factory=list)
    peers: set[object] = field(default_factory=set)  # connections that questions came by
    url: str = ""

    def headers(self) -> dict[str, str]:
        told = {"x-model-digest": self.digest} if self.tells_digest else {}
        return {**told, "x-revision": "ranker-predictor-00001", "x-pod": "predictor-1"}

    async def v1(self, request: web.Request) -> web.Response:
        body = await self._begin(request)
        if body is None:
            return web.json_response({"error": "as the test wants it"}, status=self.statuses.pop(0))
        answers = [prediction(self.digest, one) for one in body["instances"]]
        return web.json_response({"predictions": answers, "padding": "x" * self.padding}, headers=self.headers())

    async def v2(self, request: web.Request) -> web.Response:
        body = await self._begin(request)
        if body is None:
            return web.json_response({"error": "as the test wants it"}, status=self.statuses.pop(0))
        data = [prediction(self.digest, one) for tensor in body["inputs"] for one in tensor["data"]]
        output = {"name": "score", "shape": [len(data)], "datatype": "INT64", "data": data}
        answer = {"model_name": "ranker", "id": "made-up", "parameters": {"from": "predictor"}, "outputs": [output]}
        return web.json_response(answer, headers=self.headers())

    async def metadata(self, request: web.Request) -> web.Response:
        self.polled += 1
        await asyncio.sleep(self.delay_s)
        return web.json_response({"name": "ranker", "platform": "stand-in"}, headers=self.headers())

    async def _begin(self, request: web.Request) -> dict[str, object] | None:
        body = await request.json()
        self.asked.append(body)
        self.headers_asked.append(request.headers)
        self.peers.add(request.transport and request.transport.get_extra_info("peername"))
        await asyncio.sleep(self.delay_s)
        return None if self.statuses and self.statuses[0] != 200 else body


@asynccontextmanager
async def stand_in(**how: object) -> AsyncIterator[StandIn]:
    predictor = StandIn(**how)
    app = web.Application()
    app.router.add_post("/v1/models/ranker:predict", predictor.v1)
    app.router.add_post("/v2/models/ranker/infer", predictor.v2)
    app.router.add_get("/v2/models/ranker", predictor.metadata)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        predictor.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield predictor
    finally:
        await runner.cleanup()
