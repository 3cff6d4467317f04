"""Rows, charts and findings of hand-made journals whose numbers are known."""

import json
import math

import numpy as np
import pytest

from sandbox.journal.journal import Journal
from sandbox.journal.run import Run
from sandbox.journal.schema import COUNT, GAUGE, HIST, NO_POD, Gauge, RecordKind, Role, Series, What, bucket_of
from sandbox.journal.writer import JournalWriter
from sandbox.profiles import default_book
from sandbox.report.chart import WIDTH, bar_chart, level_chart
from sandbox.report.findings import findings
from sandbox.report.timeline import Row, row_length_s, rows_of
from sandbox.report.trial import TrialReport, totals_of, trial_json, trial_text
from sandbox.scenario.model import Variant

FRONT = Series("m-transformer-00001", Role.ENTRY, "m", "transformer")
OLD = Series("m-transformer-00000", Role.ENTRY, "m", "transformer")  # a revision without a share
BACK = Series("m-predictor-00001", Role.INNER, "m", "predictor")
BACK_ENTRY = Series("m-predictor-00001", Role.ENTRY, "m", "predictor")  # in the table, never asked by a client
NO_ROUTE = Series("(no route)", Role.ENTRY, "(no route)", "")


class Book:
    """Writes a journal second by second."""

    def __init__(self, writer: JournalWriter) -> None:
        self.writer = writer
        for one in (FRONT, OLD, BACK, BACK_ENTRY):
            writer.series(one)

    def second(self, t_s: int, series: Series, *, ms=(), status=200, arrived=None, **gauges: float) -> None:
        index = self.writer.series(series)
        asked = len(ms) if arrived is None else arrived
        counts = [(What.ARRIVED, asked), (status, len(ms) if status == 200 else asked)]
        self.writer.counts(np.array([(t_s, index, what, NO_POD, n) for what, n in counts if n], dtype=COUNT))
        rows = [(t_s, index, bucket_of(round(one * 1e6)), 1) for one in ms]
        self.writer.hist(np.array(rows, dtype=HIST))
        levels = [(t_s, index, Gauge[name.upper()], value) for name, value in gauges.items()]
        self.writer.gauges(np.array(levels, dtype=GAUGE))


@pytest.fixture
def journal(tmp_path):
    """A function that plays `write(book)` into a journal of so many seconds."""

    def make(write, duration_s: float = 4) -> Journal:
        with JournalWriter(tmp_path / "j", {"duration_s": duration_s}) as writer:
            write(Book(writer))
        return Journal.open(tmp_path / "j")

    return make


def four_seconds(book: Book) -> None:
    """2 requests, then 100, then only errors, then nothing. A second pod is wanted at 1 s and there at 2 s."""
    common = {"percent": 100, "pods": 1}
    book.second(0, FRONT, ms=[10, 20], desired=1, ready=1, concurrency=0.5, **common)
    book.second(1, FRONT, ms=[*range(1, 101)], desired=2, ready=1, concurrency=5.5, **common)
    book.second(2, FRONT, arrived=7, status=503, desired=2, ready=2, concurrency=0, **common)
    book.second(3, FRONT, desired=2, ready=2, concurrency=0, **common)
    for t_s in range(4):
        book.second(t_s, OLD, desired=5, ready=5, percent=0, concurrency=0)
        book.second(t_s, BACK, ms=[1, 1, 1], desired=9, ready=9, percent=100, concurrency=3)
    book.writer.record(2.2, RecordKind.POD, pod=2, phase="Ready", cold=True)
    book.writer.record(2.3, RecordKind.POD, pod=3, phase="Ready", cold=False)


def test_a_row_for_every_second_with_what_clients_asked_and_got(journal):
    rows = rows_of(journal(four_seconds))

    assert [row.t_s for row in rows] == [0, 1, 2, 3]
    assert [row.offered_per_s for row in rows] == [2, 100, 7, 0]
    assert [row.answered_per_s for row in rows] == [2, 100, 7, 0]
    assert [row.errors_per_s for row in rows] == [0, 0, 7, 0]
    assert [row.concurrency for row in rows] == [0.5, 5.5, 0, 0]
    assert [row.cold_starts for row in rows] == [0, 0, 1, 0]


def test_percentiles_are_those_of_the_buckets_and_none_without_answers(journal):
    rows = rows_of(journal(four_seconds))

    assert [row.p50_ms for row in rows] == [pytest.approx(10, rel=0.008), pytest.approx(50, rel=0.008), None, None]
    assert [row.p99_ms for row in rows] == [pytest.approx(20, rel=0.008), pytest.approx(99, rel=0.008), None, None]


