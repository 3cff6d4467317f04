"""A record says what was registered, and one that contradicts itself says nothing."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.errors import UsageError
from sandbox.mechanisms.storage.digest import is_digest
from sandbox.mechanisms.storage.record import Record, read_record, record_of, write_record

HEX = st.text("0123456789abcdef", min_size=64, max_size=64)
NAMES = st.from_regex(r"[a-z]{1,5}(/[a-z]{1,5}){0,2}", fullmatch=True)
FACTS = st.tuples(HEX.map(lambda text: f"sha256:{text}"), st.integers(0, 2**60))


@given(st.text(max_size=10), st.dictionaries(NAMES, FACTS, min_size=1, max_size=5))
def test_what_was_written_is_read(model: str, files: dict[str, tuple[str, int]]) -> None:
    record = record_of(model, files)

    again = read_record(write_record(record))
    assert again == record
    assert is_digest(again.digest)
    assert again.bytes == sum(size for _, size in files.values())
    assert [one.name for one in again.files] == sorted(files)


def good() -> dict[str, object]:
    files = {"a": ("sha256:" + "1" * 64, 5), "b": ("sha256:" + "2" * 64, 6)}
    loaded: dict[str, object] = json.loads(write_record(record_of("ranker", files)))
    return loaded


def test_a_record_has_the_documented_form() -> None:
    record = read_record(json.dumps(good()))

    assert record == Record("ranker", record.files)
    assert good()["files"] == {"a": {"sha256": "1" * 64, "bytes": 5}, "b": {"sha256": "2" * 64, "bytes": 6}}
    assert good()["digest"] == record.digest


@pytest.mark.parametrize("digest", ["sha256:" + "0" * 64, None, "", 1])
def test_a_record_whose_digest_is_not_its_files_is_refused_with_both(digest: object) -> None:
    with pytest.raises(UsageError) as caught:
        read_record(json.dumps({**good(), "digest": digest}))

    assert str(digest) in str(caught.value)
    assert str(good()["digest"]) in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [b"", b"\xff", "{", "[" * 100_000, "null", "[]", "{}", '{"files": []}', '{"files": {}}'],
    ids=["empty", "bytes", "cut", "deep", "null", "list", "nothing", "files as list", "no files"],
)
def test_what_is_no_record_is_refused(text: str | bytes) -> None:
    with pytest.raises(UsageError, match="can't be used"):
        read_record(text)


@pytest.mark.parametrize(
    "facts",
    [
        1,
        {},
        {"sha256": "1" * 64},
        {"sha256": "1" * 63, "bytes": 1},
        {"sha256": "1" * 64, "bytes": -1},
        {"sha256": "1" * 64, "bytes": True},
        {"sha256": "1" * 64, "bytes": 1.0},
    ],
)
def test_a_file_of_which_too_little_is_known_is_refused(facts: object) -> None:
    with pytest.raises(UsageError, match="can't be used"):
        read_record(json.dumps({**good(), "files": {"a": facts}}))


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", ".model.json"])
def test_a_file_outside_of_the_models_folder_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match="can't have this name"):
        read_record(json.dumps({**good(), "files": {name: {"sha256": "1" * 64, "bytes": 1}}}))
