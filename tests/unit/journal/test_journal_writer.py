"""What is written can be read, also when the writer was killed, and equal content has an equal digest."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import numpy as np
import pytest

from sandbox.errors import InternalError, UsageError
from sandbox.journal.journal import Journal
from sandbox.journal.schema import COUNT, GAUGE, HIST, Gauge, RecordKind, Role, Series
from sandbox.journal.writer import JournalWriter

RANKER = Series("ranker-predictor-00001", Role.ENTRY, "ranker", "predictor")
OTHER = Series("other-00001", Role.ENTRY, "other", "")


def count_row(second: int, n: int = 1) -> np.ndarray:
    return np.array([(second, 0, 1, -1, n)], COUNT)


def write_small(folder: Path, n: int = 1, revision: str = "ranker-predictor-00001", **meta: object) -> Journal:
    with JournalWriter(folder, meta) as writer:
        writer.series(Series(revision, Role.ENTRY, "ranker", "predictor"))
        writer.counts(count_row(0, n))
        writer.record(0.5, RecordKind.MARK, name="m")
    return Journal.open(folder)


def test_rows_records_and_series_come_back_as_written(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {"scenario": "s", "seed": 7}) as writer:
        assert (writer.series(RANKER), writer.series(OTHER), writer.series(RANKER)) == (0, 1, 0)
        writer.counts(count_row(3, 5))
        writer.hist(np.array([(3, 1, 640, 2)], HIST))
        writer.gauges(np.array([(3, 1, Gauge.READY, 2.5)], GAUGE))
        writer.record(3.25, RecordKind.EVENT, object="pod/x", reason="Started", message="é")
        writer.close("completed", requests=5)

    journal = Journal.open(tmp_path)

    assert journal.series == (RANKER, OTHER)
    assert journal.counts.tolist() == [(3, 0, 1, -1, 5)]
    assert journal.hist.tolist() == [(3, 1, 640, 2)]
    assert journal.gauges.tolist() == [(3, 1, 2, 2.5)]
    assert journal.events == ({"t_s": 3.25, "kind": "event", "object": "pod/x", "reason": "Started", "message": "é"},)
    assert (journal.meta["scenario"], journal.meta["seed"], journal.ended) == ("s", 7, "completed")
    assert journal.totals == {"requests": 5}


def test_a_caller_may_reuse_its_array(tmp_path: Path) -> None:
    rows = count_row(0, 1)
    with JournalWriter(tmp_path, {}) as writer:
        writer.counts(rows)
        rows["n"] = 99
        writer.counts(rows)

    assert Journal.open(tmp_path).counts["n"].tolist() == [1, 99]


def test_a_record_is_one_canonical_line(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        writer.record(1, RecordKind.DECISION, z=np.int64(3), a=np.float64(0.1), kind2=Gauge.READY, flag=np.bool_(True))

    assert (tmp_path / "records.jsonl").read_text() == (
        '{"a":0.1,"flag":true,"kind":"decision","kind2":2,"t_s":1.0,"z":3}\n'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, object()])
def test_what_json_cannot_hold_is_refused(tmp_path: Path, value: object) -> None:
    with JournalWriter(tmp_path, {}) as writer, pytest.raises(InternalError, match="cannot be written to a journal"):
        writer.record(0, RecordKind.NOTE, value=value)


def test_rows_of_another_type_are_refused(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer, pytest.raises(InternalError, match="wrong type"):
        writer.hist(count_row(0))


def test_empty_rows_write_nothing(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        writer.counts(np.empty(0, COUNT))

    assert len(Journal.open(tmp_path).counts) == 0


def test_the_writers_own_keys_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match="itself"):
        JournalWriter(tmp_path, {"series": []})


def test_a_meta_that_is_no_json_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r"meta\.json cannot hold this"):
        JournalWriter(tmp_path, {"scenario": object()})


def test_enums_are_written_as_their_values(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        writer.record(0, RecordKind.NOTE, role=Role.INNER, text="x")

    journal = Journal.open(tmp_path)

    assert journal.notes == ({"t_s": 0.0, "kind": "note", "role": "inner", "text": "x"},)
    assert (journal.pods, journal.decisions) == ((), ())


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer, pytest.raises(InternalError, match="three ways"):
        writer.close("finished")


@pytest.mark.parametrize("error, ended", [(KeyboardInterrupt, "interrupted"), (RuntimeError, "failed")])
def test_an_exception_closes_the_journal_and_says_so(tmp_path: Path, error: type[BaseException], ended: str) -> None:
    def play() -> None:
        with JournalWriter(tmp_path, {"duration_s": 600}) as writer:
            writer.counts(count_row(4))
            raise error

    with pytest.raises(error):
        play()

    journal = Journal.open(tmp_path)

    assert (journal.ended, len(journal.counts), journal.duration_s) == (ended, 1, 5.0)
    assert journal.digest == journal.digest_of_files()


def test_the_first_close_counts(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        writer.close("failed", why="x")

    assert Journal.open(tmp_path).ended == "failed"


def test_equal_content_has_an_equal_digest_whatever_the_meta_says(tmp_path: Path) -> None:
    first = write_small(tmp_path / "a", machine="one")
    second = write_small(tmp_path / "b", machine="two")

    assert first.digest == second.digest
    assert first.digest == first.digest_of_files()


@pytest.mark.parametrize("change", [{"n": 2}, {"revision": "ranker-predictor-00002"}])
def test_other_content_has_another_digest(tmp_path: Path, change: dict[str, object]) -> None:
    first = write_small(tmp_path / "a")
    second = write_small(tmp_path / "b", **change)  # type: ignore[arg-type]

    assert first.digest != second.digest


def test_flushing_at_other_moments_does_not_change_the_digest(
    tmp_path: Path, canary_writer: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    canary_writer(tmp_path / "rarely")
    monkeypatch.setattr("sandbox.journal.writer._FLUSH_BYTES", 1)
    canary_writer(tmp_path / "often")

    assert Journal.open(tmp_path / "rarely").digest == Journal.open(tmp_path / "often").digest


def test_an_older_journal_in_the_folder_is_replaced(tmp_path: Path) -> None:
    write_small(tmp_path, n=1)
    with JournalWriter(tmp_path, {}):
        journal = Journal.open(tmp_path)

        assert (journal.ended, len(journal.counts), journal.records) == ("running", 0, ())


def test_sixty_simulated_seconds_bring_rows_to_the_disk(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        writer.series(RANKER)
        for second in range(61):
            writer.counts(count_row(second))
        journal = Journal.open(tmp_path)

        assert (journal.ended, journal.series, len(journal.counts)) == ("running", (RANKER,), 61)


@pytest.mark.parametrize("name, cut", [("counts.bin", 5), ("records.jsonl", 3), ("gauges.bin", 15), ("hist.bin", 1)])
def test_a_file_cut_off_anywhere_stays_readable(
    tmp_path: Path, canary_writer: Callable[[Path], None], name: str, cut: int
) -> None:
    canary_writer(tmp_path)
    whole = Journal.open(tmp_path)
    sizes = {"counts.bin": len(whole.counts), "records.jsonl": len(whole.records), "gauges.bin": len(whole.gauges),
             "hist.bin": len(whole.hist)}  # fmt: skip
    path = tmp_path / name
    os.truncate(path, path.stat().st_size - cut)

    journal = Journal.open(tmp_path)
    left = {"counts.bin": len(journal.counts), "records.jsonl": len(journal.records),
            "gauges.bin": len(journal.gauges), "hist.bin": len(journal.hist)}  # fmt: skip

    assert left == {**sizes, name: sizes[name] - 1}
    assert journal.digest_of_files() != whole.digest


def test_a_killed_process_leaves_a_readable_journal(tmp_path: Path) -> None:
    program = f"""
