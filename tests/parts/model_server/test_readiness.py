"""Not ready until the model's digest is the registered one, and then why; nothing is answered before (B13)."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import pytest
from minio import Minio
from moto.server import ThreadedMotoServer

from fixtures.object_store.connect import connect
from fixtures.object_store.files import model_files, record_of_files
from fixtures.object_store.upload import upload
from sandbox.mechanisms.storage.digest import RECORD
from sandbox.mechanisms.storage.record import write_record
from tests.parts.model_server.processes import KINDS, MODEL, Server, call, make_model, model_server, pb

KEY = "sandbox"
SECRET = "a-secret-that-no-log-may-hold"
URI = "s3://models/ranker/v1"
WITHIN_S = 40.0
PROBES = ("/v2/health/ready", f"/v2/models/{MODEL}/ready", f"/v1/models/{MODEL}")


class Store:
    """A real S3 server, which a test may stop and start again on its port."""

    def __init__(self, port: int = 0) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", port)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]
        self.client: Minio = connect(f"http://127.0.0.1:{self.port}", KEY, SECRET)
        forget = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        forget.request("POST", "/moto-api/reset")  # its buckets are the process's, not the server's
        assert 200 == forget.getresponse().status
        forget.close()

    @property
    def environment(self) -> dict[str, str]:
        endpoint = f"http://127.0.0.1:{self.port}"
        return {"SANDBOX_S3_ENDPOINT": endpoint, "AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}

    def stop(self) -> None:
        self._server.stop()


@pytest.fixture
def store() -> Iterator[Store]:
    running = Store()
    yield running
    running.stop()


def registered(folder: Path) -> str:
    """Write the record of a folder's files; returns the digest that it registers."""
    record = record_of_files(MODEL, model_files(folder))
    (folder / RECORD).write_text(write_record(record))
    return record.digest


def wait_for(server: Server, path: str, holds: Callable[[int, dict[str, object]], bool]) -> dict[str, object]:
    """Ask a probe until something holds of its answer."""
    until = time.monotonic() + WITHIN_S
    while True:
        answer = server.send("GET", path)
        if holds(answer.status, answer.body):
            return answer.body
        if time.monotonic() > until:
            raise AssertionError(f"within {WITHIN_S} s {path} said nothing else than {answer}")
        time.sleep(0.05)


def refused(server: Server, reason: str) -> None:
    """Every probe says why, nothing is answered, and it stays so."""
    server.listen()
    wait_for(server, PROBES[0], lambda status, body: status == 503 and reason in str(body["error"]))
    for _ in range(3):
        for path in PROBES:
            answer = server.send("GET", path)
            assert (503, False) == (answer.status, answer.body["ready"])
            assert reason in str(answer.body["error"])
        answer = server.predict(1)
        assert 503 == answer.status
        assert reason in str(answer.body["error"])
        time.sleep(0.1)
    assert 200 == server.send("GET", "/v2/health/live").status
    assert "ready" not in server.part.stdout()
    assert "x-model-digest" not in answer.headers


@pytest.mark.parametrize("kind", KINDS)
def test_a_downloaded_model_answers_with_its_registered_digest(kind: str, store: Store, tmp_path: Path) -> None:
    uploaded = upload(store.client, make_model(tmp_path / "model"), URI, make_bucket=True)
    with model_server(kind, tmp_path, "--model-uri", URI, environment=store.environment) as server:
        server.ready()

        answer = server.predict(1)

        assert uploaded.digest == answer.headers["x-model-digest"]
        assert uploaded.digest == answer.body["served_by"]["model_digest"]  # type: ignore[index]
        assert f'model_download_bytes_total{{model="{URI}"}}' in server.send("GET", "/metrics").content.decode()


@pytest.mark.parametrize("kind", KINDS)
def test_a_corrupted_object_never_becomes_ready_and_says_why(kind: str, store: Store, tmp_path: Path) -> None:
    uploaded = upload(store.client, make_model(tmp_path / "model"), URI, make_bucket=True)
    store.client.fput_object("models", "ranker/v1/weights.json", str(corrupted(tmp_path)))

    with model_server(kind, tmp_path, "--model-uri", URI, environment=store.environment) as server:
        refused(server, f"weights.json is not what was registered: expected {uploaded.digest}")
        assert 0 == server.part.stop()


def corrupted(folder: Path) -> Path:
    """As long as the real one."""
    path = folder / "corrupted"
    path.write_text('{"weights": [1, 2, 4]}')
    return path


def test_grpc_is_not_ready_and_answers_nothing_either(store: Store, tmp_path: Path) -> None:
    upload(store.client, make_model(tmp_path / "model"), URI, make_bucket=True)
    store.client.fput_object("models", "ranker/v1/weights.json", str(corrupted(tmp_path)))
    tensor = pb.ModelInferRequest.InferInputTensor(name="x", datatype="INT64", shape=[1])

    with model_server("sdk", tmp_path, "--model-uri", URI, environment=store.environment) as server:
        refused(server, "is not what was registered")

        assert not call(server, "ServerReady", pb.ServerReadyRequest()).ready
        assert not call(server, "ModelReady", pb.ModelReadyRequest(name=MODEL)).ready
        assert call(server, "ServerLive", pb.ServerLiveRequest()).live
        for _ in range(2):  # upstream would load it at the first call and answer the second
            with pytest.raises(grpc.RpcError) as caught:
                call(server, "ModelInfer", pb.ModelInferRequest(model_name=MODEL, inputs=[tensor]))
            assert grpc.StatusCode.UNAVAILABLE == caught.value.code()  # type: ignore[attr-defined]
            assert "is not what was registered" in caught.value.details()  # type: ignore[attr-defined]


