"""One contract, both servers: the same prediction by raw REST V1, V2 and gRPC V2, and who gave it (B12)."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass

import pytest

from fixtures.model_server.prediction import canonical, predict
from tests.parts.model_server.processes import MODEL, Server, call, pb

PREDICT = f"/v1/models/{MODEL}:predict"
INFER = f"/v2/models/{MODEL}/infer"


@dataclass(frozen=True, slots=True)
class Case:
    """The same instances in each protocol's words."""

    instances: list[object]
    datatype: str
    shape: list[int]
    flat: list[object]
    contents: str  # the field of gRPC's InferTensorContents


CASES = {
    "vectors": Case([[1, 2.5], [3, -4]], "FP64", [2, 2], [1, 2.5, 3, -4], "fp64_contents"),
    "whole numbers": Case([[1, 2], [3, 4]], "INT64", [2, 2], [1, 2, 3, 4], "int64_contents"),
    "scalars": Case([1, 2, 3], "INT32", [3], [1, 2, 3], "int_contents"),
    "unsigned": Case([7], "UINT64", [1], [7], "uint64_contents"),
    "floats of 32 bits": Case([[0.5], [0.25]], "FP32", [2, 1], [0.5, 0.25], "fp32_contents"),
    "booleans": Case([True, False], "BOOL", [2], [True, False], "bool_contents"),
    "texts": Case(["하나", "two"], "BYTES", [2], ["하나", "two"], "bytes_contents"),
    "matrices": Case([[[1, 2], [3, 4]]], "FP64", [1, 2, 2], [1, 2, 3, 4], "fp64_contents"),
}


def digest_of(server: Server) -> str:
    return server.part.stdout().split()[-1]


def expected(server: Server, instances: list[object]) -> list[float]:
    return [predict(digest_of(server), canonical(one)) for one in instances]


def infer_request(case: Case, **more: object) -> object:
    values = [one.encode() if isinstance(one, str) else one for one in case.flat]
    tensor = pb.ModelInferRequest.InferInputTensor(
        name="x",
        datatype=case.datatype,
        shape=case.shape,
        contents=pb.InferTensorContents(**{case.contents: values}),
    )
    return pb.ModelInferRequest(model_name=MODEL, inputs=[tensor], **more)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_prediction_is_the_same_by_every_protocol_of_every_server(case: Case, servers: dict[str, Server]) -> None:
    wanted = expected(servers["slim"], case.instances)
    tensor = {"name": "x", "datatype": case.datatype, "shape": case.shape, "data": case.flat}

    got = {}
    for kind, server in servers.items():
        got[kind, "v1"] = server.post(PREDICT, {"instances": case.instances}).body["predictions"]
        got[kind, "v2"] = server.post(INFER, {"inputs": [tensor]}).body["outputs"][0]["data"]  # type: ignore[index]
    got["sdk", "grpc"] = list(call(servers["sdk"], "ModelInfer", infer_request(case)).outputs[0].contents.fp64_contents)

    assert got == dict.fromkeys(got, wanted)
    assert len(got) == 5
    assert len(set(wanted)) == len(case.instances)


def test_grpc_takes_raw_bytes_as_well(servers: dict[str, Server]) -> None:
    request = pb.ModelInferRequest(
        model_name=MODEL,
        inputs=[pb.ModelInferRequest.InferInputTensor(name="x", datatype="FP32", shape=[2, 2])],
        raw_input_contents=[struct.pack("<4f", 1, 2, 3, 4)],
    )

    answer = call(servers["sdk"], "ModelInfer", request)

    assert expected(servers["sdk"], [[1, 2], [3, 4]]) == list(answer.outputs[0].contents.fp64_contents)


def test_several_inputs_make_one_instance_of_each_row(server: Server) -> None:
    inputs = [
        {"name": "query", "datatype": "BYTES", "shape": [2], "data": ["a", "b"]},
        {"name": "price", "datatype": "FP64", "shape": [2, 1], "data": [1.5, 2.5]},
    ]

    by_v2 = server.post(INFER, {"inputs": inputs}).body["outputs"][0]["data"]  # type: ignore[index]

    assert server.predict({"query": "a", "price": [1.5]}, {"price": [2.5], "query": "b"}).body["predictions"] == by_v2


def test_nested_and_flat_data_of_a_tensor_are_one(server: Server) -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": [2, 2]}

    nested = server.post(INFER, {"inputs": [{**tensor, "data": [[1, 2], [3, 4]]}]})
    flat = server.post(INFER, {"inputs": [{**tensor, "data": [1, 2, 3, 4]}]})

    assert nested.body["outputs"] == flat.body["outputs"]


