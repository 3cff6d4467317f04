"""SIGTERM and SIGINT: what is inside is answered, nothing new is taken, exit 0. So with upstream's own drain."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest

from tests.parts.model_server.processes import KINDS, MODEL, Answer, Server, ask, call, make_model, model_server, pb

TAKES_S = 1.5
SLOW = f"default: {{serviceTime: {TAKES_S}s, load: 0s}}"
SOON_S = 10.0  # a third of the grace, a sixth of the load time: however busy the machine is, it did not wait for those
NOTHING_NEW_WITHIN_S = 0.2  # uvicorn looks for the signal every 0.1 s


def in_background(do: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    got: list[object] = []

    def run() -> None:
        try:
            got.append(do())
        except Exception as error:
            got.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, got


@pytest.fixture(params=KINDS)
def slow(request: pytest.FixtureRequest, tmp_path: Path):
    with model_server(request.param, tmp_path, profile=SLOW, model_dir=make_model(tmp_path / "model")) as server:
        yield server.ready()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_what_is_inside_is_answered_and_then_it_exits_0(slow: Server, number: int) -> None:
    thread, got = in_background(lambda: slow.predict(1))
    time.sleep(0.3)

    began = time.monotonic()
    status = slow.part.stop(number)
    took_s = time.monotonic() - began
    thread.join(SOON_S)

    assert isinstance(got[0], Answer)
    assert (200, 0) == (got[0].status, status)
    assert TAKES_S - 0.4 < took_s < SOON_S
    assert "Traceback" not in slow.part.stderr()


def test_an_idle_server_exits_0_at_once(slow: Server) -> None:
    idle = slow.connect()
    assert 200 == ask(idle, "GET", "/v2/health/live").status  # a kept connection must not hold it

    began = time.monotonic()

    assert 0 == slow.part.stop()
    assert time.monotonic() - began < SOON_S
    idle.close()


def test_nothing_new_is_taken_while_it_drains(slow: Server) -> None:
    kept = slow.connect()
    assert 200 == ask(kept, "GET", "/v2/health/live").status
    thread, got = in_background(lambda: slow.predict(1))
    time.sleep(0.3)

    slow.part.process.send_signal(signal.SIGTERM)
    time.sleep(NOTHING_NEW_WITHIN_S)

    assert refused(lambda: slow.predict(2))
    assert refused(lambda: ask(kept, "POST", f"/v1/models/{MODEL}:predict", b'{"instances": [3]}'))
    assert 0 == slow.part.process.wait(SOON_S)
    thread.join(SOON_S)
    assert isinstance(got[0], Answer)
    assert 200 == got[0].status
    kept.close()


def refused(do: Callable[[], Answer]) -> bool:
    """No connection any more, or a 503 that says why."""
    try:
        answer = do()
    except (ConnectionError, OSError):
        return True
    return answer.status == 503 and "stopping" in str(answer.body["error"])


def test_a_grpc_call_inside_is_answered_and_a_new_one_is_not_taken(tmp_path: Path) -> None:
    contents = pb.InferTensorContents(int64_contents=[1])
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="INT64", shape=[1], contents=contents)
    request = pb.ModelInferRequest(model_name=MODEL, inputs=[tensor])
    with model_server("sdk", tmp_path, profile=SLOW, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()
        thread, got = in_background(lambda: call(server, "ModelInfer", request))
        time.sleep(0.5)

        server.part.process.send_signal(signal.SIGTERM)
        time.sleep(NOTHING_NEW_WITHIN_S)
        with pytest.raises(grpc.RpcError) as caught:
            call(server, "ModelInfer", request)
        thread.join(SOON_S)

        assert grpc.StatusCode.UNAVAILABLE == caught.value.code()  # type: ignore[attr-defined]
        assert [1] == list(got[0].outputs[0].shape)  # type: ignore[attr-defined]
        assert 0 == server.part.process.wait(SOON_S)


def test_a_request_that_outlives_the_grace_is_cut(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    slow = "default: {serviceTime: 30s, load: 0s}"
    with model_server("slim", tmp_path, "--grace", "0.5", profile=slow, model_dir=model) as server:
        server.ready()
        thread, got = in_background(lambda: server.predict(1))
        time.sleep(0.3)

        began = time.monotonic()
        status = server.part.stop()
        took_s = time.monotonic() - began
        thread.join(SOON_S)

        assert 0 == status
        assert 0.4 < took_s < SOON_S
        assert isinstance(got[0], Exception)


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_still_loading_stops_at_once(kind: str, tmp_path: Path) -> None:
    profile = "default: {serviceTime: 0s, load: 60s}"
    with model_server(kind, tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.listen()

        began = time.monotonic()

        assert 0 == server.part.stop()
        assert time.monotonic() - began < SOON_S
        assert server.part.stdout() == ""