def test_pods_are_those_of_the_revisions_in_front_that_have_a_share(journal):
    rows = rows_of(journal(four_seconds))

    assert [(row.desired_pods, row.ready_pods) for row in rows] == [(1, 1), (2, 1), (2, 2), (2, 2)]


def test_longer_rows_average_rates_and_end_with_the_last_pods(journal):
    rows = rows_of(journal(four_seconds, duration_s=3.5), 3)

    assert [(row.t_s, row.offered_per_s, row.ready_pods, row.concurrency) for row in rows] == [
        (0, pytest.approx(109 / 3, abs=0.001), 2, 2),
        (3, 0, 2, 0),
    ]
    # 102 answers: 1..100 ms, and 10 and 20 once more; rank 51 is 49 ms, rank 101 is 99 ms
    assert rows[0].p50_ms == pytest.approx(49, rel=0.008)
    assert rows[0].p99_ms == pytest.approx(99, rel=0.008)


def test_percentiles_of_rows_equal_those_of_windows(journal):
    random = np.random.default_rng(7)

    def write(book):
        for t_s in range(20):
            book.second(t_s, FRONT, ms=random.lognormal(3, 1, random.integers(1, 400)), ready=1)

    played = journal(write, duration_s=20)
    run = Run(played, _variant())
    rows = rows_of(played, 5)

    assert len(rows) == 4
    for row in rows:
        latency = run.slice(row.t_s, row.t_s + 5).latency
        assert (row.p50_ms, row.p99_ms) == (
            pytest.approx(1000 * latency.p50.value, abs=0.001),
            pytest.approx(1000 * latency.p99.value, abs=0.001),
        )


def test_where_nothing_decides_the_existing_pods_are_the_desired_ones(journal):
    rows = rows_of(journal(lambda book: book.second(0, FRONT, ms=[1], ready=2, pods=3), duration_s=1))

    assert [(row.desired_pods, row.ready_pods) for row in rows] == [(3, 2)]


def test_without_any_request_the_transformer_stands_in_front(journal):
    def write(book):
        book.second(0, FRONT, ready=1, desired=1)
        book.second(0, BACK, ready=4, desired=4)

    assert [row.ready_pods for row in rows_of(journal(write, duration_s=1))] == [1]


def test_a_journal_without_a_second_has_no_rows(journal):
    played = journal(lambda book: None, duration_s=0)

    assert rows_of(played) == []
    assert totals_of(_report(played), [])["offered"] == 0
    assert "0 offered, 0 answered (none)" in trial_text(_report(played))


@pytest.mark.parametrize("duration_s, length_s", [(1, 1), (30, 1), (31, 2), (600, 20), (3600, 120), (1e8, 3_333_334)])
def test_a_table_has_at_most_thirty_rows(duration_s, length_s):
    assert row_length_s(duration_s) == length_s
    assert math.ceil(duration_s / length_s) <= 30


# -- charts --------------------------------------------------------------------------------------------------


def test_a_bar_chart_fills_its_columns_in_proportion():
    lines = bar_chart("rate", [0, 4, 8], 3, height=2)
    third = WIDTH // 3

    assert lines == [
        "rate",
        f"        8 │{' ' * third}{' ' * third}{'█' * third}",
        f"          │{' ' * third}{'█' * third}{'█' * third}",
        f"        0 └{'─' * WIDTH}",
        f"           0 s{' ' * (WIDTH - 6)}3 s",
    ]


def test_many_values_are_averaged_and_anything_above_zero_is_seen():
    lines = bar_chart("rate", [0, 0.01] * WIDTH + [100] * 2 * WIDTH, 60, height=2)

    assert lines[1:3] == [f"      100 │{' ' * 33}{'█' * 33}", f"          │{'▁' * 33}{'█' * 33}"]


def test_pods_that_are_wanted_beyond_the_ready_ones_are_lighter():
    lines = level_chart("pods", [1] * WIDTH, [2] * WIDTH, 60, height=2)

    assert lines[1:3] == [f"        2 │{'░' * WIDTH}", f"          │{'█' * WIDTH}"]


def test_charts_of_nothing_are_empty():
    assert [line.rstrip() for line in bar_chart("rate", [], 0, height=1)][1:3] == ["        1 │", "        0 └"]
    assert level_chart("pods", [0, 0], [0, 0], 2, height=1)[1] == "        1 │"


@pytest.mark.parametrize("seconds", [1, 7, 65, 66, 67, 600, 86_400])
def test_charts_fit_80_columns(seconds):
    lines = [
        *bar_chart("rate", [1500] * seconds, seconds),
        *level_chart("pods", [1000] * seconds, [2000] * seconds, seconds),
    ]

    assert max(len(line) for line in lines) <= 80