def test_json_with_a_charset_is_json(server: Server) -> None:
    answer = server.send("POST", PREDICT, b'{"instances": [1]}', {"content-type": "application/json; charset=utf-8"})

    assert answer.body["predictions"] == expected(server, [1])


def test_a_body_without_a_content_type_is_json(server: Server) -> None:
    answer = server.send("POST", PREDICT, b'{"instances": [1]}')

    assert answer.body["predictions"] == expected(server, [1])


def test_a_body_in_chunks_is_read(server: Server) -> None:
    connection = server.connect()
    connection.request("POST", PREDICT, iter([b'{"instan', b'ces": [1]}']), {"content-type": "application/json"})
    response = connection.getresponse()

    assert expected(server, [1]) == json.loads(response.read())["predictions"]
    connection.close()


FACTS = {"revision": "ranker-00001", "pod": "ranker-00001-a"}


def test_every_answer_says_which_model_revision_and_pod_gave_it(server: Server) -> None:
    facts = {"model_digest": digest_of(server), **FACTS}
    tensor = {"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}

    answers = [
        server.predict(1),
        server.post(INFER, {"inputs": [tensor]}),
        server.send("GET", f"/v2/models/{MODEL}"),
        server.send("GET", "/v2/health/ready"),
        server.send("GET", "/no/such/path"),
        server.send("POST", PREDICT, b"{", {"content-type": "application/json"}),
    ]

    headers = [(one.headers["x-model-digest"], one.headers["x-revision"], one.headers["x-pod"]) for one in answers]
    assert headers == [tuple(facts.values())] * len(answers)
    assert facts == answers[0].body["served_by"]
    assert facts == answers[1].body["parameters"]


def test_grpc_says_it_in_its_parameters(servers: dict[str, Server]) -> None:
    answer = call(servers["sdk"], "ModelInfer", infer_request(CASES["scalars"], id="q-1"))

    facts = {name: value.string_param for name, value in answer.parameters.items()}
    assert facts == {"model_digest": digest_of(servers["sdk"]), **FACTS}
    assert (answer.id, answer.model_name) == ("q-1", MODEL)


def test_v2_gives_the_request_s_id_back(server: Server) -> None:
    tensor = {"name": "x", "datatype": "FP64", "shape": [1], "data": [1]}

    answer = server.post(INFER, {"id": "q-1", "inputs": [tensor]})

    assert ("q-1", MODEL) == (answer.body["id"], answer.body["model_name"])


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/", {"status": "alive"}),
        ("/v1/models", {"models": [MODEL]}),
        (f"/v1/models/{MODEL}", {"name": MODEL, "ready": True}),
        ("/v2/health/live", {"live": True}),
        ("/v2/health/ready", {"ready": True}),
        ("/v2/models", {"models": [MODEL]}),
        (f"/v2/models/{MODEL}", {"name": MODEL, "platform": ""}),
        (f"/v2/models/{MODEL}/ready", {"name": MODEL, "ready": True}),
    ],
)
def test_both_servers_answer_the_same_questions_about_themselves(
    path: str, body: dict[str, object], server: Server
) -> None:
    answer = server.send("GET", path)

    assert 200 == answer.status
    assert body == {name: answer.body[name] for name in body}


def test_grpc_is_live_and_ready(servers: dict[str, Server]) -> None:
    sdk = servers["sdk"]

    assert call(sdk, "ServerLive", pb.ServerLiveRequest()).live
    assert call(sdk, "ServerReady", pb.ServerReadyRequest()).ready
    assert call(sdk, "ModelReady", pb.ModelReadyRequest(name=MODEL)).ready
    assert call(sdk, "ModelMetadata", pb.ModelMetadataRequest(name=MODEL)).name == MODEL


def test_answered_requests_are_counted_by_protocol_and_status(server: Server) -> None:
    def counted(protocol: str, status: str) -> float:
        text = server.send("GET", "/metrics").content.decode()
        wanted = f'sandbox_model_requests_total{{protocol="{protocol}",status="{status}"}} '
        return next((float(line.split()[-1]) for line in text.splitlines() if line.startswith(wanted)), 0.0)

    before = [counted("v1", "200"), counted("v1", "400"), counted("v2", "415")]
    server.predict(1)
    server.post(PREDICT, {})
    server.send("POST", INFER, b"x", {"content-type": "text/plain"})

    assert [one + 1 for one in before] == [counted("v1", "200"), counted("v1", "400"), counted("v2", "415")]


@pytest.mark.parametrize(
    "name", ["work_seconds", "wait_seconds", "in_flight", "ready", "load_seconds", "bytes", "info"]
)
def test_the_metrics_page_has(name: str, server: Server) -> None:
    answer = server.send("GET", "/metrics")

    assert answer.headers["content-type"].startswith("text/plain")
    assert f"# TYPE sandbox_model_{name} " in answer.content.decode()
