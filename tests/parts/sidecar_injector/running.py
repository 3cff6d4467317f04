"""An injector as a process of its own, and a client that speaks to it as the API server does."""

from __future__ import annotations

import http.client
import json
import os
import re
import selectors
import signal
import ssl
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).parents[3]
START_S = 30.0
STOP_S = 15.0
CALL_S = 20.0


class Injector:
    """`python -m fixtures.sidecar_injector …`, from its start to its end."""

    def __init__(self, *arguments: str) -> None:
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  closed in stop()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "fixtures.sidecar_injector", *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        try:
            line = self._line()
        except BaseException:
            self.stop()
            raise
        match = re.fullmatch(r"ready https://(\S+):(\d+)/mutate metrics=(\S+)/metrics ca=(\S+)\n", line)
        assert match, line
        self.host, self.port, self.operations, self.ca = match[1], int(match[2]), match[3], match[4]

    def _line(self) -> str:
        """The first line of stdout."""
        assert self.process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self.process.stdout, selectors.EVENT_READ)
            if not selector.select(START_S):
                raise TimeoutError(f"the injector was not ready within {START_S} s:\n{self.log}")
        line: str = self.process.stdout.readline()
        assert line, f"the injector ended while it started:\n{self.log}"
        return line

    @property
    def log(self) -> str:
        self._log.seek(0)
        return self._log.read().decode()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status."""
        try:
            if self.process.poll() is None:
                self.process.send_signal(number)
            status = self.process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the injector did not end within {STOP_S} s of a signal:\n{self.log}") from None
        finally:
            if self.process.stdout is not None:
                self.process.stdout.close()
        return status

    def __enter__(self) -> Injector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._log.close()

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