# -- findings and the whole ----------------------------------------------------------------------------------


def test_findings_tell_each_thing_once(journal):
    def write(book):
        record = book.writer.record
        record(-5, RecordKind.NOTE, text="capacity is unlimited")
        record(-5, RecordKind.NOTE, text="capacity is unlimited")
        record(-4, RecordKind.EVENT, object="pod/a", reason="FailedScheduling", message="0/1 nodes are available")
        record(3, RecordKind.EVENT, object="pod/b", reason="FailedScheduling", message="0/1 nodes are available")
        record(3, RecordKind.EVENT, object="revision/m", reason="ScalingReplicaSet", message="Scaled from 0 to 1")
        condition = {"kind": RecordKind.OBJECT, "object": "route/m", "event": "condition", "type": "AllTrafficAssigned"}
        record(1, **condition, status="False", reason="RevisionMissing", message='Revision "m-9" not found.')
        ready = {**condition, "object": "revision/m", "type": "Ready"}
        record(1, **ready, status="Unknown", reason="Deploying")
        record(2, **ready, status="True", reason="")
        record(2, **{**condition, "object": "podautoscaler/m", "type": "Active"}, status="False", reason="NoTraffic")
        book.second(1, NO_ROUTE, arrived=3, status=404)

    assert findings(journal(write)) == [
        "capacity is unlimited",
        'route/m: AllTrafficAssigned is False, RevisionMissing: Revision "m-9" not found. (since 1 s)',
        "3 requests met no ready route and were answered 404",
        "FailedScheduling, 2 times, first pod/a before the load: 0/1 nodes are available",
    ]


def test_json_has_rows_totals_and_decisions(journal):
    def write(book):
        four_seconds(book)
        book.writer.record(1, RecordKind.DECISION, revision="m", formula="ceil(2 / 1) = 2 → 2", outcome=2)

    played = journal(write)
    document = json.loads(trial_json(_report(played)))

    assert [set(row) for row in document["rows"]] == [set(Row.__dataclass_fields__)] * 4
    assert document["totals"] == {
        "duration_s": 4,
        "ended": "completed",
        "seed": 1,
        "journal_digest": played.digest,
        "offered": 109,
        "answered": 109,
        "in_flight_at_end": None,
        "errors": 7,
        "error_ratio": 7 / 109,
        "statuses": {"200": 102, "503": 7},
        "p50_ms": pytest.approx(49, rel=0.008),
        "p99_ms": pytest.approx(99, rel=0.008),
        "cold_starts": 1,
        "peak_desired_pods": 2,
        "peak_ready_pods": 2,
        "cache_hit_ratio": None,
    }
    assert document["decisions"] == [
        {"t_s": 1, "kind": "decision", "revision": "m", "formula": "ceil(2 / 1) = 2 → 2", "outcome": 2}
    ]


def test_many_decisions_are_cut_in_the_middle_unless_all_are_wanted(journal):
    def write(book):
        for t_s in range(20):
            book.writer.record(t_s, RecordKind.DECISION, revision="m", formula=f"→ {t_s}", outcome=t_s)

    report = _report(journal(write))
    short, full = trial_text(report), trial_text(report, all_decisions=True)

    assert "scaling decisions that changed something: 20\n  t=0 s  m  → 0\n" in short
    assert "  t=7 s  m  → 7\n  … 8 more between them (--all-decisions shows them)\n  t=16 s  m  → 16\n" in short
    assert "  t=8 s  m  → 8\n" in full
    assert "more between" not in full


def test_the_text_has_every_part_and_fits_80_columns(journal):
    def write(book):
        four_seconds(book)
        index = book.writer.series(FRONT)
        looked_up = [(1, index, What.HIT, NO_POD, 3), (1, index, What.MISS, NO_POD, 1)]
        book.writer.counts(np.array(looked_up, dtype=COUNT))

    text = trial_text(_report(journal(write)))

    assert text.startswith("m: 2 requests/s, seed 1\n  Poisson arrivals\n\n")
    assert "    1 s      100      100       0       2     1     5.5  50.1 ms  99.1 ms      0\n" in text
    assert "  requests     109 offered, 109 answered (102 × 200, 7 × 503)\n  errors       7 (6.42 %)\n" in text
    assert "  cache        75 % of the look-ups hit\n" in text
    assert max(len(line) for line in text.splitlines()) <= 80


def _variant() -> Variant:
    return Variant(
        scenario="s", name="v", objects=(), flows=(), steps=(), duration_s=20.0, profiles=default_book()
    )  # fmt: skip


def _report(journal: Journal) -> TrialReport:
    return TrialReport(journal=journal, target="m", load="2 requests/s", seed=1, assumptions=("Poisson arrivals",))
