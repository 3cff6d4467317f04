"""A world made by hand, for `--world still_world:StillWorld`: every request is answered in 10 ms, at once.

What a variant's name ends in makes it fail: "errors" answers 500 to one request in five, "breaks" raises
WorldError, "bug" raises KeyError, "slow" takes a minute of real time.
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from sandbox.errors import WorldError
from sandbox.journal.journal import Journal
from sandbox.journal.schema import COUNT, GAUGE, HIST, NO_POD, Gauge, RecordKind, Role, Series, What, bucket_of
from sandbox.journal.world import meta_of
from sandbox.journal.writer import JournalWriter
from sandbox.scenario.model import Variant

LATENCY_NS = 10_000_000


class StillWorld:
    name = "still"

    def play(self, variant: Variant, seed: int, folder: Path) -> Journal:
        if variant.name.endswith("breaks"):
            raise WorldError("the still world moved", next_step="hold it")
        if variant.name.endswith("bug"):
            raise KeyError("nobody foresaw this")
        with JournalWriter(folder, meta_of(variant, seed, self.name)) as writer:
            self._write(variant, seed, writer)
        return Journal.open(folder)

    def _write(self, variant: Variant, seed: int, writer: JournalWriter) -> None:
        series = writer.series(Series("ranker-predictor-00001", Role.ENTRY, "ranker", "predictor"))
        writer.record(0.0, RecordKind.NOTE, text=f"seed {seed}")
        for step in variant.steps:
            writer.record(step.at_s, RecordKind.MARK, name=step.mark)
        failed = 20 if variant.name.endswith("errors") else 0
        for second in range(int(variant.duration_s)):
            counts = [
                (What.ARRIVED, 100),
                (What.STARTED, 100),
                (200, 100 - failed),
                *([(500, failed)] if failed else []),
            ]
            writer.counts(np.array([(second, series, what, NO_POD, n) for what, n in counts], dtype=COUNT))
            writer.hist(np.array([(second, series, bucket_of(LATENCY_NS), 100)], dtype=HIST))
            levels = [(Gauge.READY, 1), (Gauge.PODS, 1), (Gauge.IN_FLIGHT, 0), (Gauge.CPU_REQUESTED, 0.5)]
            writer.gauges(np.array([(second, series, gauge, value) for gauge, value in levels], dtype=GAUGE))
            if variant.name.endswith("slow"):
                time.sleep(60 / variant.duration_s)
