"""A download that stopped goes on: what is here is not asked for again, and is still verified."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.object_store.connect import connect
from fixtures.object_store.counting import DownloadCounter
from fixtures.object_store.download import download
from fixtures.object_store.errors import ModelRefused, StoreUnreachable
from fixtures.object_store.files import UNFINISHED
from fixtures.object_store.upload import upload
from tests.parts.object_store.cutting import Cutting
from tests.parts.object_store.models import MIB, folder_of, some_bytes
from tests.parts.object_store.running import RunningStore, object_store
from tests.parts.part import part

SIZE = 8 * MIB
PLACE = "s3://models/resume/ranker"


@pytest.fixture(scope="module")
def slow_store() -> Iterator[RunningStore]:
    """A store whose link carries 4 MiB a second, so that a download of 8 MiB can be killed in its middle."""
    with object_store("--server", "moto", "--bucket", "models", "--egress", "4Mi") as running:
        yield running


def wait_for_bytes(folder: Path, least: int, seconds: float = 30.0) -> int:
    """Until a .part file below folder has so many bytes."""
    until, found = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        found = sum(one.stat().st_size for one in folder.joinpath(UNFINISHED).glob("*.part"))
        if found >= least:
            return found
        time.sleep(0.01)
    raise AssertionError(f"waited {seconds} s for {least} bytes of a .part file; there are {found}")


def test_a_download_killed_in_the_middle_goes_on_from_there(slow_store: RunningStore, tmp_path: Path) -> None:
    content = some_bytes(SIZE)
    sent = upload(slow_store.client(), folder_of(tmp_path / "m", {"weights.bin": content}), PLACE)
    got = tmp_path / "got"
    with part("object_store", "download", PLACE, str(got), environment=slow_store.environment):
        wait_for_bytes(got, MIB)
    had = wait_for_bytes(got, MIB)
    before = slow_store.counted("object_store_get_bytes_total", model=PLACE)

    counter = DownloadCounter()
    done = download(slow_store.client(), PLACE, got, sent.digest, counter=counter)

    record = (got / ".model.json").stat().st_size
    asked = slow_store.counted("object_store_get_bytes_total", model=PLACE) - before
    assert MIB <= had < SIZE
    assert done.resumed_bytes == had
    assert asked == counter.bytes(PLACE) == SIZE - had + record
    assert asked < SIZE
    assert (got / "weights.bin").read_bytes() == content
    assert not (got / UNFINISHED).exists()


def test_a_connection_that_breaks_is_taken_up_within_the_same_download(store: RunningStore, tmp_path: Path) -> None:
    content = some_bytes(SIZE)
    sent = upload(store.client(), folder_of(tmp_path / "m", {"weights.bin": content}), PLACE)
    counter = DownloadCounter()

    with Cutting(store.endpoint, after_bytes=3 * MIB, times=2) as endpoint:
        client = connect(endpoint, store.access_key, store.secret_key, timeout_s=5)
        done = download(client, PLACE, tmp_path / "got", sent.digest, counter=counter)

    record = (tmp_path / "got" / ".model.json").stat().st_size
    assert done.resumed_bytes == 0
    assert counter.gets(PLACE) == 1 + 3
    assert counter.bytes(PLACE) == SIZE + record
    assert (tmp_path / "got" / "weights.bin").read_bytes() == content


def test_a_connection_that_breaks_without_progress_is_given_up_and_keeps_what_came(
    store: RunningStore, tmp_path: Path
) -> None:
    upload(store.client(), folder_of(tmp_path / "m", {"weights.bin": some_bytes(SIZE)}), PLACE)
    got = tmp_path / "got"

    with Cutting(store.endpoint, after_bytes=3 * MIB, times=1, dies=True) as endpoint:
        client = connect(endpoint, store.access_key, store.secret_key, timeout_s=5, tries=1)
        with pytest.raises(StoreUnreachable, match="did not answer"):
            download(client, PLACE, got, tries=1)
    kept = wait_for_bytes(got, MIB)

    assert download(store.client(), PLACE, got).resumed_bytes == kept


def test_files_that_are_whole_are_not_asked_for_again(store: RunningStore, tmp_path: Path) -> None:
    files = {"a": some_bytes(1000), "b": some_bytes(2000, seed=2)}
    upload(store.client(), folder_of(tmp_path / "m", files), PLACE)
    folder_of(tmp_path / "got", {"a": files["a"]})
    counter = DownloadCounter()

    done = download(store.client(), PLACE, tmp_path / "got", counter=counter)

    assert done.resumed_bytes == 1000
    assert counter.gets(PLACE) == 1 + 1


def test_a_beginning_that_is_wrong_costs_a_second_try_and_not_the_model(store: RunningStore, tmp_path: Path) -> None:
    content = some_bytes(MIB)
    sent = upload(store.client(), folder_of(tmp_path / "m", {"weights.bin": content}), PLACE)
    part = tmp_path / "got" / UNFINISHED / f"{sent.digest.removeprefix('sha256:')}.part"
    for rubbish in (b"x" * 1000, b"x" * MIB, b"x" * (MIB + 1)):
        folder_of(tmp_path / "got", {str(part): rubbish})

        done = download(store.client(), PLACE, tmp_path / "got", sent.digest)

        assert done.resumed_bytes == 0
        assert (tmp_path / "got" / "weights.bin").read_bytes() == content
        (tmp_path / "got" / "weights.bin").unlink()


def test_the_beginning_of_another_version_is_not_taken_for_this_ones(store: RunningStore, tmp_path: Path) -> None:
    got = tmp_path / "got"
    upload(store.client(), folder_of(tmp_path / "v1", {"weights.bin": some_bytes(SIZE, seed=1)}), PLACE)
    with Cutting(store.endpoint, after_bytes=3 * MIB, times=1, dies=True) as endpoint:
        client = connect(endpoint, store.access_key, store.secret_key, timeout_s=5, tries=1)
        with pytest.raises(StoreUnreachable):
            download(client, PLACE, got, tries=1)
    second = upload(store.client(), folder_of(tmp_path / "v2", {"weights.bin": some_bytes(SIZE, seed=2)}), PLACE)

    done = download(store.client(), PLACE, got, second.digest)

    assert (done.digest, done.resumed_bytes) == (second.digest, 0)


def test_two_processes_never_write_to_one_part_at_once(slow_store: RunningStore, tmp_path: Path) -> None:
    upload(slow_store.client(), folder_of(tmp_path / "m", {"weights.bin": some_bytes(SIZE, seed=3)}), PLACE)
    got = tmp_path / "got"
    with part("object_store", "download", PLACE, str(got), environment=slow_store.environment) as other:
        wait_for_bytes(got, MIB)
        with pytest.raises(StoreUnreachable, match="another process"):
            download(slow_store.client(), PLACE, got)

        assert other.wait() == 0
        assert '"resumed_bytes": 0' in other.stdout()


def test_a_folder_with_other_files_is_refused_and_left_alone(store: RunningStore, tmp_path: Path) -> None:
    upload(store.client(), folder_of(tmp_path / "m", {"weights.bin": b"1"}), PLACE)
    folder_of(tmp_path / "got", {"notes/mine.txt": b"keep me"})

    with pytest.raises(Exception, match="file that the model has not") as caught:
        download(store.client(), PLACE, tmp_path / "got")

    assert "notes/mine.txt" in str(caught.value)
    assert not isinstance(caught.value, ModelRefused)
    assert (tmp_path / "got" / "notes" / "mine.txt").read_bytes() == b"keep me"