import os, signal
import numpy as np
from pathlib import Path
from sandbox.journal.schema import COUNT, RecordKind, Role, Series
from sandbox.journal.writer import JournalWriter
writer = JournalWriter(Path({str(tmp_path)!r}), {{"scenario": "s"}})
writer.series(Series("r-00001", Role.ENTRY, "r", ""))
for second in range(100):
    writer.record(second, RecordKind.NOTE, text="x")
    writer.counts(np.array([(second, 0, 1, -1, 1)], COUNT))
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[3], check=False)

    journal = Journal.open(tmp_path)

    assert done.returncode == -signal.SIGKILL
    assert (journal.ended, journal.series[0].revision, len(journal.records)) == ("running", "r-00001", 61)
    assert len(journal.digest) == 64


def test_memory_stays_flat_over_200_000_rows(tmp_path: Path) -> None:
    rows = np.zeros(100, COUNT)
    with JournalWriter(tmp_path, {}) as writer:
        tracemalloc.start()
        try:
            for second in range(2_000):
                rows["second"] = second
                writer.counts(rows)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()

    assert len(Journal.open(tmp_path).counts) == 200_000
    assert peak < 4_000_000  # all rows together: 3.2 MB, twice that when joined; a window is a few kB


def test_an_append_costs_less_than_ten_microseconds(tmp_path: Path) -> None:
    rows = count_row(0)

    def once() -> float:
        with JournalWriter(tmp_path, {}) as writer:
            start = perf_counter()
            for _ in range(20_000):
                writer.counts(rows)
            return (perf_counter() - start) / 20_000

    assert min(once() for _ in range(5)) < 10e-6


