"""A small Kubernetes API server over HTTPS: objects with resourceVersions, and a book of who asked for what.

It keeps what the injector relies on: a PUT, or a JSON patch that names a resourceVersion, of an object that has been
changed since is answered 409. It runs in a thread of its own, so that tests can wait for processes meanwhile.
"""

from __future__ import annotations

import asyncio
import base64
import copy
import ssl
import tempfile
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import jsonpatch
from aiohttp import web

from fixtures.sidecar_injector.authority import issue, make_authority
from fixtures.sidecar_injector.kube import Access

TOKEN = "t0ken-of-the-service-account"
SECRET = "/api/v1/namespaces/sandbox-injector/secrets/sidecar-injector-ca"
WEBHOOK = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/sidecar-injector"


def config_map(namespace: str, name: str) -> str:
    return f"/api/v1/namespaces/{namespace}/configmaps/{name}"


class FakeApi:
    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, int]] = []  # method, path, status
        self.delay_s = 0.0
        self.broken = False
        self._version = 0
        self._folder = tempfile.TemporaryDirectory()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self.put(SECRET, {"kind": "Secret", "metadata": {"name": "sidecar-injector-ca"}})
        client = {"service": {"name": "sidecar-injector"}}
        self.put(
            WEBHOOK,
            {
                "kind": "MutatingWebhookConfiguration",
                "metadata": {"name": "sidecar-injector"},
                "webhooks": [{"name": "transformer-cache.sandbox.dev", "clientConfig": client}],
            },
        )

    # ---- what tests do to it

    def put(self, path: str, one: dict[str, Any]) -> None:
        """What `kubectl apply` does."""
        self._version += 1
        kept = copy.deepcopy(one)
        kept.setdefault("metadata", {})["resourceVersion"] = str(self._version)
        self.objects[path] = kept

    def config(self, name: str, namespace: str = "shop", **data: str) -> None:
        self.put(config_map(namespace, name), {"kind": "ConfigMap", "metadata": {"name": name}, "data": data})

    @property
    def bundle(self) -> str:
        """What this API server trusts when it calls the webhook."""
        (webhook,) = self.objects[WEBHOOK]["webhooks"]
        return base64.b64decode(webhook["clientConfig"].get("caBundle", "")).decode()

    def asked(self, path: str) -> int:
        return sum(called == path for _, called, _ in self.calls)

    # ---- life

    def __enter__(self) -> FakeApi:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()
        self._folder.cleanup()

    async def _start(self) -> None:
        folder = Path(self._folder.name)
        authority = make_authority(time.time(), 3600.0)
        serving = issue(authority, ["127.0.0.1"], time.time(), 3600.0)
        (folder / "tls.pem").write_text(serving.key + serving.certificate)
        (folder / "ca.crt").write_text(authority.certificate)
        (folder / "token").write_text(TOKEN)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.pem")
        app = web.Application(middlewares=[self._booked])
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context).start()
        host, port = self._runner.addresses[0][:2]
        self.access = Access(f"https://{host}:{port}", folder / "ca.crt", folder / "token")

    async def _stop(self) -> None:
        """Whoever is still being made to wait is hung up on."""
        assert self._runner is not None
        await self._runner.cleanup()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    @property
    def arguments(self) -> list[str]:
        """For an injector that takes this for its cluster."""
        files = ["--api-ca", str(self.access.ca_file), "--api-token-file", str(self.access.token_file)]
        return ["--in-cluster", "--api-url", self.access.url, *files]

    # ---- what it answers

    @web.middleware
    async def _booked(self, request: web.Request, handler: Any) -> web.StreamResponse:
        response: web.StreamResponse = await handler(request)
        self.calls.append((request.method, request.path, response.status))
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        await asyncio.sleep(self.delay_s)
        if self.broken:
            return _status(500, "etcdserver: leader changed")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        kept = self.objects.get(request.path)
        if kept is None:
            return _status(404, f"{request.path.rsplit('/', 1)[-1]} not found")
        if request.method == "GET":
            return web.json_response(kept)
        body = await request.json()
        if request.method == "PUT":
            changed = body
        elif request.method == "PATCH" and request.content_type == "application/json-patch+json":
            changed = jsonpatch.apply_patch(kept, body)
        else:
            return _status(405, "method not allowed")
        if changed["metadata"].get("resourceVersion") != kept["metadata"]["resourceVersion"]:
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        self.put(request.path, changed)
        return web.json_response(self.objects[request.path])


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message, "code": code}, status=code)
