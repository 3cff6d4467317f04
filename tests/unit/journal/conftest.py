"""A hand-made journal: two revisions, one mark at 10 s, all numbers known."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from sandbox.journal.journal import Journal
from sandbox.journal.run import Run
from sandbox.journal.schema import (
    COUNT,
    GAUGE,
    HIST,
    NO_POD,
    Gauge,
    RecordKind,
    Role,
    Series,
    What,
    bucket_of,
)
from sandbox.journal.writer import JournalWriter
from sandbox.profiles import Distribution, ModelProfile, ProfileBook
from sandbox.scenario.model import Variant

V1, V2 = "ranker-predictor-00001", "ranker-predictor-00002"
FRONT = "ranker-transformer-00001"
MARK_S, LENGTH_S, RATE = 10.5, 40, 50


class Book:
    """Writes rows one by one, for readable tests."""

    def __init__(self, writer: JournalWriter) -> None:
        self.writer = writer

    def counts(self, second: int, series: int, pairs: Iterable[tuple[int, int]]) -> None:
        rows = [(second, series, what, NO_POD, n) for what, n in pairs]
        self.writer.counts(np.array(rows, COUNT))

    def hist(self, second: int, series: int, pairs: Iterable[tuple[int, int]]) -> None:
        """pairs: latency in ns, how many."""
        self.writer.hist(np.array([(second, series, bucket_of(ns), n) for ns, n in pairs], HIST))

    def gauges(self, second: int, series: int, pairs: Iterable[tuple[int, float]]) -> None:
        self.writer.gauges(np.array([(second, series, what, value) for what, value in pairs], GAUGE))


def variant(name: str = "canary") -> Variant:
    book = ProfileBook(ModelProfile(service_time=Distribution("constant", {"value": 0.1})))
    return Variant(
        scenario="hand-made", name=name, objects=(), flows=(), steps=(), duration_s=LENGTH_S, profiles=book,
        params={"rate": RATE},
    )  # fmt: skip


def write_canary(folder: Path) -> None:
    """50 requests a second for 40 s to a transformer with a cache; from the mark on 40 % of what it asks is V2's.

    Before the mark half of the look-ups hit; after it one in ten, and 2 of the 50 answers are 500. The first
    pod of V2 starts cold at 12 s. No traffic at all in the last two seconds.
    """
    with JournalWriter(folder, {"scenario": "hand-made", "variant": "canary", "duration_s": LENGTH_S}) as writer:
        book = Book(writer)
        front = writer.series(Series(FRONT, Role.ENTRY, "ranker", "transformer"))
        one = writer.series(Series(V1, Role.INNER, "ranker", "predictor"))
        two = writer.series(Series(V2, Role.INNER, "ranker", "predictor"))
        writer.record(MARK_S, RecordKind.MARK, name="cutover")
        writer.record(12.25, RecordKind.POD, pod=3, name="p3", revision=V2, phase="Ready", node="n", cold=True)
        writer.record(14, RecordKind.POD, pod=4, name="p4", revision=V2, phase="Ready", node="n", cold=False)
        writer.record(14, RecordKind.DECISION, loop="kpa", revision=V2, inputs={}, formula="ceil(20/10)", outcome=2)
        writer.record(20, RecordKind.MARK, name="steady")
        for second in range(LENGTH_S):
            write_second(book, second, front, one, two)


def write_second(book: Book, second: int, front: int, one: int, two: int) -> None:
    late, silent = second > MARK_S - 1, second >= LENGTH_S - 2
    if not silent:
        failed, hits = (2, 5) if late else (0, 25)
        asked = RATE - hits
        to_two = asked * 2 // 5 if late else 0
        statuses = [(200, RATE - failed)] + ([(500, failed)] if failed else [])
        book.counts(second, front, [(What.ARRIVED, RATE), (What.HIT, hits), (What.MISS, asked), *statuses])
        book.counts(second, one, [(What.ARRIVED, asked - to_two), (200, asked - to_two)])
        if to_two:
            book.counts(second, two, [(What.ARRIVED, to_two), (200, to_two)])
        book.hist(second, front, [(1_000_000, hits), (100_000_000, asked)])
        book.hist(second, one, [(98_000_000, asked)])
    for index, ready in ((front, 1), (one, 3), (two, 2 if second >= 14 else 0)):
        levels = [(Gauge.READY, ready), (Gauge.PODS, ready), (Gauge.TERMINATING, 0), (Gauge.DESIRED, ready)]
        loads = [(Gauge.IN_FLIGHT, 5), (Gauge.CONCURRENCY, 5.5), (Gauge.CPU_REQUESTED, 0.5 * ready)]
        book.gauges(second, index, [*levels, *loads])


@pytest.fixture
def canary_writer() -> Callable[[Path], None]:
    return write_canary


@pytest.fixture(scope="session")
def canary(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("journal") / "canary"
    write_canary(folder)
    return Run(Journal.open(folder), variant())
