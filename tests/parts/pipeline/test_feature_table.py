"""AI FEATURE: rows out = rows in, features know no future, and the table's bytes depend on nothing but the log."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fixtures.pipeline.feature_table import Accounting, Impression, feature_rows, from_csv, read_log, to_csv
from fixtures.pipeline.service_log import COUNTS, DAY_MS, LogSettings, write_log
from sandbox.errors import InternalError, UsageError


def impression(**changes: object) -> str:
    values = {
        "at_ms": 5,
        "service": "ranker",
        "request": "r1",
        "item": "i1",
        "position": 1,
        "match": 0.5,
        "price": 9.99,
        "age_days": 3,
        "clicked": 0,
    }
    return json.dumps(values | changes)


def log_of(folder: Path, files: dict[str, Sequence[str]]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, lines in files.items():
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    (folder / COUNTS).write_text(json.dumps({name: len(lines) for name, lines in files.items()}), encoding="utf-8")
    return folder


def test_every_row_of_a_generated_log_is_accounted_for(tmp_path: Path) -> None:
    counts = write_log(tmp_path, LogSettings())
    impressions, accounting = read_log(tmp_path)

    assert sum(counts.values()) == accounting.rows_in
    assert sum(accounting.as_dict().values()) == 2 * accounting.rows_in
    assert len(impressions) == accounting.impressions == len(feature_rows(impressions))
    assert min(accounting.as_dict().values()) > 10


BROKEN = (
    "",
    "{\u2028\x0b",  # line ends to str.splitlines, not to whoever counted rows
    "[1]",
    "null",
    '{"service": 3}',
    impression(position=0),
    impression(position=True),
    impression(position=1.5),
    impression(price=0),
    impression(price=float("inf")),
    impression(match=float("nan")),
    impression(match="high"),
    impression(age_days=-1),
    impression(clicked=2),
    impression(request=None),
)


@pytest.mark.parametrize("line", BROKEN)
def test_a_row_that_is_no_impression_is_counted_as_unreadable(tmp_path: Path, line: str) -> None:
    impressions, accounting = read_log(log_of(tmp_path, {"a.jsonl": [line, impression()]}))

    assert Accounting(rows_in=2, impressions=1, other_services=0, repeated=0, unreadable=1) == accounting
    assert ["r1"] == [one.request for one in impressions]


@given(st.lists(st.sampled_from([*BROKEN, impression(), impression(request="r2"), impression(service="ads")])))
def test_rows_out_are_rows_in_whatever_arrives(tmp_path_factory: pytest.TempPathFactory, lines: list[str]) -> None:
    impressions, accounting = read_log(log_of(tmp_path_factory.mktemp("log"), {"a.jsonl": lines}))

    placed = accounting.impressions + accounting.other_services + accounting.repeated + accounting.unreadable
    assert len(lines) == accounting.rows_in == placed
    assert len(impressions) == accounting.impressions == len({one.request for one in impressions})


@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_log_with_lost_or_added_rows_is_refused(tmp_path: Path, kept: int) -> None:
    log = log_of(tmp_path, {"a.jsonl": [impression(), impression(request="r2")]})
    (log / "a.jsonl").write_text((impression() + "\n") * kept, encoding="utf-8")

    with pytest.raises(UsageError, match=f"the log has {kept} rows, but its rows.json says 2"):
        read_log(log)


def test_an_accounting_that_does_not_add_up_is_a_defect() -> None:
    with pytest.raises(InternalError, match="3 rows are accounted for, of 4"):
        Accounting(rows_in=4, impressions=1, other_services=1, repeated=1, unreadable=0).check(4)


def test_the_same_rows_in_other_files_and_another_order_give_the_same_table(tmp_path: Path) -> None:
    write_log(tmp_path, LogSettings(days=2, requests=30))
    lines = [line for day in ("01", "02") for line in (tmp_path / f"2026-11-{day}.jsonl").read_text().splitlines()]
    shuffled = sorted(lines, key=lambda line: line[::-1])
    other = log_of(tmp_path / "other", {"x.jsonl": shuffled[:100], "y.jsonl": shuffled[100:]})

    assert to_csv(feature_rows(read_log(tmp_path)[0])) == to_csv(feature_rows(read_log(other)[0]))


def test_an_items_click_ratio_counts_earlier_days_only() -> None:
    days = [0, 0, 1, 1, 2]  # i1 is clicked each time
    shown = [
        Impression(day * DAY_MS + i, f"r{i}", "i1", 1, 0.5, price=math.e, age_days=0, clicked=1)
        for i, day in enumerate(days)
    ]
    ratios = [row.features[3] for row in feature_rows(shown)]

    nothing, two, four = (round((clicks + 3) / (clicks + 30), 6) for clicks in (0, 2, 4))
    assert [nothing, nothing, two, two, four] == ratios


def test_features_are_what_their_names_say() -> None:
    row = feature_rows([Impression(0, "r", "i", 4, 0.25, price=20.0, age_days=9, clicked=1)])[0]

    assert (0.25, 2.995732, 2.302585, 0.1, 1.386294) == row.features
    assert ("r", 4, 1) == (row.request, row.position, row.clicked)


def test_a_table_is_read_as_it_was_written_and_another_file_refused(tmp_path: Path) -> None:
    write_log(tmp_path, LogSettings(days=1, requests=20))
    rows = feature_rows(read_log(tmp_path)[0])

    assert rows == from_csv(to_csv(rows))
    with pytest.raises(UsageError, match="not a table of features"):
        from_csv("a,b\n1,2\n")
