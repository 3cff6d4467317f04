"""Wrong keys, missing buckets and stores that don't answer end in a message that says so, in time, without a secret."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from fixtures.object_store.connect import connect, connect_from
from fixtures.object_store.counting import DownloadCounter
from fixtures.object_store.download import download
from fixtures.object_store.errors import KeysRefused, NotInStore, StoreUnreachable
from fixtures.object_store.upload import upload
from sandbox.errors import ExitCode, UsageError
from tests.parts.object_store.models import folder_of
from tests.parts.object_store.running import RunningStore, object_store

SECRET = "a-secret-that-must-not-be-seen"


@pytest.mark.parametrize("access_key", ["known", "unknown"])
def test_wrong_keys_are_named_and_never_shown(
    store: RunningStore, tmp_path: Path, access_key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    client = connect(store.endpoint, store.access_key if access_key == "known" else "nobody", SECRET)

    with pytest.raises(KeysRefused, match="refused the keys") as caught:
        download(client, "s3://models/any/model", tmp_path / "got")

    message = str(caught.value)
    assert "AWS_SECRET_ACCESS_KEY" in message
    assert store.endpoint in message
    assert SECRET not in message + caplog.text
    assert store.secret_key not in message + caplog.text
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_missing_bucket_and_a_missing_model_are_told_apart(store: RunningStore, tmp_path: Path) -> None:
    with pytest.raises(NotInStore, match="no such bucket"):
        download(store.client(), "s3://not-there/model", tmp_path / "got")
    with pytest.raises(NotInStore, match="no such object"):
        download(store.client(), "s3://models/never/registered", tmp_path / "got")


def test_an_upload_makes_its_bucket_only_when_asked(store: RunningStore, tmp_path: Path) -> None:
    model = folder_of(tmp_path / "m", {"a": b"1"})
    with pytest.raises(NotInStore, match="make-bucket"):
        upload(store.client(), model, "s3://made-when-asked/ranker")

    upload(store.client(), model, "s3://made-when-asked/ranker", make_bucket=True)

    assert store.client().bucket_exists("made-when-asked")


def test_a_store_that_is_gone_is_said_in_time(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        endpoint = f"http://127.0.0.1:{taken.getsockname()[1]}"
    client, counter = connect(endpoint, "a", SECRET, timeout_s=1, tries=2), DownloadCounter()
    begun = time.monotonic()

    with pytest.raises(StoreUnreachable, match="did not answer") as caught:
        download(client, "s3://models/ranker", tmp_path / "got", counter=counter)

    assert time.monotonic() - begun < 5
    assert endpoint in str(caught.value)
    assert "refused" in str(caught.value)
    assert SECRET not in str(caught.value)
    assert 'model_downloads_total{model="s3://models/ranker",outcome="failed"} 1.0' in _text(counter)


def test_a_store_that_stands_still_is_given_up_after_the_time_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # connections wait in its backlog for ever
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()

        with pytest.raises(StoreUnreachable, match=r"timed out.*0\.5"):
            download(connect(endpoint, "a", SECRET, timeout_s=0.5, tries=2), "s3://models/ranker", tmp_path / "got")

    assert 1.0 <= time.monotonic() - begun < 10  # two tries, a pause between them


def test_a_store_that_is_killed_and_one_behind_which_nothing_answers_are_unreachable(tmp_path: Path) -> None:
    with object_store("--server", "moto", "--bucket", "models") as running:
        upload(running.client(), folder_of(tmp_path / "m", {"a": b"1"}), "s3://models/ranker")
        os.kill(running.part.process.pid, signal.SIGSTOP)
        try:
            with pytest.raises(StoreUnreachable, match="timed out"):
                download(running.client(timeout_s=0.5, tries=1), "s3://models/ranker", tmp_path / "got")
        finally:
            os.kill(running.part.process.pid, signal.SIGCONT)
        assert download(running.client(), "s3://models/ranker", tmp_path / "got").bytes == 1
        running.part.stop(signal.SIGKILL)

        with pytest.raises(StoreUnreachable, match="did not answer"):
            download(running.client(timeout_s=0.5, tries=1), "s3://models/ranker", tmp_path / "got")


def test_what_is_missing_in_the_environment_is_listed() -> None:
    with pytest.raises(UsageError) as caught:
        connect_from({"AWS_ACCESS_KEY_ID": "a"})

    assert "not set: AWS_SECRET_ACCESS_KEY, SANDBOX_S3_ENDPOINT" in str(caught.value)


@pytest.mark.parametrize("endpoint", ["ftp://host", "http://", "http://host/bucket", "http://user:pa55@host:9000"])
def test_what_is_no_endpoint_is_refused_without_a_password(endpoint: str) -> None:
    with pytest.raises(UsageError, match="no endpoint") as caught:
        connect(endpoint, "a", SECRET)

    assert "pa55" not in str(caught.value)


def _text(counter: DownloadCounter) -> str:
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry()
    registry.register(counter)
    return generate_latest(registry).decode()
