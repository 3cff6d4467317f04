"""Nothing that isn't what was registered gets into a model's place, and the message says which digest was found."""

from __future__ import annotations

import hashlib
import io
import json
from pathlib import Path

import pytest

from fixtures.object_store.download import download
from fixtures.object_store.errors import ModelRefused, NotInStore
from fixtures.object_store.files import UNFINISHED
from fixtures.object_store.folder import verify_folder
from fixtures.object_store.upload import Uploaded, upload
from fixtures.object_store.verify import verify
from sandbox.errors import UsageError
from sandbox.mechanisms.storage.record import MOST_BYTES
from tests.parts.object_store.models import folder_of, some_bytes
from tests.parts.object_store.running import RunningStore

PLACE = "s3://models/refused/ranker"
KEY = "refused/ranker/"
A, B = some_bytes(5000, seed=1), some_bytes(5000, seed=2)


def digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def registered(store: RunningStore, tmp_path: Path) -> Uploaded:
    return upload(store.client(), folder_of(tmp_path / "m", {"a.bin": A, "b.bin": B}), PLACE)


def put(store: RunningStore, name: str, content: bytes) -> None:
    store.client().put_object("models", KEY + name, io.BytesIO(content), len(content))


def refusal(store: RunningStore, folder: Path) -> str:
    with pytest.raises(ModelRefused) as caught:
        download(store.client(), PLACE, folder)
    assert not (folder / ".model.json").exists()
    return str(caught.value)


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "found",
    [A[:-1], b"", B, A + b"more", A[:2500] + b"!" + A[2501:]],
    ids=["truncated", "emptied", "swapped", "longer", "one byte"],
)
def test_an_object_that_is_not_the_registered_one_is_refused_with_both_digests(
    store: RunningStore, tmp_path: Path, found: bytes
) -> None:
    put(store, "a.bin", found)

    message = refusal(store, tmp_path / "got")

    assert "a.bin is not what was registered" in message
    assert digest(A) in message
    assert digest(found) in message
    assert f"{PLACE}/a.bin" in message
    assert not (tmp_path / "got" / "a.bin").exists()
    assert not list((tmp_path / "got").rglob("*.part"))


@pytest.mark.usefixtures("registered")
def test_two_objects_that_changed_places_are_refused(store: RunningStore, tmp_path: Path) -> None:
    put(store, "a.bin", B)
    put(store, "b.bin", A)

    assert "a.bin is not what was registered" in refusal(store, tmp_path / "got")


def test_an_object_truncated_below_what_is_here_is_refused(
    store: RunningStore, tmp_path: Path, registered: Uploaded
) -> None:
    part = tmp_path / "got" / UNFINISHED / f"{digest(A).removeprefix('sha256:')}.part"
    folder_of(tmp_path, {str(part): A[:4000]})
    put(store, "a.bin", A[:3000])

    message = refusal(store, tmp_path / "got")

    assert registered.bytes == 10000
    assert digest(A[:3000]) in message
    assert digest(A) in message


def test_a_model_repaired_after_a_refusal_is_taken(store: RunningStore, tmp_path: Path, registered: Uploaded) -> None:
    put(store, "a.bin", A[:-1])
    refusal(store, tmp_path / "got")
    put(store, "a.bin", A)

    assert download(store.client(), PLACE, tmp_path / "got").digest == registered.digest


def test_another_model_than_the_one_expected_is_refused_before_its_files_are_asked_for(
    store: RunningStore, tmp_path: Path, registered: Uploaded
) -> None:
    other = digest(b"another")

    with pytest.raises(ModelRefused) as caught:
        download(store.client(), PLACE, tmp_path / "got", other)

    assert f"expected {other}, found {registered.digest}" in str(caught.value)
    assert not (tmp_path / "got").exists()


def test_a_record_whose_digest_is_not_its_files_is_refused(
    store: RunningStore, tmp_path: Path, registered: Uploaded
) -> None:
    files = {"a.bin": {"sha256": hashlib.sha256(B).hexdigest(), "bytes": len(B)}}
    put(store, ".model.json", json.dumps({"digest": registered.digest, "files": files}).encode())

    message = refusal(store, tmp_path / "got")

    assert registered.digest in message
    assert digest(B) in message


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b'{"files": {}}',
        b'{"digest": "sha256:0", "files": {"a": 1}}',
        b'{"digest": "sha256:0", "files": {"a": {"sha256": "0", "bytes": true}}}',
        b"[" * 100_000,
        b'{"files": {"../escaped": {"sha256": "' + b"0" * 64 + b'", "bytes": 0}}}',
        b'{"files": {"/etc/escaped": {"sha256": "' + b"0" * 64 + b'", "bytes": 0}}}',
    ],
    ids=["empty", "no text", "list", "no files", "no facts", "wrong facts", "deep", "above", "absolute"],
)
def test_a_record_that_says_nothing_usable_is_refused(store: RunningStore, tmp_path: Path, text: bytes) -> None:
    put(store, ".model.json", text)

    message = refusal(store, tmp_path / "got")

    assert "record of the model can't be used" in message or "can't have this name: " in message
    assert not (tmp_path / "escaped").exists()


@pytest.mark.usefixtures("registered")
def test_a_record_of_any_size_is_not_read(store: RunningStore, tmp_path: Path) -> None:
    put(store, ".model.json", b" " * (MOST_BYTES + 1))

    assert f"at most {MOST_BYTES} bytes" in refusal(store, tmp_path / "got")


@pytest.mark.usefixtures("registered")
def test_an_object_that_is_missing_is_said(store: RunningStore, tmp_path: Path) -> None:
    store.client().remove_object("models", KEY + "b.bin")

    with pytest.raises(NotInStore, match=r"(?s)no such object.*refused/ranker/b\.bin"):
        download(store.client(), PLACE, tmp_path / "got")


def test_what_is_no_digest_is_not_compared_with(store: RunningStore, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no digest"):
        download(store.client(), PLACE, tmp_path / "got", "sha256:ABC")


@pytest.mark.usefixtures("registered")
def test_verifying_in_the_store_finds_the_swapped_object(store: RunningStore) -> None:
    put(store, "b.bin", A)

    with pytest.raises(ModelRefused) as caught:
        verify(store.client(), PLACE)

    assert f"b.bin is not what was registered: expected {digest(B)}, found {digest(A)}" in str(caught.value)


def test_a_folder_is_compared_with_its_record_and_with_a_digest(
    store: RunningStore, tmp_path: Path, registered: Uploaded
) -> None:
    got = tmp_path / "got"
    download(store.client(), PLACE, got)
    assert verify_folder(got).digest == registered.digest

    (got / "a.bin").write_bytes(B)
    with pytest.raises(ModelRefused, match=r"a\.bin is not what was registered"):
        verify_folder(got)
    with pytest.raises(ModelRefused, match=registered.digest):
        verify_folder(got, registered.digest)

    (got / "a.bin").unlink()
    with pytest.raises(ModelRefused, match="no such file"):
        verify_folder(got)

    folder_of(got, {"a.bin": A, "one-more": b""})
    with pytest.raises(ModelRefused, match="the model is not what was registered"):
        verify_folder(got)

    (got / ".model.json").write_text("{}")
    with pytest.raises(ModelRefused, match="can't be used"):
        verify_folder(got)

    (got / ".model.json").unlink()
    with pytest.raises(UsageError, match="nothing says which digest"):
        verify_folder(got)
