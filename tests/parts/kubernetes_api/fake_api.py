"""A small Kubernetes API server over HTTPS: objects with resourceVersions, watches, and a book of who asked for what.

It keeps what the parts rely on: a write that names a resourceVersion or a uid of an object that is another one by now
is answered 409; lists come in pages; a watch goes on from a version, or is told 410 when that version is forgotten; a
change of a spec raises the generation, and the status is a subresource of its own; server-side apply makes what isn't
there. It runs in a thread of its own, so that tests can wait for processes meanwhile.
"""

from __future__ import annotations

import asyncio
import copy
import json
import ssl
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import jsonpatch
from aiohttp import web

from fixtures.kubernetes_api.access import Access
from fixtures.sidecar_injector.authority import issue, make_authority

TOKEN = "t0ken-of-the-service-account"
Json = Any


class FakeApi:
    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, str, int]] = []  # method, path, status; of a watch, when it has ended
        self.begun: list[tuple[str, str]] = []  # method and path with its query, when it was asked for
        self.delay_s = 0.0
        self.broken = False
        self.refusals: dict[str, int] = {}  # a part of a path that is written to, and the status that is answered
        self.interfering: list[Callable[[], None]] = []  # each is done once, before a write is looked at
        self._version = 0
        self._events: list[tuple[int, str, str, Json]] = []  # version, kind, path, object
        self._oldest = 0
        self._watches = 0  # counts up to make all that are open end
        self._folder = tempfile.TemporaryDirectory()
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    # ---- what tests do to it

    def put(self, path: str, one: dict[str, Any]) -> dict[str, Any]:
        """What `kubectl replace` does: the spec is that of `one`, and a status is kept where `one` has none."""
        before = self.objects.get(path)
        kept = copy.deepcopy(one)
        about = kept.setdefault("metadata", {})
        self._version += 1
        about["resourceVersion"] = str(self._version)
        if "status" in (before or {}):
            kept.setdefault("status", copy.deepcopy(before["status"]))  # type: ignore[index]
        if "/apis/" in path:
            about["uid"] = about.get("uid") or (before or {}).get("metadata", {}).get("uid") or f"uid-{self._version}"
            old = (before or {}).get("metadata", {}).get("generation", 0)
            changed = before is None or before.get("spec") != kept.get("spec")
            about["generation"] = old + 1 if changed else old
        self.objects[path] = kept
        self._events.append((self._version, "MODIFIED" if before else "ADDED", path, copy.deepcopy(kept)))
        return kept

    def remove(self, path: str) -> None:
        self._version += 1
        gone = self.objects.pop(path)
        gone["metadata"]["resourceVersion"] = str(self._version)
        self._events.append((self._version, "DELETED", path, gone))

    def asked(self, path: str) -> int:
        return sum(called == path for _, called, _ in self.calls)

    def hang_up(self) -> None:
        """All watches end."""
        self._watches += 1

    def forget(self) -> None:
        """What the API server does when it compacts: no watch can go on from a version before this one."""
        self._version += 1
        self._oldest = self._version
        self._watches += 1

    def bookmark(self) -> None:
        """A version without a change, as the API server sends now and then."""
        self._version += 1
        self._events.append((self._version, "BOOKMARK", "", {"metadata": {"resourceVersion": str(self._version)}}))

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
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._tls.load_cert_chain(folder / "tls.pem")
        host, port = await self._listen(0)
        self.access = Access(f"https://{host}:{port}", folder / "ca.crt", folder / "token")

    async def _listen(self, port: int) -> tuple[str, int]:
        app = web.Application(middlewares=[self._booked])
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=self._tls).start()
        host, port = self._runner.addresses[0][:2]
        return host, port

    async def _stop(self) -> None:
        """Whoever is still being made to wait is hung up on."""
        self.hang_up()
        if self._runner is not None:
            await self._runner.cleanup()
        waiting = asyncio.all_tasks() - {asyncio.current_task()}
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def go_away(self) -> None:
        """Nobody listens any more; what was stored is kept."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._runner = None

    def come_back(self) -> None:
        port = int(self.access.url.rsplit(":", 1)[1])
        asyncio.run_coroutine_threadsafe(self._listen(port), self._loop).result(10)

    @property
    def where(self) -> list[str]:
        """The arguments by which a part finds this API server."""
        files = ["--api-ca", str(self.access.ca_file), "--api-token-file", str(self.access.token_file)]
        return ["--api-url", self.access.url, *files]

    # ---- what it answers

    @web.middleware
    async def _booked(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.begun.append((request.method, request.path_qs))
        response: web.StreamResponse = await handler(request)
        self.calls.append((request.method, request.path, response.status))
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(self.delay_s)
        if self.broken:
            return _status(500, "etcdserver: leader changed")
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _status(401, "Unauthorized")
        if request.method != "GET":
            return await self._write(request)
        if _is_collection(request.path):
            return await self._watch(request) if "watch" in request.query else self._list(request)
        kept = self.objects.get(request.path)
        return web.json_response(kept) if kept is not None else _missing(request.path)

    async def _write(self, request: web.Request) -> web.Response:
        if self.interfering:
            self.interfering.pop(0)()
        for part, status in self.refusals.items():
            if part in request.path:
                return _status(status, f"the object is refused: {part}")
        body = await request.json()
        path = request.path.removesuffix("/status")
        kept = self.objects.get(path)
        applied = request.content_type == "application/apply-patch+yaml"
        if kept is None and not applied:
            return _missing(path)
        if kept is not None and _outdated(request, kept, body):
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        if request.method == "DELETE":
            self.remove(path)
            return web.json_response({"kind": "Status", "status": "Success"})
        return self._change(request, path, kept or {}, body)

    def _change(self, request: web.Request, path: str, kept: Json, body: Json) -> web.Response:
        """Of a status only the status is written, of an object everything but its status."""
        if request.method == "PUT":
            changed = body
        elif request.content_type == "application/json-patch+json":
            changed = jsonpatch.apply_patch(kept, body)
        elif request.content_type == "application/merge-patch+json":
            changed = _merged(kept, body)
        elif request.content_type == "application/apply-patch+yaml":
            assert request.query["fieldManager"]
            changed = {**kept, **body}
        else:
            return _status(405, "method not allowed")
        if changed.get("metadata", {}).get("resourceVersion", "") != kept.get("metadata", {}).get(
            "resourceVersion", ""
        ) and not request.content_type.startswith("application/apply"):
            return _status(409, "the object has been modified; please apply your changes to the latest version")
        if request.path.endswith("/status"):
            changed = {**kept, "status": changed["status"]}
        elif "status" in kept:
            changed = {**changed, "status": kept["status"]}
        return web.json_response(self.put(path, changed))

    def _list(self, request: web.Request) -> web.Response:
        found = [one for path, one in sorted(self.objects.items()) if self._selected(request, path, one)]
        first, limit = int(request.query.get("continue", 0)), int(request.query.get("limit", 500))
        about = {"resourceVersion": str(self._version)}
        if len(found) > first + limit:
            about["continue"] = str(first + limit)
        return web.json_response({"metadata": about, "items": found[first : first + limit]})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        version, mine = int(request.query["resourceVersion"]), self._watches
        until = time.monotonic() + float(request.query["timeoutSeconds"])
        response = web.StreamResponse(headers={"content-type": "application/json"})
        await response.prepare(request)
        if version < self._oldest:
            gone = {"kind": "Status", "code": 410, "message": f"too old resource version: {version}"}
            await response.write(json.dumps({"type": "ERROR", "object": gone}).encode() + b"\n")
            return response
        while mine == self._watches and time.monotonic() < until:
            for at, kind, path, one in list(self._events):
                if at > version and (kind == "BOOKMARK" or self._selected(request, path, one)):
                    await response.write(json.dumps({"type": kind, "object": one}).encode() + b"\n")
            version = max([version, *(at for at, *_ in self._events)])
            await asyncio.sleep(0.01)
        return response

    def _selected(self, request: web.Request, path: str, one: Json) -> bool:
        """Of a collection: every object of that kind, in one namespace or in all, with the labels that are asked."""
        group, _, plural = request.path.rpartition("/")
        of = path.rpartition("/")[0]
        there = of == request.path or (
            "/namespaces/" not in group and of.startswith(f"{group}/namespaces/") and of.endswith(f"/{plural}")
        )
        labels = one.get("metadata", {}).get("labels") or {}
        wanted = [term.split("=") for term in request.query.get("labelSelector", "").split(",") if term]
        return there and all(labels.get(name) == value for name, value in wanted)


def _is_collection(path: str) -> bool:
    """/api/v1 or /apis/GROUP/VERSION, then [namespaces/NAME/]KIND."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    return len(rest) == 1 or (len(rest) == 3 and rest[0] == "namespaces")


def _outdated(request: web.Request, kept: Json, body: Json) -> bool:
    """Whether a write means another object than the one that is kept."""
    if isinstance(body, list):
        return False  # a JSON patch says what it means in an operation of its own
    said = body.get("preconditions" if request.method == "DELETE" else "metadata") or {}
    return any(name in said and said[name] != kept["metadata"].get(name) for name in ("uid", "resourceVersion"))


def _merged(kept: Json, patch: Json) -> Json:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    changed = dict(kept) if isinstance(kept, dict) else {}
    for name, value in patch.items():
        if value is None:
            changed.pop(name, None)
        else:
            changed[name] = _merged(changed.get(name), value)
    return changed


def _missing(path: str) -> web.Response:
    return _status(404, f"{path.rsplit('/', 1)[-1]} not found")


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message, "code": code}, status=code)
