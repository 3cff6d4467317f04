"""The generated service log: the same settings give the same bytes, and it has what shared logs have."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from fixtures.pipeline.service_log import COUNTS, OTHERS, RANKER, LogSettings, write_log
from sandbox.errors import UsageError


def written(folder: Path, **settings: int) -> dict[str, bytes]:
    folder.mkdir()
    write_log(folder, LogSettings(**settings))
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_same_settings_give_the_same_bytes_and_another_seed_others(tmp_path: Path) -> None:
    once, again = written(tmp_path / "a", seed=7), written(tmp_path / "b", seed=7)
    other = written(tmp_path / "c", seed=8)

    assert once == again
    assert set(once) == set(other)
    assert all(once[name] != other[name] for name in once)


def test_the_bytes_are_pinned_so_that_a_python_that_draws_otherwise_is_seen(tmp_path: Path) -> None:
    files = written(tmp_path / "log", seed=1, days=2, requests=50)
    digest = sha256(b"".join(content for _, content in sorted(files.items()))).hexdigest()

    assert "a9af772dcdfe7f0c" == digest[:16]


def test_each_file_has_as_many_rows_as_the_log_says(tmp_path: Path) -> None:
    files = written(tmp_path / "log", days=4)
    counts = json.loads(files.pop(COUNTS))

    assert ["2026-11-01.jsonl", "2026-11-02.jsonl", "2026-11-03.jsonl", "2026-11-04.jsonl"] == sorted(files)
    assert counts == {name: content.count(b"\n") for name, content in files.items()}
    assert min(counts.values()) > 1000


def test_it_has_other_services_repeated_rows_and_cut_ones(tmp_path: Path) -> None:
    files = written(tmp_path / "log", requests=1000)
    files.pop(COUNTS)
    lines = b"".join(files.values()).decode().splitlines()
    readable = [json.loads(line) for line in lines if line.endswith("}")]
    own = [line for line in lines if f'"service":"{RANKER}"' in line and line.endswith("}")]

    assert {RANKER, *OTHERS} == {one["service"] for one in readable}
    assert 0.003 < 1 - len(readable) / len(lines) < 0.008
    assert 0.006 < 1 - len(set(own)) / len(own) < 0.015


@pytest.mark.parametrize("wrong", [{"days": 0}, {"requests": 0}, {"shown": 1}, {"items": 5}, {"seed": -1}])
def test_settings_that_make_no_log_are_refused_with_the_rule(wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=f"{next(iter(wrong))} is at least"):
        LogSettings(**wrong)
