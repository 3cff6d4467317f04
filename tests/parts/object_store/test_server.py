"""The server: who may ask, what of moto is reachable, how it starts and ends."""

from __future__ import annotations

import http.client
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from fixtures.object_store.download import download
from fixtures.object_store.upload import upload
from fixtures.object_store.verify import verify
from tests.parts.object_store.models import MIB, folder_of, some_bytes
from tests.parts.object_store.running import RunningStore, object_store
from tests.parts.part import run


def ask(store: RunningStore, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(store.endpoint).netloc, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "POST"])
def test_a_request_without_a_signature_is_refused_in_s3s_words(store: RunningStore, method: str) -> None:
    status, body = ask(store, method, "/models/ranker/weights.bin")

    assert status == 403
    assert b"<Code>AccessDenied</Code>" in body


@pytest.mark.parametrize(
    "authorization",
    [
        "AWS4-HMAC-SHA256 Credential=nobody/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=test-access/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0",
        "AWS4-HMAC-SHA256 Credential=test-access/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0",
        "Basic dGVzdDp0ZXN0",
        "rubbish",
    ],
)
def test_a_signature_that_is_none_reaches_no_object_and_no_traceback_comes_back(
    store: RunningStore, authorization: str
) -> None:
    for path in ("/models?list-type=2", "/models/ranker/x", "/moto-api/reset", "/latest/meta-data/"):
        status, body = ask(store, "GET", path, Authorization=authorization)

        assert 400 <= status < 500
        assert b"Traceback" not in body


def test_metrics_and_health_need_no_keys(store: RunningStore) -> None:
    assert ask(store, "GET", "/healthz") == (200, b"ok\n")
    status, body = ask(store, "GET", "/metrics")
    assert status == 200
    assert b"# TYPE object_store_gets_total counter" in body


def test_a_bucket_named_metrics_is_a_bucket_all_the_same(store: RunningStore) -> None:
    store.client().make_bucket("metrics")

    assert not list(store.client().list_objects("metrics"))


def test_a_presigned_url_is_refused_as_documented(store: RunningStore) -> None:
    url = store.client().presigned_get_object("models", "ranker/x")

    with pytest.raises(urllib.error.HTTPError, match="403"), urllib.request.urlopen(url, timeout=10):
        pass


def test_a_download_in_flight_ends_well_before_the_server_does(tmp_path: Path) -> None:
    content = some_bytes(2 * MIB)
    with object_store("--server", "moto", "--bucket", "models", "--egress", "2Mi", "--drain", "20") as running:
        sent = upload(running.client(), folder_of(tmp_path / "m", {"weights.bin": content}), "s3://models/drained")
        got: list[str] = []
        thread = threading.Thread(
            target=lambda: got.append(download(running.client(), "s3://models/drained", tmp_path / "got").digest)
        )
        thread.start()
        until = time.monotonic() + 10
        while running.counted("object_store_get_bytes_total", model="s3://models/drained") < MIB / 2:
            assert time.monotonic() < until, "waited 10 s for the download to start"
        running.part.process.send_signal(signal.SIGTERM)
        thread.join(20)

        assert [sent.digest] == got
        assert running.part.wait() == 0


def test_ctrl_c_ends_it_with_status_0() -> None:
    with object_store("--server", "moto") as running:
        assert running.part.stop(signal.SIGINT) == 0


def test_a_taken_port_is_said_with_what_to_do(store: RunningStore) -> None:
    port = urlsplit(store.endpoint).port
    other = run("object_store", "serve", "--server", "moto", "--port", str(port), environment=store.environment)

    assert (other.returncode, other.stdout) == (4, "")
    assert f":{port}" in other.stderr
    assert "--port" in other.stderr


@pytest.mark.skipif(shutil.which("minio") is None, reason="MinIO is not installed (a `minio` on the PATH)")
def test_minio_behind_the_front_keeps_models_over_a_restart_and_ends_with_it(tmp_path: Path) -> None:
    options = ("--server", "auto", "--bucket", "models", "--data", str(tmp_path / "data"))
    tmp_path.joinpath("data").mkdir()
    content = some_bytes(11 * MIB)
    with object_store(*options) as running:
        sent = upload(
            running.client(), folder_of(tmp_path / "m", {"a b+ü": content}), "s3://models/ranker", part_bytes=5 * MIB
        )
        got = download(running.client(), "s3://models/ranker", tmp_path / "got", sent.digest)
        assert got.bytes == 11 * MIB
        assert running.counted("object_store_gets_total", model="s3://models/ranker") == 2
    with object_store(*options) as running:
        assert verify(running.client(), "s3://models/ranker").digest == sent.digest
        running.part.stop(signal.SIGKILL)
        until = time.monotonic() + 15
        while str(tmp_path / "data") in _command_lines():
            assert time.monotonic() < until, "waited 15 s for MinIO to end after its parent was killed"
            time.sleep(0.1)


def test_minio_that_is_asked_for_and_not_installed_is_said() -> None:
    other = run("object_store", "serve", "--server", "minio", "--port", "0", environment={"PATH": "/nowhere"})

    assert other.returncode == 4
    assert "MinIO is not installed" in other.stderr
    assert "Traceback" not in other.stderr


def _command_lines() -> str:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return "\n".join(line for line in found if line.startswith(("minio ", "/")) and " server " in line)
