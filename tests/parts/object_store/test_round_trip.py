"""What was uploaded is what is downloaded, by any of the URIs that lead to it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from fixtures.object_store.download import download
from fixtures.object_store.upload import upload
from fixtures.object_store.verify import verify
from sandbox.errors import UsageError
from sandbox.mechanisms.storage.uri import read_rule
from tests.parts.object_store.models import contents, folder_of
from tests.parts.object_store.running import RunningStore

FILES = {"weights.bin": bytes(range(256)) * 1000, "variables/a b+ü%2F.txt": b"names need quoting\n", "empty": b""}


def test_a_folder_comes_back_with_the_same_names_contents_and_digest(store: RunningStore, tmp_path: Path) -> None:
    model = folder_of(tmp_path / "ranker", FILES)

    sent = upload(store.client(), model, "s3://models/round/ranker")
    got = download(store.client(), "s3://models/round/ranker", tmp_path / "got", sent.digest)

    record = json.loads((tmp_path / "got" / ".model.json").read_text())
    assert {**FILES, ".model.json": (tmp_path / "got" / ".model.json").read_bytes()} == contents(tmp_path / "got")
    assert (sent.digest, sent.bytes, 0) == (got.digest, got.bytes, got.resumed_bytes)
    assert sent.digest == record["digest"]


def test_a_single_file_has_the_digest_that_sha256sum_prints(store: RunningStore, tmp_path: Path) -> None:
    file = tmp_path / "model.onnx"
    file.write_bytes(b"one file")

    sent = upload(store.client(), file, "s3://models/round/single")
    got = download(store.client(), "s3://models/round/single", tmp_path / "got")

    assert f"sha256:{hashlib.sha256(b'one file').hexdigest()}" == sent.digest == got.digest
    assert (tmp_path / "got" / "model.onnx").read_bytes() == b"one file"


def test_an_hdfs_uri_leads_to_the_bucket_of_its_name_node(store: RunningStore, tmp_path: Path) -> None:
    sent = upload(store.client(), folder_of(tmp_path / "m", FILES), "hdfs://models:8020/round/hdfs")
    by_name = download(store.client(), "s3://models/round/hdfs", tmp_path / "a")
    by_row = download(store.client(), "hdfs://c3/hdfs", tmp_path / "b", rule=read_rule("c3=models/round"))

    assert sent.digest == by_name.digest == by_row.digest


def test_a_mounted_model_is_not_downloaded_and_the_message_says_where_it_is(
    store: RunningStore, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="mounted, not downloaded") as caught:
        download(store.client(), "pvc://models/ranker/v2", tmp_path)

    assert "/mnt/pvc/models/ranker/v2" in str(caught.value)


def test_verifying_in_the_store_reads_every_object_and_keeps_none(store: RunningStore, tmp_path: Path) -> None:
    sent = upload(store.client(), folder_of(tmp_path / "m", FILES), "s3://models/round/verified")

    assert sent.digest == verify(store.client(), "s3://models/round/verified").digest


def test_an_upload_anew_removes_the_files_that_the_model_has_no_more(store: RunningStore, tmp_path: Path) -> None:
    place = "s3://models/round/again"
    upload(store.client(), folder_of(tmp_path / "v1", {"a": b"1", "b": b"2"}), place)
    store.client().fput_object("models", "round/again/somebody-elses", str(tmp_path / "v1" / "a"))
    upload(store.client(), folder_of(tmp_path / "v2", {"a": b"1", "c": b"3"}), place)

    names = {one.object_name for one in store.client().list_objects("models", "round/again/", recursive=True)}
    assert {f"round/again/{name}" for name in (".model.json", "a", "c", "somebody-elses")} == names


def test_the_record_carries_the_models_digest_as_metadata(store: RunningStore, tmp_path: Path) -> None:
    sent = upload(store.client(), folder_of(tmp_path / "m", FILES), "s3://models/round/meta", model="ranker")

    metadata = store.client().stat_object("models", "round/meta/.model.json").metadata
    assert metadata is not None
    assert sent.digest == metadata["x-amz-meta-model-digest"]
