"""The pipeline reads and writes hdfs:// where the environment says that its name node's files are."""

from __future__ import annotations

from pathlib import Path

import pytest

from fixtures.object_store.rule import AUTHORITY, ROWS
from fixtures.pipeline.object_storage import ObjectStorage, folder_digest
from tests.parts.object_store.models import contents, folder_of
from tests.parts.object_store.running import RunningStore


@pytest.fixture
def storage(store: RunningStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStorage:
    monkeypatch.delenv(AUTHORITY, raising=False)
    for name, value in {**store.environment, ROWS: "c3:8020=models/by-row"}.items():
        monkeypatch.setenv(name, value)
    return ObjectStorage.at("")


def test_a_folder_goes_to_the_bucket_of_its_name_node_and_comes_from_there(
    storage: ObjectStorage, store: RunningStore, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path / "log", {"2026-11-01.jsonl": b"{}\n"})

    digest = storage.upload(folder, "hdfs://c3:8020/log")

    assert folder_digest(folder) == digest == storage.download("hdfs://c3:8020/log", tmp_path / "back")
    assert storage.holds("hdfs://c3:8020/log", digest)
    assert not storage.holds("hdfs://c3:8020/other")
    assert contents(folder).items() <= contents(tmp_path / "back").items()
    assert store.client().stat_object("models", "by-row/log/2026-11-01.jsonl").size == 3


def test_so_does_a_registry_s_text(storage: ObjectStorage, store: RunningStore) -> None:
    storage.write("hdfs://c3:8020/registry/ranker/1.json", "{}")

    assert storage.read("hdfs://c3:8020/registry/ranker/1.json") == "{}"
    assert storage.read("hdfs://c3:8020/registry/ranker/2.json") is None
    assert store.client().stat_object("models", "by-row/registry/ranker/1.json").size == 2
