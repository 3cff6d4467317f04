"""The registry holds a model once, under its digest, and no record speaks of a model that isn't there."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path

import pytest

from fixtures.pipeline.registry import Candidate, Record, register
from sandbox.errors import WorldError


@dataclass
class Memory:
    """A store in memory that remembers the order of writes; `broken` ends a write of that URI."""

    texts: dict[str, str] = field(default_factory=dict)
    folders: dict[str, str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    broken: str = ""

    def read(self, uri: str) -> str | None:
        return self.texts.get(uri)

    def write(self, uri: str, text: str) -> None:
        self._note(uri)
        self.texts[uri] = text

    def upload(self, folder: Path, uri: str) -> str:
        self._note(uri)
        self.folders[uri] = digest_of(folder)
        return self.folders[uri]

    def holds(self, uri: str, digest: str) -> bool:
        return self.folders.get(uri) == digest

    def _note(self, uri: str) -> None:
        self.writes.append(uri)
        if uri == self.broken:
            raise ConnectionError(uri)


def digest_of(folder: Path) -> str:
    return f"sha256:{sha256((folder / 'm').read_bytes()).hexdigest()}"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "m").write_text("weights")
    return tmp_path


def candidate(folder: Path) -> Candidate:
    return Candidate("ranker", digest_of(folder), "sandbox-ranker/1", {"auc": 0.8}, {"log": "sha256:1"})


VERSION = sha256(b"weights").hexdigest()[:12]
MODEL, RECORD = f"s3://m/ranker/{VERSION}", f"s3://m/registry/ranker/{VERSION}.json"


def test_a_new_model_is_stored_then_recorded(model: Path) -> None:
    store = Memory()
    done = register(store, "s3://m", model, candidate(model))

    assert done.new
    assert [MODEL, RECORD] == store.writes
    assert done.record == Record.from_json(store.texts[RECORD])
    assert (MODEL, VERSION, digest_of(model)) == (done.record.uri, done.record.version, done.record.digest)


def test_the_same_model_again_writes_nothing(model: Path) -> None:
    store = Memory()
    first = register(store, "s3://m", model, candidate(model))
    again = register(store, "s3://m", model, candidate(model))

    assert [MODEL, RECORD] == store.writes
    assert (first.record, False) == (again.record, again.new)


@pytest.mark.parametrize("broken", [MODEL, RECORD])
def test_an_interrupted_registration_leaves_no_record_and_is_done_again(model: Path, broken: str) -> None:
    store = Memory(broken=broken)
    with pytest.raises(ConnectionError):
        register(store, "s3://m", model, candidate(model))
    assert {} == store.texts

    store.broken = ""

    assert register(store, "s3://m", model, candidate(model)).new
    assert {RECORD} == set(store.texts)


def test_a_model_that_was_lost_is_stored_again_under_its_record(model: Path) -> None:
    store = Memory()
    first = register(store, "s3://m", model, candidate(model))
    store.folders.clear()
    again = register(store, "s3://m", model, candidate(model))

    assert (first.record, False) == (again.record, again.new)
    assert {MODEL: digest_of(model)} == store.folders


def test_a_record_that_was_changed_is_refused_and_nothing_written(model: Path) -> None:
    store = Memory()
    known = register(store, "s3://m", model, candidate(model)).record
    store.texts[RECORD] = replace(known, digest=f"sha256:{VERSION}00").to_json()
    store.writes.clear()

    with pytest.raises(WorldError, match="is the record of another model"):
        register(store, "s3://m", model, candidate(model))
    assert [] == store.writes


def test_a_store_that_has_another_model_than_was_sent_is_not_recorded(model: Path) -> None:
    store = Memory()
    wrong = replace(candidate(model), digest="sha256:" + "0" * 64)

    with pytest.raises(WorldError, match="another model than was sent"):
        register(store, "s3://m", model, wrong)
    assert {} == store.texts
