"""Bytes and GETs of each model, counted by the client and by the store (the figure of a download storm)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from fixtures.object_store.counting import DownloadCounter
from fixtures.object_store.download import download
from fixtures.object_store.errors import ModelRefused
from fixtures.object_store.pace import Pace
from fixtures.object_store.tally import MOST_MODELS, OTHER, Tally
from fixtures.object_store.upload import upload
from tests.parts.object_store.models import MIB, folder_of, some_bytes
from tests.parts.object_store.running import RunningStore, object_store


@pytest.fixture(scope="module")
def counted_store() -> Iterator[RunningStore]:
    with object_store("--server", "moto", "--bucket", "models", "--egress", "8Mi") as running:
        yield running


def test_client_and_store_count_the_same_gets_and_bytes(store: RunningStore, tmp_path: Path) -> None:
    place = "s3://models/counted/ranker"
    upload(store.client(), folder_of(tmp_path / "m", {"a": some_bytes(9000), "deep/er/b": some_bytes(700)}), place)
    counter = DownloadCounter()

    download(store.client(), place, tmp_path / "one", counter=counter)
    download(store.client(), place, tmp_path / "two", counter=counter)

    record = (tmp_path / "one" / ".model.json").stat().st_size
    assert 2 * 3 == counter.gets(place) == store.counted("object_store_gets_total", model=place)
    assert 2 * (9700 + record) == counter.bytes(place)
    assert counter.bytes(place) == store.counted("object_store_get_bytes_total", model=place)


def test_heads_lists_and_uploads_are_no_downloads(store: RunningStore, tmp_path: Path) -> None:
    place = "s3://models/counted/only-looked-at"
    upload(store.client(), folder_of(tmp_path / "m", {"a": b"1"}), place)
    store.client().stat_object("models", "counted/only-looked-at/a")
    list(store.client().list_objects("models", "counted/only-looked-at/"))

    assert store.counted("object_store_gets_total", model=place) == 0
    assert store.counted("object_store_requests_total", method="HEAD", status="200") > 0


def test_pods_that_start_at_once_each_take_the_whole_model_and_share_the_link(
    counted_store: RunningStore, tmp_path: Path
) -> None:
    place, pods, size = "s3://models/storm", 4, 2 * MIB
    upload(counted_store.client(), folder_of(tmp_path / "m", {"weights.bin": some_bytes(size)}), place)

    with ThreadPoolExecutor(pods) as pool:
        done = list(pool.map(lambda n: download(counted_store.client(), place, tmp_path / f"pod-{n}"), range(pods)))

    record = (tmp_path / "pod-0" / ".model.json").stat().st_size
    assert [size] * pods == [one.bytes for one in done]
    assert pods * (size + record) == counted_store.counted("object_store_get_bytes_total", model=place)
    assert pods * 2 == counted_store.counted("object_store_gets_total", model=place)
    assert 2 <= counted_store.counted("object_store_gets_in_flight_peak", model=place) <= pods
    assert counted_store.counted("object_store_gets_in_flight", model=place) == 0


def test_what_a_server_registers_says_how_downloads_ended(store: RunningStore, tmp_path: Path) -> None:
    place, counter, registry = "s3://models/counted/ended", DownloadCounter(), CollectorRegistry()
    registry.register(counter)
    upload(store.client(), folder_of(tmp_path / "m", {"a": b"12345"}), place)
    download(store.client(), place, tmp_path / "got", counter=counter)
    with pytest.raises(ModelRefused):
        download(store.client(), place, tmp_path / "no", "sha256:" + "0" * 64, counter=counter)

    text = generate_latest(registry).decode()

    assert f'model_downloads_total{{model="{place}",outcome="complete"}} 1.0' in text
    assert f'model_downloads_total{{model="{place}",outcome="refused"}} 1.0' in text
    assert f'model_download_gets_total{{model="{place}"}} 3.0' in text


def test_an_object_counts_for_the_model_whose_record_was_seen_else_for_its_folder() -> None:
    tally = Tally()

    assert tally.model_of("GET", "/models/ranker/v2/deep/a%20b.bin", 200) == "s3://models/ranker/v2/deep"
    assert tally.model_of("PUT", "/models/ranker/v2/.model.json", 200) is None
    assert tally.model_of("GET", "/models/ranker/v2/deep/a%20b.bin?versionId=1&X-Amz-Date=2", 206) == (
        "s3://models/ranker/v2"
    )


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("GET", "/models/ranker/a", 404),
        ("GET", "/models/ranker/a", 304),
        ("HEAD", "/models/ranker/a", 200),
        ("GET", "/models/ranker/a?tagging", 200),
        ("GET", "/models/ranker/a?uploadId=1", 200),
        ("GET", "/models?list-type=2", 200),
        ("GET", "/", 200),
    ],
)
def test_what_is_no_object_is_not_counted_as_one(method: str, path: str, status: int) -> None:
    assert Tally().model_of(method, path, status) is None


def test_keys_of_any_number_do_not_fill_the_counters() -> None:
    tally = Tally()
    labels = {tally.model_of("GET", f"/models/{number}/a", 200) for number in range(MOST_MODELS + 5)}

    assert len(labels) == MOST_MODELS + 1
    assert OTHER in labels


def test_a_link_is_shared_by_those_who_wait_and_not_saved_up() -> None:
    link = Pace(100.0)

    assert [link.wait_s(100, 0.0), link.wait_s(100, 0.0), link.wait_s(100, 10.0)] == [1.0, 2.0, 1.0]
    assert Pace(0.0).wait_s(10**9, 0.0) == 0.0
