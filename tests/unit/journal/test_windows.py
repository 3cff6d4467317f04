"""Windows of a hand-made journal give the numbers that were written, and nothing passes on an empty one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sandbox.errors import UsageError
from sandbox.journal.journal import Journal
from sandbox.journal.measured import within
from sandbox.journal.run import Run
from sandbox.journal.schema import COUNT, GAUGE, NO_POD, Gauge, RecordKind, Role, Series, What
from sandbox.journal.statistics import binomial_interval
from sandbox.journal.window import EmptyWindow, Window
from sandbox.journal.writer import JournalWriter
from sandbox.scenario.model import Form

V1, V2, FRONT = "ranker-predictor-00001", "ranker-predictor-00002", "ranker-transformer-00001"


def span(window: Window) -> tuple[int, int]:
    return window.start_s, window.end_s


@pytest.mark.parametrize("make, expected", [
    (lambda run: run.whole, (0, 40)),
    (lambda run: run.before("cutover"), (0, 10)),
    (lambda run: run.after("cutover"), (11, 40)),
    (lambda run: run.before("cutover", seconds=5), (5, 10)),
    (lambda run: run.after("cutover", seconds=5), (11, 16)),
    (lambda run: run.after("cutover", seconds=5, skip=2.2), (13, 18)),
    (lambda run: run.before("cutover", requests=101), (7, 10)),
    (lambda run: run.after("cutover", requests=100), (11, 13)),
    (lambda run: run.between("cutover", "steady"), (11, 20)),
    (lambda run: run.at("cutover"), (10, 11)),
    (lambda run: run.last(3), (37, 40)),
    (lambda run: run.slice(1.5, 3.5), (2, 3)),
])  # fmt: skip
def test_windows_are_the_whole_seconds_beside_their_marks(canary: Run, make, expected: tuple[int, int]) -> None:  # type: ignore[no-untyped-def]
    assert span(make(canary)) == expected


def test_a_run_knows_its_variant(canary: Run) -> None:
    assert (canary.name, canary.form, canary.flows, canary.params) == ("canary", Form.FULL, (), {"rate": 50})
    assert (canary.marks, canary.duration_s) == ({"cutover": 10.5, "steady": 20.0}, 40.0)


def test_an_unknown_mark_lists_the_known_ones(canary: Run) -> None:
    with pytest.raises(UsageError, match=r"known marks: cutover \(10.5 s\), steady \(20 s\)"):
        canary.after("half")


@pytest.mark.parametrize("make, message", [
    (lambda run: run.after("cutover", requests=5000), r"1,350 requests arrived from 11 s to 40 s"),
    (lambda run: run.before("cutover", requests=501), r"500 requests arrived from 0 s to 10 s"),
    (lambda run: run.after("steady", seconds=21), r"the run goes from 0 s to 40 s"),
    (lambda run: run.before("cutover", seconds=11), r"the run goes from 0 s to 40 s"),
    (lambda run: run.after("cutover", seconds=5, requests=5), "not both"),
    (lambda run: run.after("cutover", requests=0), "at least 1"),
    (lambda run: run.after("cutover", requests=1, skip=35), "0 requests arrived"),
])  # fmt: skip
def test_a_window_that_does_not_fit_says_what_there_is(canary: Run, make, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(UsageError, match=message):
        make(canary)


def test_clients_see_the_entry_series_only(canary: Run) -> None:
    early = canary.before("cutover")

    assert (early.rate.value, early.offered.value, early.rate.n) == (50.0, 50.0, 500)
    assert early.rate.unit == "requests/s"
    assert early.statuses == {200: 500}
    assert early.errors == 0
    assert early.latency.max.value == pytest.approx(0.1, rel=0.01)
    assert early.latency.min.value == pytest.approx(0.001, rel=0.01)
    assert early.latency.mean.value == pytest.approx(0.0505, rel=0.01)
    assert early.latency.p90.value == pytest.approx(0.1, rel=0.01)
    assert early.latency.quantile(0.25).value == pytest.approx(0.001, rel=0.01)
    assert (early.latency.p50.n, early.latency.p99.unit) == (500, "s")


def test_errors_are_counted_and_their_share_has_an_interval(canary: Run) -> None:
    late = canary.after("cutover", seconds=20)

    assert late.errors == 40
    assert late.server_errors == 40
    assert late.statuses == {200: 960, 500: 40}
    assert late.error_ratio.value == 0.04
    assert within(late.error_ratio, 0.02, 0.08)


def test_the_cache_is_measured(canary: Run) -> None:
    early, late = canary.before("cutover"), canary.after("cutover", seconds=20)

    assert (early.cache.hit_ratio.value, late.cache.hit_ratio.value) == (0.5, 0.1)
    assert late.cache.hit_ratio <= 0.4 * early.cache.hit_ratio
    assert late.cache.lookups == 1000
    assert late.cache.stale_ratio.value == 0.0


def test_a_split_is_a_share_among_siblings(canary: Run) -> None:
    late = canary.after("cutover", seconds=20)
    share = late.share(V2)

    assert (share.value, share.n) == (0.4, 900)
    assert within(share.observed, *binomial_interval(share.n, 0.4))
    assert {name: one.value for name, one in late.of("ranker-predictor").split.items()} == {V1: 0.6, V2: 0.4}
    assert late.share("ranker").value == 1.0
    assert {name: one.value for name, one in late.split.items()} == {FRONT: 1.0}


def test_names_narrow_a_window(canary: Run) -> None:
    late = canary.after("cutover", seconds=20)

    assert late.of(V2).offered.value == 18.0
    assert late.of("predictor-00002").offered.value == 18.0
    assert late.of("ranker-predictor").offered.value == 45.0
    assert late.of("ranker").offered.value == 50.0
    assert late.of(f"{V2}.default").offered.value == 18.0
    assert late.of(V2).offered.label == f"offered of {V2}, after cutover (11–31 s)"


@pytest.mark.parametrize("name, message", [
    ("ranker-v2", f"known here: ranker, {V1}, {V2}, {FRONT}"),
    ("00001", "could be any of several revisions"),
])  # fmt: skip
def test_an_unknown_name_lists_the_known_ones(canary: Run, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        canary.whole.of(name)


def test_pods_are_exact(canary: Run) -> None:
    whole = canary.whole

    assert whole.pods(V2).peak == 2
    assert whole.pods(V2).min == 0
    assert whole.pods(V2).mean.value == 1.3
    assert whole.pods("ranker-predictor").last == 5
    assert whole.pods().peak == 6
    assert whole.pods("ranker").existing.peak == 6
    assert whole.pods(V1).terminating.peak == 0
    assert whole.desired(V1).last == 3
    assert whole.requested_cpu.peak == 3.0
    assert whole.requested_cpu.mean.value == pytest.approx(2.65)
    assert str(whole.pods(V2).ready.peak) == "2 pods"
    assert whole.series(Gauge.READY, V2)[13:15] == [(13, 0.0), (14, 2.0)]


def test_requests_inside_are_those_of_the_clients(canary: Run) -> None:
    assert canary.whole.in_flight.peak == 5  # the transformer's; its predictors have 5 each as well
    assert canary.whole.of("ranker-predictor").in_flight.peak == 10
    assert canary.whole.concurrency.mean == 5.5


def test_a_predictor_that_no_client_asks_does_not_count_beside_its_transformer(tmp_path: Path, canary: Run) -> None:
    with JournalWriter(tmp_path, {"duration_s": 1}) as writer:
        front, back = (writer.series(Series(name, Role.ENTRY, "ranker", name.split("-")[1])) for name in (FRONT, V1))
        writer.counts(np.array([(0, front, What.ARRIVED, NO_POD, 9), (0, front, 200, NO_POD, 9)], COUNT))
        levels = [(Gauge.IN_FLIGHT, 5), (Gauge.CONCURRENCY, 5.5)]
        writer.gauges(np.array([(0, index, *level) for index in (front, back) for level in levels], GAUGE))
    whole = Run(Journal.open(tmp_path), canary.variant).whole

    assert whole.in_flight.peak == 5
    assert whole.concurrency.mean == 5.5


def test_cold_starts_and_decisions_are_those_of_the_window(canary: Run) -> None:
    whole = canary.whole

    assert whole.cold_starts == 1
    assert whole.of(V1).cold_starts == 0
    assert canary.before("cutover").cold_starts == 0
    assert [one["outcome"] for one in whole.decisions(V2)] == [2]
    assert whole.decisions(V1) == []
    assert len(whole.records(RecordKind.POD)) == 2


def test_a_window_can_be_cut_into_pieces(canary: Run) -> None:
    assert [span(piece) for piece in canary.after("steady").each(8)] == [(20, 28), (28, 36)]
    assert [piece.rate.value for piece in canary.after("steady").each(8)] == [50.0, 50.0]


SILENT = [
    lambda w: w.rate, lambda w: w.offered, lambda w: w.errors, lambda w: w.server_errors, lambda w: w.error_ratio,
    lambda w: w.latency, lambda w: w.cache, lambda w: w.share(V2), lambda w: w.split, lambda w: w.requested_gpu,
    lambda w: w.requested_memory, lambda w: w.share("ranker"),
]  # fmt: skip


@pytest.mark.parametrize("ask", SILENT)
def test_nothing_is_measured_in_a_silent_window(canary: Run, ask) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EmptyWindow, match=r"in the window 'at the end \(38–40 s\)'"):
        ask(canary.last(2))


def test_pods_are_there_although_nobody_asks(canary: Run) -> None:
    assert canary.last(2).pods().last == 6
    assert canary.last(2).statuses == {}


@pytest.mark.parametrize("make", [
    lambda run: run.slice(3.2, 3.9), lambda run: run.between("steady", "cutover"), lambda run: run.last(0),
])  # fmt: skip
def test_a_window_of_no_seconds_is_refused(canary: Run, make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(EmptyWindow, match="holds no whole second"):
        make(canary)


def test_an_empty_journal_has_nothing_to_measure(tmp_path: Path, canary: Run) -> None:
    with JournalWriter(tmp_path, {"duration_s": 5}):
        pass
    run = Run(Journal.open(tmp_path), canary.variant)

    for ask in (lambda: run.whole.rate, lambda: run.whole.cold_starts, lambda: run.whole.pods().peak):
        with pytest.raises(EmptyWindow):
            ask()
    with pytest.raises(UsageError, match="known marks: none at all"):
        run.at("x")
    with pytest.raises(UsageError, match="nothing \\(no series"):
        run.whole.of("ranker")


def test_two_namespaces_are_kept_apart(tmp_path: Path, canary: Run) -> None:
    with JournalWriter(tmp_path, {"duration_s": 1}) as writer:
        for ready, namespace in enumerate(("a", "b"), 1):
            index = writer.series(Series("web-00001", Role.ENTRY, "web", "", namespace))
            writer.gauges(np.array([(0, index, Gauge.READY, ready)], GAUGE))
    whole = Run(Journal.open(tmp_path), canary.variant).whole

    assert [whole.pods(name).peak.value for name in ("web.a", "web.b", "web", "web-00001.b")] == [1, 2, 3, 2]
