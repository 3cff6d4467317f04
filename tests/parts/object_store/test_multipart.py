"""Large files go in parts, and the digest is of the whole."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fixtures.object_store import upload as upload_module
from fixtures.object_store.download import download
from fixtures.object_store.files import record_of_files
from fixtures.object_store.upload import LEAST_PART_BYTES, upload
from sandbox.errors import UsageError
from tests.parts.object_store.models import MIB, folder_of, some_bytes
from tests.parts.object_store.running import RunningStore


def test_a_file_of_more_than_two_parts_has_the_digest_of_its_whole(store: RunningStore, tmp_path: Path) -> None:
    content = some_bytes(2 * LEAST_PART_BYTES + MIB + 7)
    folder_of(tmp_path / "m", {"weights.bin": content})
    parts_before = store.counted("object_store_requests_total", method="PUT", status="200")

    sent = upload(store.client(), tmp_path / "m", "s3://models/parts/large", part_bytes=LEAST_PART_BYTES)
    got = download(store.client(), "s3://models/parts/large", tmp_path / "got", sent.digest)

    etag = store.client().stat_object("models", "parts/large/weights.bin").etag
    assert etag is not None
    assert etag.endswith("-3")  # S3's mark of an object made of three parts
    assert store.counted("object_store_requests_total", method="PUT", status="200") - parts_before == 3 + 1
    assert f"sha256:{hashlib.sha256(content).hexdigest()}" == sent.digest == got.digest
    assert (tmp_path / "got" / "weights.bin").read_bytes() == content


def test_a_file_of_one_part_goes_whole(store: RunningStore, tmp_path: Path) -> None:
    upload(store.client(), folder_of(tmp_path / "m", {"weights.bin": some_bytes(MIB)}), "s3://models/parts/small")

    etag = store.client().stat_object("models", "parts/small/weights.bin").etag
    assert etag is not None
    assert "-" not in etag


def test_parts_that_s3_would_refuse_are_refused_before_anything_is_sent(store: RunningStore, tmp_path: Path) -> None:
    model = folder_of(tmp_path / "m", {"weights.bin": b"1"})

    with pytest.raises(UsageError, match="too small"):
        upload(store.client(), model, "s3://models/parts/refused", part_bytes=LEAST_PART_BYTES - 1)

    assert not list(store.client().list_objects("models", "parts/refused/"))


def test_a_file_of_too_many_parts_is_refused_with_its_name(
    store: RunningStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload_module, "MOST_PARTS", 1)  # 10,000 parts are 50 GB
    model = folder_of(tmp_path / "m", {"weights.bin": some_bytes(LEAST_PART_BYTES + 1)})

    with pytest.raises(UsageError, match=r"(?s)too small for this file.*weights\.bin"):
        upload(store.client(), model, "s3://models/parts/many", part_bytes=LEAST_PART_BYTES)


def test_a_file_that_changes_while_it_is_uploaded_is_not_registered(
    store: RunningStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = folder_of(tmp_path / "m", {"weights.bin": b"before"})

    def changed_after(name: str, files: dict[str, Path]) -> object:
        record = record_of_files(name, files)
        files["weights.bin"].write_bytes(b"after!")
        return record

    monkeypatch.setattr(upload_module, "record_of_files", changed_after)
    with pytest.raises(UsageError, match="changed while it was uploaded"):
        upload(store.client(), model, "s3://models/parts/changing")

    names = {one.object_name for one in store.client().list_objects("models", "parts/changing/")}
    assert "parts/changing/.model.json" not in names
