"""An injector as a process of its own, and a client that speaks to it as the API server does."""

from __future__ import annotations

import http.client
import json
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tests.parts.part import Part, part

CALL_S = 20.0


@dataclass(frozen=True, slots=True)
class Injector:
    """A running injector and where it is reached."""

    part: Part
    host: str
    port: int
    operations: str
    ca: str

    @property
    def log(self) -> str:
        return self.part.stderr()

    def operation(self, path: str) -> tuple[int, str]:
        """A GET of /healthz, /readyz or /metrics."""
        connection = http.client.HTTPConnection(urlsplit(self.operations).netloc, timeout=CALL_S)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def metric(self, line: str) -> float:
        """The value of one line of /metrics."""
        text = self.operation("/metrics")[1]
        return next((float(one.rsplit(" ", 1)[1]) for one in text.splitlines() if one.startswith(line)), 0.0)


@contextmanager
def serving(*arguments: str) -> Iterator[Injector]:
    """`python -m fixtures.sidecar_injector …` once it is ready; stopped at the end."""
    with part("sidecar_injector", *arguments) as one:
        ready = one.wait_for(r"ready https://(\S+):(\d+)/mutate metrics=(\S+)/metrics ca=(\S+)")
        yield Injector(one, ready[1], int(ready[2]), ready[3], ready[4])
        assert one.stop() == 0, one.stderr()


def trusting(ca: str | None = None, path: str | None = None) -> ssl.SSLContext:
    """A client that trusts one CA, given as PEM or as a file."""
    return ssl.create_default_context(cafile=path, cadata=ca)


class Caller:
    """One kept connection. `name`: the host name that the certificate is checked against."""

    def __init__(self, injector: Injector, context: ssl.SSLContext | None = None, name: str = "") -> None:
        self.injector = injector
        self.context = context or trusting(path=injector.ca)
        self.connection = _Named(injector.host, injector.port, self.context, name or injector.host)

    def post(self, body: bytes | dict[str, Any], **headers: str) -> tuple[int, dict[str, Any]]:
        return self.call("POST", "/mutate", body, **headers)

    def call(
        self, method: str, path: str, body: bytes | dict[str, Any] = b"", **headers: str
    ) -> tuple[int, dict[str, Any]]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        named = {"content-type": "application/json", **{key.replace("_", "-"): text for key, text in headers.items()}}
        self.connection.request(method, path, raw, named)
        response = self.connection.getresponse()
        answer = response.read()
        assert response.headers["content-type"] == "application/json"
        return response.status, json.loads(answer) if answer else {}

    def shown(self) -> bytes:
        """The certificate of this connection."""
        if self.connection.sock is None:
            self.connection.connect()
        assert isinstance(self.connection.sock, ssl.SSLSocket)
        return self.connection.sock.getpeercert(binary_form=True) or b""

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()


class _Named(http.client.HTTPSConnection):
    """Connects to an address and expects the certificate of a name, as the API server does with a Service."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext, name: str) -> None:
        super().__init__(host, port, timeout=CALL_S, context=context)
        self._tls, self._name = context, name

    def connect(self) -> None:
        http.client.HTTPConnection.connect(self)
        self.sock = self._tls.wrap_socket(self.sock, server_hostname=self._name)


def eventually(what: str, check: Any, within_s: float = 15.0) -> Any:
    """The first true value of `check`."""
    deadline = time.monotonic() + within_s
    while not (value := check()):
        assert time.monotonic() < deadline, f"waited {within_s:g} s for: {what}"
        time.sleep(0.05)
    return value