def test_another_digest_than_asked_for_is_refused(store: Store, tmp_path: Path) -> None:
    upload(store.client, make_model(tmp_path / "model"), URI, make_bucket=True)
    wanted = "sha256:" + "0" * 64

    with model_server(
        "slim", tmp_path, "--model-uri", URI, "--digest", wanted, environment=store.environment
    ) as server:
        refused(server, f"the model is not what was registered: expected {wanted}")


def test_a_store_that_is_down_is_asked_again_until_it_is_back(tmp_path: Path) -> None:
    store = Store()
    store.stop()
    with model_server("slim", tmp_path, "--model-uri", URI, environment=store.environment) as server:
        server.listen()
        waiting = wait_for(server, PROBES[0], lambda status, body: "asked again" in str(body.get("error")))
        back = Store(store.port)
        uploaded = upload(back.client, make_model(tmp_path / "model"), URI, make_bucket=True)

        server.ready()

        assert not waiting["ready"]
        assert uploaded.digest == server.predict(1).headers["x-model-digest"]
        back.stop()


def test_a_model_that_is_not_there_yet_is_asked_for_again(store: Store, tmp_path: Path) -> None:
    store.client.make_bucket("models")
    with model_server("slim", tmp_path, "--model-uri", URI, environment=store.environment) as server:
        server.listen()
        wait_for(server, PROBES[0], lambda status, body: "asked again" in str(body.get("error")))

        upload(store.client, make_model(tmp_path / "model"), URI)

        server.ready()


def test_no_secret_is_in_a_log_or_an_answer(store: Store, tmp_path: Path) -> None:
    environment = {**store.environment, "SANDBOX_S3_ENDPOINT": "http://127.0.0.1:1"}
    with model_server("slim", tmp_path, "--model-uri", URI, environment=environment) as server:
        server.listen()
        body = wait_for(server, PROBES[0], lambda status, body: "asked again" in str(body.get("error")))

        assert SECRET not in json.dumps(body) + server.part.stderr() + server.part.stdout()


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_is_held_to_its_record(kind: str, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    digest = registered(model)
    with model_server(kind, tmp_path / "right", model_dir=model) as server:
        assert digest == server.ready().predict(1).headers["x-model-digest"]

    (model / "weights.json").write_text('{"weights": [9]}')
    with model_server(kind, tmp_path / "wrong", model_dir=model) as server:
        refused(server, f"weights.json is not what was registered: expected {digest}")


def test_a_folder_with_one_file_too_many_is_refused(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    digest = registered(model)
    (model / "more.bin").write_bytes(b"more")

    with model_server("slim", tmp_path, model_dir=model) as server:
        refused(server, f"is not what was registered: expected {digest}")


def test_a_storage_uri_without_a_scheme_is_the_folder_that_kserve_s_initializer_filled(tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    digest = registered(model)

    with model_server("slim", tmp_path, environment={"STORAGE_URI": str(model)}) as server:
        assert digest == server.ready().predict(1).headers["x-model-digest"]


def test_a_folder_of_which_nothing_says_the_digest_is_served_and_said_so(tmp_path: Path) -> None:
    with model_server("slim", tmp_path, model_dir=make_model(tmp_path / "model")) as server:
        server.ready()

        assert "nothing registered this model's digest" in server.part.stderr()


def test_there_is_no_model_in_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()

    with model_server("slim", tmp_path, model_dir=tmp_path / "model") as server:
        refused(server, "there is no model here")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("key", "takes_s"), [("load", 1.5), ("startup", 8.0)])
def test_it_is_ready_after_the_time_that_its_profile_says(kind: str, key: str, takes_s: float, tmp_path: Path) -> None:
    profile = f"default: {{serviceTime: 0s, load: 0s, {key}: {takes_s}s}}".replace("load: 0s, load", "load")
    with model_server(kind, tmp_path, profile=profile, model_dir=make_model(tmp_path / "model")) as server:
        server.listen()
        listening_s = time.monotonic() - server.part.started_s
        assert 503 == server.send("GET", PROBES[0]).status
        server.ready()
        ready_s = time.monotonic() - server.part.started_s

    begins_s = listening_s if key == "load" else 0.0  # startup counts from the process's start
    assert takes_s - 0.3 < ready_s - begins_s < takes_s + 5


def test_the_slim_server_stays_under_60_mb_when_it_downloads(store: Store, tmp_path: Path) -> None:
    model = make_model(tmp_path / "model")
    (model / "embeddings.bin").write_bytes(bytes(range(256)) * (80 * 1024))  # 20 MiB
    upload(store.client, model, URI, make_bucket=True)
    with model_server("slim", tmp_path, "--model-uri", URI, environment=store.environment) as server:
        server.ready()
        ready_s = time.monotonic() - server.part.started_s
        held = server.resident_bytes() / 1e6
    print(f"slim, 20 MiB downloaded: ready after {ready_s:.2f} s, {held:.1f} MB")

    assert held < 60
