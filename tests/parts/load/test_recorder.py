"""Outcomes of real requests become the rows that the simulated world writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sandbox.journal.journal import Journal
from sandbox.journal.run import Run
from sandbox.journal.schema import Gauge, Role, What
from sandbox.journal.writer import JournalWriter
from sandbox.kind.load import Outcome, Recorder, Target
from sandbox.profiles import default_book
from sandbox.scenario.model import Variant


def outcome(at_s: float, took_s: float = 0.1, status: int = 200, **more: str) -> Outcome:
    return Outcome(
        number=0, flow=0, intended_s=at_s, started_s=at_s, ended_s=at_s + took_s, status=status, **more  # type: ignore[arg-type]
    )  # fmt: skip


def recorded(folder: Path, outcomes: list[Outcome], component: str = "predictor", seconds: int = 3) -> Run:
    with JournalWriter(folder, {"duration_s": float(seconds)}) as writer:
        recorder = Recorder(writer, {0: Target(service="m", component=component)})
        for one in outcomes:
            recorder.add(one)
        recorder.close(seconds)
    variant = Variant(
        scenario="s", name="v", objects=(), flows=(), steps=(), duration_s=float(seconds), profiles=default_book()
    )
    return Run(Journal(folder), variant)


def total(journal: Journal, what: int, role: Role = Role.ENTRY, revision: str = "") -> int:
    wanted = [i for i, one in enumerate(journal.series) if one.role is role and revision in ("", one.revision)]
    rows = journal.counts[np.isin(journal.counts["series"], wanted) & (journal.counts["what"] == what)]
    return int(rows["n"].sum())


def test_windows_read_a_real_run_as_they_read_a_simulated_one(tmp_path: Path) -> None:
    run = recorded(
        tmp_path,
        [
            outcome(0.0, revision="m-1", pod="a"),
            outcome(0.5, revision="m-2", pod="b"),
            outcome(1.2, status=503, revision="m-2", pod="b"),
            outcome(1.9, took_s=0.4, revision="m-1", pod="a"),
        ],
    )

    assert 4 == total(run.journal, What.ARRIVED)
    assert 1 == run.whole.errors.value
    assert 0.5 == run.whole.share("m-2").value
    assert abs(run.whole.latency.max.value - 0.4) < 0.008


def test_an_answer_counts_in_the_second_in_which_it_came(tmp_path: Path) -> None:
    counts = recorded(tmp_path, [outcome(0.9, took_s=0.4, revision="m-1", pod="a")]).journal.counts

    assert [0, 0, 1] == sorted(counts["second"].tolist())
    assert [1] == counts[counts["what"] == 200]["second"].tolist()


def test_misses_reach_the_predictor_and_hits_do_not(tmp_path: Path) -> None:
    who = {"revision": "m-t", "pod": "t", "inner_revision": "m-p", "inner_pod": "p"}
    run = recorded(
        tmp_path,
        [
            outcome(0.0, cache="miss", model="A", **who),
            outcome(1.0, cache="hit", model="A", **who),
            outcome(1.1, cache="shared", model="A", **who),
        ],
        "transformer",
    )

    assert (1, 2) == (total(run.journal, What.HIT), total(run.journal, What.MISS))
    assert 1 == total(run.journal, What.ARRIVED, Role.INNER, "m-p")
    assert 3 == total(run.journal, What.ARRIVED)


def test_a_hit_is_stale_when_another_model_was_heard_last(tmp_path: Path) -> None:
    run = recorded(
        tmp_path,
        [
            outcome(0.0, cache="miss", model="A", revision="t"),
            outcome(0.5, cache="hit", model="A", revision="t"),
            outcome(1.0, cache="miss", model="B", revision="t"),
            outcome(1.5, cache="hit", model="A", revision="t"),
        ],
    )

    assert 1 == total(run.journal, What.STALE)


def test_a_request_without_an_answer_is_an_error_of_its_service(tmp_path: Path) -> None:
    run = recorded(tmp_path, [outcome(0.0, status=0), outcome(1.0, revision="m-1", pod="a")])

    assert 1 == run.whole.errors.value
    assert 1 == total(run.journal, 599, revision="(no answer)")


def test_concurrency_is_integrated_and_in_flight_read_at_the_seconds_end(tmp_path: Path) -> None:
    run = recorded(tmp_path, [outcome(0.5, took_s=1.0, revision="m-1", pod="a"), outcome(2.0, 0.25, revision="m-1")])
    gauges = run.journal.gauges

    assert [0.5, 0.5, 0.25] == gauges[gauges["what"] == Gauge.CONCURRENCY]["value"].tolist()
    assert [1.0, 1.0, 0.0] == gauges[gauges["what"] == Gauge.IN_FLIGHT]["value"].tolist()  # the third begins at 2.0


def test_what_was_flushed_is_there_though_the_run_never_ended(tmp_path: Path) -> None:
    writer = JournalWriter(tmp_path, {"duration_s": 9.0})
    recorder = Recorder(writer, {0: Target(service="m")})
    recorder.add(outcome(0.0, revision="m-1", pod="a"))
    recorder.flush()
    writer.flush()

    journal = Journal(tmp_path)
    assert "running" == journal.ended
    assert 1 == total(journal, What.ARRIVED)
    writer.close("failed")