@pytest.mark.parametrize("make, message", [
    (lambda folder: None, "no such folder"),
    (lambda folder: folder.mkdir(), "holds no journal"),
    (lambda folder: (folder.mkdir(), (folder / "meta.json").write_text("{")), "is not JSON"),
    (lambda folder: (folder.mkdir(), (folder / "meta.json").write_text("[]")), "not the meta.json of a journal"),
    (lambda folder: (folder.mkdir(), (folder / "meta.json").write_text('{"schema": 99}')), "another schema version"),
])  # fmt: skip
def test_what_is_no_journal_is_refused(tmp_path: Path, make: Callable[[Path], object], message: str) -> None:
    folder = tmp_path / "x"
    make(folder)

    with pytest.raises(UsageError, match=message):
        Journal.open(folder)


def test_a_bad_line_in_the_middle_is_named(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "records.jsonl").write_text('{"kind":"note","t_s":0.0}\nhello\n')

    with pytest.raises(UsageError, match=r"records\.jsonl:2: a line of the journal is no record"):
        _ = Journal.open(tmp_path).records


def test_a_bad_series_table_is_named(tmp_path: Path) -> None:
    write_small(tmp_path)
    meta = json.loads((tmp_path / "meta.json").read_text())
    meta["series"][0]["role"] = "nobody"
    (tmp_path / "meta.json").write_text(json.dumps(meta))

    with pytest.raises(UsageError, match="a series of the journal cannot be read"):
        _ = Journal.open(tmp_path).series


def test_rows_without_a_meta_are_still_there(tmp_path: Path) -> None:
    write_small(tmp_path)
    (tmp_path / "meta.json").unlink()

    journal = Journal.open(tmp_path)

    assert (journal.ended, journal.series, len(journal.counts), journal.marks) == ("running", (), 1, {"m": 0.5})


def test_rows_written_out_of_order_are_read_by_second(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        for second in (2, 0, 1):
            writer.counts(count_row(second, n=second + 10))

    assert Journal.open(tmp_path).counts["n"].tolist() == [10, 11, 12]


def test_a_completed_run_is_as_long_as_planned(tmp_path: Path) -> None:
    assert write_small(tmp_path, duration_s=600).duration_s == 600.0


def test_the_first_mark_of_a_name_counts(tmp_path: Path) -> None:
    with JournalWriter(tmp_path, {}) as writer:
        writer.record(1, RecordKind.MARK, name="half")
        writer.record(2, RecordKind.MARK, name="half")

    assert Journal.open(tmp_path).marks == {"half": 1.0}
