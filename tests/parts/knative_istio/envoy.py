"""Gateways that do what the VirtualServices of an API server say, as far as a probe sees it."""

from __future__ import annotations

import asyncio
import copy
import threading
from types import TracebackType
from typing import Any

from aiohttp import web

from tests.parts.kubernetes_api.fake_api import FakeApi

Json = Any


def taken(found: Json, gateway: str, authority: str, headers: dict[str, str]) -> Json:
    """The route of a VirtualService that a request takes: the first one that matches; None if it knows no such host."""
    host = authority.split(":")[0]
    if host not in found["spec"]["hosts"] or gateway not in found["spec"]["gateways"]:
        return None
    for route in found["spec"]["http"]:
        for one in route["match"]:
            asked = {name: each["exact"] for name, each in one.get("headers", {}).items()}
            begins = authority.startswith(one["authority"]["prefix"])
            if gateway in one["gateways"] and begins and asked.items() <= headers.items():
                return route
    return None


class Gateway:
    """A pod of an Istio gateway, and behind it something that answers probes as queue-proxy does."""

    def __init__(self, api: FakeApi, name: str, service: str) -> None:
        self.api, self.name, self.service = api, name, service
        self.asked: list[str] = []  # hosts
        self.status = 0  # answered to all, if it is set
        self.hangs = False
        self._frozen: list[Json] | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def freeze(self) -> None:
        """Go on with the configuration of now, as an Envoy does that istiod doesn't reach."""
        self._frozen = copy.deepcopy(self._configuration())

    def thaw(self) -> None:
        self._frozen = None

    def tell(self, ready: bool = True) -> None:
        """Write the EndpointSlice that leads here."""
        path = f"/apis/discovery.k8s.io/v1/namespaces/istio-system/endpointslices/{self.service}-{self.port}"
        self.api.put(
            path,
            {
                "kind": "EndpointSlice",
                "metadata": {
                    "name": f"{self.service}-{self.port}",
                    "namespace": "istio-system",
                    "labels": {"kubernetes.io/service-name": self.service},
                },
                "addressType": "IPv4",
                "ports": [{"name": "https", "port": 1}, {"name": "http2", "port": self.port}],
                "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": ready}}],
            },
        )

    def __enter__(self) -> Gateway:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        self.tell()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = self._runner.addresses[0][1]

    async def _stop(self) -> None:
        self.hangs = False
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.host)
        while self.hangs:
            await asyncio.sleep(0.01)
        if self.status:
            return web.Response(status=self.status)
        headers = {name.lower(): value for name, value in request.headers.items()}
        for one in self._configuration():
            route = taken(one, self.name, request.host, headers)
            if route is not None:
                assert headers.get("k-network-probe") == "probe"
                shown = route.get("headers", {}).get("request", {}).get("set", {}).get("K-Network-Hash", "")
                return web.Response(headers={"K-Network-Hash": shown})
        return web.Response(status=404)

    def _configuration(self) -> list[Json]:
        if self._frozen is not None:
            return self._frozen
        return [one for path, one in list(self.api.objects.items()) if "/virtualservices/" in path]
