"""What every world owes: one body, run against each (see conftest.py). A new world is added there."""

from __future__ import annotations

import numpy as np
import pytest

from sandbox.errors import UsageError
from sandbox.journal.journal import Journal
from sandbox.journal.run import Run
from sandbox.journal.schema import Gauge, What
from sandbox.judge.session import judge
from sandbox.judge.verdict import Verdict


def test_the_same_scenario_file_passes_in_every_world(played):
    outcomes = judge(played)

    assert {one.test: (one.verdict, one.message) for one in outcomes} == {
        "test_each_step_sends_its_share_to_the_canary": (Verdict.PASS, ""),
        "test_nothing_fails": (Verdict.PASS, ""),
        "test_an_answer_takes_at_least_the_service_time": (Verdict.PASS, ""),
    }
    assert [len(one.checks) for one in outcomes] == [2, 2, 1]


def test_the_journal_says_what_was_played(played, world):
    for name, run in played.items():
        meta = run.journal.meta

        assert (meta["scenario"], meta["variant"], meta["world"]) == ("two_steps", name, world.name)
        assert (meta["seed"], meta["form"], run.journal.ended) == (1, "full", "completed")


def test_the_run_is_as_long_as_the_variant(played):
    for run in played.values():
        assert run.duration_s == pytest.approx(6.0, abs=0.5)


def test_marks_are_where_the_timeline_has_them(played):
    marks = played["canary"].marks

    assert list(marks) == ["first", "second", "over"]
    assert marks["first"] == pytest.approx(1.0, abs=0.3)
    assert marks["second"] == pytest.approx(3.0, abs=0.3)
    assert marks["over"] == pytest.approx(5.0, abs=0.3)


def test_the_offered_rate_is_what_the_scenario_asked_for(played):
    for run in played.values():
        assert run.whole.offered.value == pytest.approx(100, rel=0.05)


def test_at_every_second_arrived_is_answered_and_in_flight(played):
    for run in played.values():
        arrived = np.cumsum(_per_second(run, lambda what: what == What.ARRIVED))
        answered = np.cumsum(_per_second(run, lambda what: what >= 100))
        in_flight = [value for _, value in run.whole.series(Gauge.IN_FLIGHT)]

        assert (arrived - answered).tolist() == in_flight


def test_every_answer_has_a_latency_and_every_latency_is_positive(played):
    for run in played.values():
        answered = sum(run.whole.statuses.values())

        assert answered == int(run.journal.hist["n"].sum())
        assert run.whole.latency.min.value > 0
        assert run.whole.latency.p50.value <= run.whole.latency.p99.value


def test_without_a_canary_one_revision_gets_everything(played):
    split = {name: share.value for name, share in played["alone"].whole.split.items() if share.value}

    assert split == {"echo-predictor-00001": 1.0}


def test_each_revision_has_its_ready_pod(played):
    assert played["canary"].last(1).pods("echo-predictor-00001").min.value == 1
    assert played["canary"].last(1).pods("echo-predictor-00002").min.value == 1


def test_an_empty_window_raises_instead_of_passing(played):
    with pytest.raises(UsageError, match="no cache look-up happened"):
        played["alone"].whole.cache.hit_ratio  # noqa: B018


def test_an_unknown_mark_names_the_known_ones(played):
    with pytest.raises(UsageError, match="no mark 'frist'") as error:
        played["canary"].after("frist")

    assert "first" in str(error.value)


def test_the_journal_reads_back_the_same(played):
    for run in played.values():
        again = Journal.open(run.journal.folder)

        assert again.digest == run.journal.digest == run.journal.digest_of_files()


def _per_second(run: Run, wanted) -> np.ndarray:
    rows = run.journal.counts
    rows = rows[wanted(rows["what"])]
    return np.bincount(rows["second"], weights=rows["n"], minlength=int(run.duration_s))
