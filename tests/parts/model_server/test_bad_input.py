"""Bad input gets a 4xx with a reason as {"error": …}, the same from both servers, and never a traceback."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
import pytest

from tests.parts.model_server.processes import MODEL, Server, call, pb

PREDICT = f"/v1/models/{MODEL}:predict"
INFER = f"/v2/models/{MODEL}/infer"
JSON = {"content-type": "application/json"}


@dataclass(frozen=True, slots=True)
class Bad:
    path: str
    body: bytes
    status: int
    reason: str  # a part of it
    headers: dict[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"


def v2(**tensor: object) -> bytes:
    return json.dumps({"inputs": [{"name": "x", "datatype": "FP64", "shape": [1], "data": [1], **tensor}]}).encode()


BAD = {
    "v1: not JSON": Bad(PREDICT, b"{", 400, ""),
    "v1: not UTF-8": Bad(PREDICT, b'{"instances": ["\xff"]}', 400, ""),
    "v1: no body": Bad(PREDICT, b"", 400, ""),
    "v1: a list": Bad(PREDICT, b"[1]", 400, "must be an object"),
    "v1: no instances": Bad(PREDICT, b'{"instance": [1]}', 400, '"instances" is missing'),
    "v1: instances not a list": Bad(PREDICT, b'{"instances": {"a": 1}}', 400, '"instances" to be a list'),
    "v1: instances empty": Bad(PREDICT, b'{"instances": []}', 400, '"instances" is empty'),
    "v1: shapes differ": Bad(PREDICT, b'{"instances": [[1, 2], [3]]}', 400, "instances differ in shape: (1,), (2,)"),
    "v1: NaN": Bad(PREDICT, b'{"instances": [NaN]}', 400, ""),
    "v1: an endless number": Bad(PREDICT, b'{"instances": [1e999]}', 400, ""),
    "v1: 20,000 deep": Bad(PREDICT, b'{"instances": ' + b"[" * 20_000 + b"]" * 20_000 + b"}", 400, ""),
    "v1: 900 deep": Bad(PREDICT, b'{"instances": ' + b"[" * 900 + b"]" * 900 + b"}", 400, ""),
    "v1: unknown model": Bad("/v1/models/other:predict", b'{"instances": [1]}', 404, "other does not exist"),
    "v1: text": Bad(PREDICT, b"1,2", 415, "must be application/json", {"content-type": "text/csv"}),
    "v1: a form": Bad(PREDICT, b"a=1", 415, "", {"content-type": "application/x-www-form-urlencoded"}),
    "v1: too large": Bad(PREDICT, b'{"instances": ["' + b"x" * (1 << 16) + b'"]}', 413, "larger than 65536 bytes"),
    "v1: a negative request number": Bad(
        PREDICT,
        b'{"instances": [1]}',
        400,
        "x-request-number must be a whole number",
        {**JSON, "x-request-number": "-1"},
    ),
    "v1: PUT": Bad(PREDICT, b"", 405, "Method Not Allowed", method="PUT"),
    "v2: not JSON": Bad(INFER, b"{", 400, "JSON"),
    "v2: a list": Bad(INFER, b"[1]", 400, ""),
    "v2: a number as id": Bad(INFER, v2()[:-1] + b', "id": 5}', 400, "id"),
    "v2: no inputs": Bad(INFER, b'{"id": "a"}', 400, "inputs"),
    "v2: inputs empty": Bad(INFER, b'{"inputs": []}', 400, '"inputs" is empty'),
    "v2: an input without a shape": Bad(
        INFER, b'{"inputs": [{"name": "x", "datatype": "FP64", "data": []}]}', 400, "shape"
    ),
    "v2: a negative shape": Bad(INFER, v2(shape=[-1]), 400, "needs a shape of whole numbers"),
    "v2: wrong shape": Bad(INFER, v2(shape=[2, 3]), 400, "has 1 elements, but its shape [2, 3] has 6"),
    "v2: no elements": Bad(INFER, v2(shape=[0], data=[]), 400, "is empty"),
    "v2: unknown datatype": Bad(INFER, v2(datatype="COMPLEX"), 400, "COMPLEX"),
    "v2: text for a number": Bad(INFER, v2(data=["a"]), 400, "is FP64, which 'a' is not"),
    "v2: a fraction for a whole number": Bad(
        INFER, v2(datatype="INT32", data=[1.5]), 400, "is INT32, which 1.5 is not"
    ),
    "v2: a number too large for its type": Bad(
        INFER, v2(datatype="INT8", data=[128]), 400, "is INT8, which 128 is not"
    ),
    "v2: too large for FP32": Bad(INFER, v2(datatype="FP32", data=[1e39]), 400, "is FP32, which 1e+39 is not"),
    "v2: two inputs that differ in length": Bad(
        INFER,
        b'{"inputs": [{"name": "x", "datatype": "INT8", "shape": [1], "data": [1]},'
        b' {"name": "y", "datatype": "INT8", "shape": [2], "data": [1, 2]}]}',
        400,
        "inputs differ in their first dimension",
    ),
    "v2: two inputs of one name": Bad(
        INFER,
        b'{"inputs": [{"name": "x", "datatype": "INT8", "shape": [1], "data": [1]},'
        b' {"name": "x", "datatype": "INT8", "shape": [1], "data": [1]}]}',
        400,
        "two inputs have the same name",
    ),
    "v2: unknown model": Bad("/v2/models/other/infer", v2(), 404, "other does not exist"),
    "v2: binary tensors": Bad(INFER, b"\0", 415, "", {"content-type": "application/octet-stream"}),
    "v2: too large": Bad(INFER, v2(data=[1] * 30_000), 413, "larger than 65536 bytes"),
    "unknown path": Bad("/v3/models", b"{}", 404, "Not Found"),
    "unknown model's readiness": Bad("/v2/models/other/ready", b"", 404, "other does not exist", method="GET"),
    "unknown model's metadata": Bad("/v2/models/other", b"", 404, "other does not exist", method="GET"),
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_input_is_refused_with_a_reason(bad: Bad, server: Server) -> None:
    answer = server.send(bad.method, bad.path, bad.body or None, bad.headers)

    assert bad.status == answer.status
    assert bad.reason in str(answer.body["error"])
    assert answer.body["error"]
    assert "Traceback" not in answer.content.decode()


def test_a_body_in_chunks_is_refused_when_it_has_grown_too_large(server: Server) -> None:
    connection = server.connect()
    chunks = (b"x" * 4096 for _ in range(20))

    with suppress(BrokenPipeError, ConnectionResetError):  # it may answer and close before it has everything
        connection.request("POST", PREDICT, chunks, JSON)
    response = connection.getresponse()

    assert (413, "application/json") == (response.status, response.headers["content-type"].split(";")[0])
    connection.close()


def test_bad_input_leaves_the_server_well_and_its_log_without_tracebacks(server: Server) -> None:
    for bad in BAD.values():
        server.send(bad.method, bad.path, bad.body or None, bad.headers)

    assert 200 == server.predict(1).status
    assert "Traceback" not in server.part.stderr()


TENSOR = pb.ModelInferRequest.InferInputTensor
BAD_CALLS = {
    "unknown model": (pb.ModelInferRequest(model_name="other"), grpc.StatusCode.NOT_FOUND, "other does not exist"),
    "no inputs": (pb.ModelInferRequest(model_name=MODEL), grpc.StatusCode.INVALID_ARGUMENT, '"inputs" is empty'),
    "wrong shape": (
        pb.ModelInferRequest(
            model_name=MODEL,
            inputs=[TENSOR(name="x", datatype="INT64", shape=[3], contents=pb.InferTensorContents(int64_contents=[1]))],
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "has 1 elements, but its shape [3] has 3",
    ),
    "cut raw bytes": (
        pb.ModelInferRequest(
            model_name=MODEL, inputs=[TENSOR(name="x", datatype="FP64", shape=[1])], raw_input_contents=[b"\0\0\0"]
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "cannot be read",
    ),
    "cut raw texts": (
        pb.ModelInferRequest(
            model_name=MODEL,
            inputs=[TENSOR(name="x", datatype="BYTES", shape=[1])],
            raw_input_contents=[b"\x09\0\0\0a"],
        ),
        grpc.StatusCode.INVALID_ARGUMENT,
        "cannot be read",
    ),
}


@pytest.mark.parametrize(("request_", "code", "reason"), BAD_CALLS.values(), ids=BAD_CALLS)
def test_a_bad_call_gets_a_code_and_a_reason(
    request_: object, code: grpc.StatusCode, reason: str, servers: dict[str, Server]
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(servers["sdk"], "ModelInfer", request_)

    assert code == caught.value.code()  # type: ignore[attr-defined]
    assert reason in caught.value.details()  # type: ignore[attr-defined]


def test_a_call_that_is_too_large_is_refused(servers: dict[str, Server]) -> None:
    contents = pb.InferTensorContents(fp64_contents=[1.0] * 10_000)
    request = pb.ModelInferRequest(
        model_name=MODEL, inputs=[TENSOR(name="x", datatype="FP64", shape=[10_000], contents=contents)]
    )

    with pytest.raises(grpc.RpcError) as caught:
        call(servers["sdk"], "ModelInfer", request)

    assert grpc.StatusCode.RESOURCE_EXHAUSTED == caught.value.code()  # type: ignore[attr-defined]
