"""What queue-proxies and activators report once a second, read from the data plane's integrals.

A concurrency integral over a period is (sum of departure instants) − (sum of arrival instants) + inside × now, so
reading it and starting the next period at `now` are two array operations for all pods of a workload. The result
is what `mechanisms.autoscaling.request_stats` computes request by request (tests/unit/sim/test_metering.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sandbox.mechanisms.autoscaling.reporter import without_first
from sandbox.mechanisms.autoscaling.request_stats import Report
from sandbox.mechanisms.autoscaling.sampling import estimate_total, sample_size
from sandbox.sim import columns as c
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.draws import shuffle_front
from sandbox.sim.pod import Phase
from sandbox.sim.readout import PERIOD_NS, read_reports
from sandbox.sim.workload import Workload

Floats = npt.NDArray[np.float64]
_ACT_COLUMNS = np.array([c.A_KNOWN, c.A_INSIDE, c.A_AREA, c.A_COUNT, c.A_QUEUED])


class Meter:
    """Reads one workload once a second."""

    def __init__(self, plane: DataPlane, workload: Workload, sample_stream: int) -> None:
        self.plane = plane
        self.workload = workload
        self._stream = sample_stream
        self._scrapes = 0
        self._first: set[int] = set()  # activators whose first request was reported early
        self._reports = np.zeros((8, 4))
        self._totals = np.zeros(2, dtype=np.int64)

    def pods(self, now_ns: int) -> Floats:
        """Reports of the second that ends now, one row a pod in the pool's order; the next second starts."""
        rows = self.workload.pool.rows()
        if len(rows) > len(self._reports):
            self._reports = np.zeros((2 * len(rows), 4))
        reports = self._reports[: len(rows)]
        read_reports(self.plane.state.pods, rows, now_ns, reports, self._totals)
        self.workload.inside, self.workload.waiting = self._totals.tolist()
        self.workload.concurrency = float((reports[:, 0] - reports[:, 1]).sum()) if len(rows) else 0.0
        return reports

    def activators(self, now_ns: int) -> list[Report]:
        """The activators' reports of the second that ends now."""
        acts = self.plane.state.acts
        reports = []
        base = self.workload.row * self.plane.activators
        for activator in range(self.plane.activators):
            act = acts[base + activator]
            known, inside, area, count, queued = act[_ACT_COLUMNS].tolist()
            self.workload.waiting += queued
            self.workload.inside += queued
            if not known:
                continue
            average = (area + inside * now_ns) / PERIOD_NS
            requests = float(count)
            act[c.A_AREA] = -inside * now_ns
            act[c.A_COUNT] = 0
            self.workload.concurrency += average
            if average == 0 and inside == 0:
                act[c.A_KNOWN] = 0
            if activator in self._first:
                self._first.discard(activator)
                average, requests = without_first(average, requests)
            reports.append(Report(average, 0.0, requests, 0.0))
        return reports

    def first_request(self, activator: int) -> Report:
        """An activator met the revision anew: that is reported at once, and subtracted from its next report."""
        self._first.add(activator)
        return Report(1.0, 0.0, 1.0, 0.0)

    def scrape(self, reports: Floats, now_s: float, stable_window_s: float) -> Report | None:
        """The autoscaler's estimate from a sample of the ready pods; None without any.

        Old pods (older than the stable window) are asked before young ones.
        """
        pods = self.workload.pool.pods
        ready = [index for index, pod in enumerate(pods) if pod.phase is Phase.READY]
        if not ready:
            return None
        population = len(ready)
        wanted = sample_size(population)
        self._scrapes += 1
        if wanted < population:
            old = [index for index in ready if pods[index].created_s < now_s - stable_window_s]
            if len(old) >= wanted:
                ready = self._shuffled(old, wanted)
            else:
                young = [index for index in ready if pods[index].created_s >= now_s - stable_window_s]
                ready = old + self._shuffled(young, wanted - len(old))
        return estimate_total([Report(*reports[index].tolist()) for index in ready], population)

    def _shuffled(self, indices: list[int], n: int) -> list[int]:
        """The first n of a random order (Fisher and Yates, stopped early)."""
        order = np.array(indices, dtype=np.int64)
        shuffle_front(order, n, self._stream, self._scrapes << 12)
        chosen: list[int] = order[:n].tolist()
        return chosen
