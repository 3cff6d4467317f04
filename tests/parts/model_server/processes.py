"""Model servers as processes on loopback, and raw requests to them: HTTP by the standard library, bare gRPC."""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import grpc

from tests.parts.part import Part, part

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
    """One running server and its addresses."""

    part: Part
    port: int = 0
    grpc_port: int = 0

    def listen(self) -> Server:
        """Wait until it listens."""
        found = self.part.wait_for("model server: listening .*")[0]
        ports = [int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", found)]
        self.port, self.grpc_port = [*ports, 0][:2]
        return self

    def ready(self) -> Server:
        """Wait until its model answers."""
        self.listen()
        self.part.wait_for("ready .*")
        return self

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
            one
            for one in Path(f"/proc/{self.part.process.pid}/status").read_text().splitlines()
            if one.startswith("VmRSS")
        )
        return int(line.split()[1]) * 1024

    def cpu_s(self) -> float:
        fields = Path(f"/proc/{self.part.process.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


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
    names = ["--model-name", MODEL, "--profile", str(folder / "profile.yaml")]
    with part("model_server", *names, *where, *ports, *arguments, environment=environment) as one:
        yield Server(one)


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
