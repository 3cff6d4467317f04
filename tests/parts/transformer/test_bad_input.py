"""Bad input gets a 4xx with a reason, as JSON, and never reaches the predictor."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.transformer.preprocess import BadInput, Protocol, preprocess
from fixtures.transformer.settings import Limits
from tests.parts.transformer.bench_of_parts import transformer
from tests.parts.transformer.stand_in_predictor import stand_in

TENSOR = {"name": "x", "shape": [2], "datatype": "FP32", "data": [1, 2]}


def v2(**changes: object) -> bytes:
    return json.dumps({"inputs": [{**TENSOR, **changes}]}).encode()


BAD_V1 = {
    b"": "not JSON",
    b"{": "not JSON",
    b"\xff\xfe{}": "not JSON",
    b"[" * 100_000: "nested too deep",
    b'{"instances": ' + b"[" * 30 + b"]" * 30 + b"}": "nested too deep",
    b'{"instances": [NaN]}': "NaN is not a JSON number",
    b'{"instances": [1e999]}': "out of range",
    b'{"instances": [' + b"9" * 5000 + b"]}": "not JSON",
    b'{"instances": [{"a": 1, "a": 2}]}': "twice",
    '{"instances": [{"é": 1, "e\u0301": 2}]}'.encode(): "twice",
    b"[1, 2]": "not a JSON object",
    b"{}": "exactly the field instances",
    b'{"instances": []}': "at least one",
    b'{"instances": {"a": 1}}': "not a list",
    b'{"instances": [1], "inputs": [2]}': "exactly the field instances",
}
BAD_V2 = {
    b"{}": "inputs is not a list",
    b'{"inputs": [], "more": 1}': "the fields",
    b'{"inputs": [7]}': "an input has the fields",
    b'{"inputs": [{}], "id": 3}': "id is not a text",
    b'{"inputs": [{}], "parameters": []}': "parameters is not a JSON object",
    v2(name=7): "name is not a text",
    v2(shape=[-1]): "shape",
    v2(shape="2"): "shape",
    v2(shape=[True, 2]): "shape",
    v2(shape=[1] * 20): "dimensions",
    v2(shape=[3]): "do not make the shape",
    v2(shape=[1 << 60, 1 << 60]): "shape",
    v2(data="ab"): "not a list",
    v2(data=[[1], [2]]): "not a list",
    v2(data=[1, [2]]): "datatype",
    v2(datatype="INT99"): "datatype",
    v2(datatype=["FP32"]): "datatype",
    v2(datatype="INT8", data=[1, 128]): "datatype",
    v2(datatype="UINT8", data=[1, -1]): "datatype",
    v2(datatype="INT8", data=[1, 1.5]): "datatype",
    v2(datatype="BOOL"): "datatype",
    v2(datatype="BYTES"): "datatype",
}


@pytest.mark.parametrize("body, reason", [*BAD_V1.items()], ids=range(len(BAD_V1)))
def test_a_v1_request_that_is_none_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        preprocess("v1", body, {}, Limits())

    assert reason in refused.value.reason
    assert 400 <= refused.value.status < 500


@pytest.mark.parametrize("body, reason", [*BAD_V2.items()], ids=range(len(BAD_V2)))
def test_a_v2_request_that_is_none_is_refused_with_a_reason(body: bytes, reason: str) -> None:
    with pytest.raises(BadInput) as refused:
        preprocess("v2", body, {}, Limits())

    assert reason in refused.value.reason


@given(st.sampled_from(["v1", "v2"]), st.one_of(st.binary(), st.text().map(str.encode)))
def test_no_bytes_raise_anything_else(protocol: Protocol, body: bytes) -> None:
    with pytest.raises(BadInput):  # that random bytes are a request is not to be expected
        preprocess(protocol, body, {}, Limits())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@given(st.lists(JSON, min_size=1, max_size=4))
def test_normalising_is_done_once_and_for_all(instances: list[object]) -> None:
    """What was normalised stays as it is, so the predictor is asked exactly what the key says."""
    try:
        once = preprocess("v1", json.dumps({"instances": instances}).encode(), {}, Limits())
    except BadInput:
        return  # two names of one object have the same normal form
    again = preprocess("v1", once.body, {}, Limits())

    assert once == again


def test_nested_and_flat_data_of_one_tensor_are_one_question() -> None:
    flat = preprocess("v2", v2(shape=[1, 2]), {}, Limits())
    nested = preprocess("v2", v2(shape=[1, 2], data=[[1.0, 2.0]]), {}, Limits())

    assert flat == nested


def test_over_http_refusals_are_json_and_cost_no_call() -> None:
    async def play() -> None:
        limits = Limits(body_bytes=1000, instances=3)
        async with stand_in() as predictor, transformer(predictor.url, limits=limits) as client:
            long = await client.post("/v1/models/ranker:predict", b"x" * 2000)
            many = await client.predict(1, 2, 3, 4)
            none = await client.post("/v1/models/ranker:predict", b"{}")
            bad_key = await client.predict(1, key="k" * 300)
            elsewhere = await client.post("/v1/models/other:predict", {"instances": [1]})
            method = await client.get("/v1/models/ranker:predict")
            binary = await client.post("/v2/models/ranker/infer", b"{}", {"Inference-Header-Content-Length": "2"})

            statuses = [one.status for one in (long, many, none, bad_key, elsewhere, method, binary)]
            assert statuses == [413, 413, 400, 400, 404, 405, 415]
            for one in (long, many, none, bad_key, elsewhere, method, binary):
                assert set(one.body) == {"error"}
                assert "Traceback" not in one.body["error"]
                assert one.pod == "transformer-1"
            assert predictor.asked == []
            assert await client.count("requests_total", protocol="v1", status="413") == 2

    asyncio.run(play())


def test_a_body_that_does_not_come_is_given_up() -> None:
    async def play() -> None:
        async def drip() -> object:
            yield b'{"instances"'
            await asyncio.sleep(30)

        async with (
            stand_in() as predictor,
            transformer(predictor.url, request_timeout_s=0.2) as client,
            client.session.post(client.url + "/v1/models/ranker:predict", data=drip()) as answer,
        ):
            assert answer.status == 408
            assert "0.2 s" in (await answer.json())["error"]

    asyncio.run(play())


def test_too_many_at_once_are_refused_and_the_others_are_answered() -> None:
    async def play() -> None:
        limits = Limits(in_flight=5)
        async with stand_in(delay_s=0.3) as predictor, transformer(predictor.url, limits=limits) as client:
            got = await asyncio.gather(*(client.predict(number) for number in range(8)))

            assert sorted(one.status for one in got) == [200] * 5 + [503] * 3

    asyncio.run(play())


@pytest.mark.parametrize(
    "text, status",
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello", 502),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n[1,2,3]", 502),
        (b"HTTP/1.1 302 Found\r\nlocation: /\r\ncontent-length: 0\r\n\r\n", 502),
        (b"HTTP/1.1 429 Too Many\r\ncontent-length: 5\r\n\r\nhello", 429),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{", 503),
        (b"SSH-2.0-OpenSSH\r\n", 502),
        (b"", 503),
    ],
)
def test_a_predictor_that_speaks_something_else_is_a_bad_gateway(text: bytes, status: int) -> None:
    async def play() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(text)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with transformer(f"http://127.0.0.1:{port}") as client:
                got = await client.predict(1)

                assert got.status == status
                assert set(got.body) == {"error"}

    asyncio.run(play())


def test_a_predictor_that_is_not_there_or_too_slow_has_a_status_of_its_own() -> None:
    async def play() -> None:
        async with transformer("http://127.0.0.1:9") as client:
            assert (await client.predict(1)).status == 503
        async with stand_in(delay_s=2.0) as predictor, transformer(predictor.url, predictor_timeout_s=0.2) as client:
            slow = await client.predict(1)

            assert (slow.status, slow.body) == (504, {"error": "the predictor did not answer within 0.2 s"})
            assert await client.count("predictor_calls_total", status="504") == 1

    asyncio.run(play())


def test_traces_and_the_requests_number_go_on_to_the_predictor_and_nothing_else_does() -> None:
    async def play() -> None:
        sent = {"x-request-number": "7", "Traceparent": "00-ab-cd-01", "authorization": "Bearer secret"}
        async with stand_in() as predictor, transformer(predictor.url) as client:
            await client.post("/v1/models/ranker:predict", {"instances": [1]}, sent)

            (got,) = predictor.headers_asked
            assert (got["x-request-number"], got["traceparent"]) == ("7", "00-ab-cd-01")
            assert "authorization" not in got

    asyncio.run(play())


def test_connections_to_the_predictor_are_kept() -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url) as client:
            for number in range(20):
                await client.predict(number)

            assert len(predictor.asked) == 20
            assert len(predictor.peers) == 1

    asyncio.run(play())
