"""Model servers as processes on loopback, and raw requests to them: HTTP by the standard library, bare gRPC."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import grpc

CHECKOUT = Path(__file__).resolve().parents[3]
STARTS_WITHIN_S = 60.0  # the SDK's import takes one to two seconds, more on a busy machine
STOPS_WITHIN_S = 20.0
MODEL = "ranker"
KINDS = ("slim", "sdk")


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> dict[str, object]:
        found = json.loads(self.content)
        assert isinstance(found, dict)
        return found


@dataclass(slots=True)
class Server:
    """One running server: its process, its addresses, and what it said."""

    process: subprocess.Popen[bytes]
    folder: Path
    started_s: float  # just before the process was made, by time.monotonic
    port: int = 0
    grpc_port: int = 0

    def stdout(self) -> str:
        return (self.folder / "stdout").read_text()

    def stderr(self) -> str:
        return (self.folder / "stderr").read_text()

    def listen(self) -> Server:
        """Wait until it listens."""
        found = self._wait_for("listening", self.stderr)
        ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", found)]
        self.port, self.grpc_port = [*ports, 0][:2]
        return self

    def ready(self) -> Server:
        """Wait until its model answers."""
        self.listen()
        self._wait_for("ready", self.stdout)
        return self

    def _wait_for(self, word: str, said: Callable[[], str]) -> str:
        until = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < until:
            line = re.search(rf"^(?:model server: )?{word} .*\n", said(), re.MULTILINE)
            if line:
                return line[0]
            if self.process.poll() is not None:
                raise AssertionError(f"exited {self.process.returncode} before {word!r}:\n{self.stderr()}")
            time.sleep(0.005)
        raise AssertionError(f"no {word!r} within {STARTS_WITHIN_S} s:\n{self.stdout()}\n{self.stderr()}")

    def connect(self, timeout_s: float = 10.0) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout_s)

    def send(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        connection = self.connect()
        try:
            return ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def post(self, path: str, value: object, headers: Mapping[str, str] | None = None) -> Answer:
        return self.send(
            "POST", path, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})}
        )

    def predict(self, *instances: object, headers: Mapping[str, str] | None = None) -> Answer:
        return self.post(f"/v1/models/{MODEL}:predict", {"instances": list(instances)}, headers)

    def resident_bytes(self) -> int:
        line = next(
            one for one in Path(f"/proc/{self.process.pid}/status").read_text().splitlines() if one.startswith("VmRSS")
        )
        return int(line.split()[1]) * 1024

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(STOPS_WITHIN_S)


def ask(
    connection: http.client.HTTPConnection,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    connection.request(method, path, body, dict(headers or {}))
    response = connection.getresponse()
    return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())


@contextmanager
def model_server(
    kind: str,
    folder: Path,
    *arguments: str,
    profile: str = "default: {serviceTime: 0s, load: 0s}",
    model_dir: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server of a kind, on free ports; killed at the end unless it has ended. Call `ready` or `listen` on it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "profile.yaml").write_text(profile)
    where = ["--model-dir", str(model_dir)] if model_dir else []
    ports = ["--port", "0", *(["--slim"] if kind == "slim" else ["--grpc-port", "0"])]
    command = [sys.executable, "-m", "fixtures.model_server", "--model-name", MODEL]
    command += ["--profile", str(folder / "profile.yaml"), *where, *ports, *arguments]
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        clean = {name: value for name, value in os.environ.items() if name not in ("STORAGE_URI", "K_REVISION")}
        started_s = time.monotonic()
        process = subprocess.Popen(command, cwd=CHECKOUT, stdout=out, stderr=err, env={**clean, **(environment or {})})
    try:
        yield Server(process, folder, started_s)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(STOPS_WITHIN_S)


def make_model(folder: Path, text: str = '{"weights": [1, 2, 3]}') -> Path:
    """A model's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weights.json").write_text(text)
    return folder


def grpc_messages() -> ModuleType:
    """The protocol's messages as KServe generated them, without importing its SDK: they need protobuf only."""
    package = importlib.util.find_spec("kserve")
    assert package is not None
    assert package.submodule_search_locations is not None
    path = Path(package.submodule_search_locations[0]) / "protocol" / "grpc" / "grpc_predict_v2_pb2.py"
    spec = importlib.util.spec_from_file_location("grpc_predict_v2_pb2", path)
    assert spec is not None
    assert spec.loader is not None
    if spec.name not in sys.modules:
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules[spec.name] = module
    return sys.modules[spec.name]


pb = grpc_messages()


def call(server: Server, method: str, request: object, metadata: Sequence[tuple[str, str]] = ()) -> object:
    """One unary call; raises grpc.RpcError."""
    answer = getattr(pb, f"{method}Response")
    with grpc.insecure_channel(f"127.0.0.1:{server.grpc_port}") as channel:
        stub = channel.unary_unary(
            f"/inference.GRPCInferenceService/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answer.FromString,
        )
        return stub(request, timeout=10, metadata=tuple(metadata))
