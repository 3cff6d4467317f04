"""Once a simulated second: the data plane's counters and histograms become journal rows, and gauges are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sandbox.journal.schema import COUNT, GAUGE, HIST, NO_POD, Gauge, Role, Series, What
from sandbox.sim import columns as c
from sandbox.sim.agenda import NS
from sandbox.sim.context import Context
from sandbox.sim.dataplane import DataPlane
from sandbox.sim.nodes import gpus
from sandbox.sim.pod import Pod
from sandbox.sim.readout import drain_counts, drain_hist
from sandbox.sim.workload import Workload

Ints = npt.NDArray[np.int64]

NO_ROUTE = Series("(no route)", Role.ENTRY, "(no route)", "")  # requests for hosts that nobody answers: 404

# Counter column → the journal's word for it.
WORDS = np.zeros(c.COUNTERS, dtype=np.int64)
WORDS[[c.N_ARRIVED, c.N_STARTED, c.N_HIT, c.N_MISS, c.N_STALE, c.N_PROXIED]] = [
    What.ARRIVED,
    What.STARTED,
    What.HIT,
    What.MISS,
    What.STALE,
    What.PROXIED,
]
WORDS[[c.N_200, c.N_403, c.N_500, c.N_502, c.N_503, c.N_504]] = [200, 403, 500, 502, 503, 504]


class Harvest:
    """Writes counts, histograms and gauges."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._rev_series = np.zeros(0, dtype=np.int64)  # per (revision, role)
        self._rev_pods = np.zeros(0, dtype=np.int64)
        self._pod_series = np.zeros(0, dtype=np.int64)  # per (pod row, role)
        self._pod_numbers = np.zeros(0, dtype=np.int64)
        self._words = np.zeros((0, 4), dtype=np.int32)
        self._hist_words = np.zeros((0, 3), dtype=np.int32)
        self._gauge_rows: npt.NDArray[np.void] = np.zeros(64, dtype=GAUGE)

    # ---- who is who

    def pod_changed(self, workload: Workload, pod: Pod, here: bool) -> None:
        """A pod has come, or leaves: then its last counts are written before its row is handed out again."""
        plane = self.context.plane
        if here:
            self._fit(plane)
            pair = slice(2 * pod.row, 2 * pod.row + 2)
            self._pod_series[pair] = (workload.entry_series, workload.inner_series)
            self._pod_numbers[pair] = pod.number
            return
        block = plane.state.pod_counts[2 * pod.row : 2 * pod.row + 2]
        out = np.zeros((block.size, 4), dtype=np.int32)
        second = (self.context.run_ns - 1) // NS
        pair = slice(2 * pod.row, 2 * pod.row + 2)
        n = drain_counts(block, 2, self._pod_series[pair], self._pod_numbers[pair], WORDS, second, out, 0)
        if n and second >= 0:
            self.context.journal.counts(out[:n].view(COUNT).reshape(n))
        plane.free_pod(pod.row)

    def _fit(self, plane: DataPlane) -> None:
        """Make the maps as long as the arrays they describe."""
        rows = len(plane.state.pod_counts)
        if len(self._pod_series) < rows:
            more = rows - len(self._pod_series)
            self._pod_series = np.append(self._pod_series, np.zeros(more, dtype=np.int64))
            self._pod_numbers = np.append(self._pod_numbers, np.zeros(more, dtype=np.int64))

    def _know_revs(self, workloads: Sequence[Workload]) -> None:
        rows = 2 * self.context.plane.n_revs
        if len(self._rev_series) == rows:
            return
        self._rev_series = np.zeros(rows, dtype=np.int64)
        self._rev_pods = np.full(rows, NO_POD, dtype=np.int64)
        for workload in workloads:
            self._rev_series[2 * workload.row : 2 * workload.row + 2] = (workload.entry_series, workload.inner_series)

    # ---- every second

    def second(self, workloads: Sequence[Workload]) -> None:
        """Write the second that ends now."""
        second = (self.context.run_ns - 1) // NS
        if second < 0:
            return
        self._know_revs(workloads)
        self._counts(second)
        self._hist(second)
        self._gauges(second, workloads)

    def _counts(self, second: int) -> None:
        plane = self.context.plane
        state = plane.state
        self._fit(plane)
        cells = state.rev_counts.size + state.pod_counts.size + 2
        if len(self._words) < cells:
            self._words = np.zeros((cells, 4), dtype=np.int32)
        out = self._words
        n = drain_counts(state.rev_counts, 2 * plane.n_revs, self._rev_series, self._rev_pods, WORDS, second, out, 0)
        n = drain_counts(
            state.pod_counts, len(state.pod_counts), self._pod_series, self._pod_numbers, WORDS, second, out, n
        )
        lost = int(state.scalars[c.S_NO_ROUTE])
        if lost:
            state.scalars[c.S_NO_ROUTE] = 0
            no_route = self.context.journal.series(NO_ROUTE)
            for what in (int(What.ARRIVED), 404):
                out[n] = (second, no_route | what << 16, NO_POD, lost)
                n += 1
        if n:
            self.context.journal.counts(out[:n].view(COUNT).reshape(n))

    def _hist(self, second: int) -> None:
        hist = self.context.plane.state.hist
        if len(self._hist_words) < hist.size:
            self._hist_words = np.zeros((hist.size, 3), dtype=np.int32)
        n = drain_hist(hist, 2 * self.context.plane.n_revs, self._rev_series, second, self._hist_words)
        if n:
            self.context.journal.hist(self._hist_words[:n].view(HIST).reshape(n))

    def _gauges(self, second: int, workloads: Sequence[Workload]) -> None:
        series: list[int] = []
        what: list[int] = []
        values: list[float] = []
        for workload in workloads:
            if not workload.pool.pods and not workload.gauges:
                continue
            read = self._values(workload)
            series += [workload.entry_series] * len(read)
            what += read
            values += read.values()
        if not values:
            return
        if len(self._gauge_rows) < len(values):
            self._gauge_rows = np.zeros(2 * len(values), dtype=GAUGE)
        rows = self._gauge_rows[: len(values)]
        rows["second"], rows["series"], rows["what"], rows["value"] = second, series, what, values
        self.context.journal.gauges(rows)

    def _values(self, workload: Workload) -> dict[int, float]:
        pool = workload.pool
        requested = pool.requested
        return {
            Gauge.READY: pool.ready,
            Gauge.PODS: pool.live,
            Gauge.TERMINATING: pool.terminating,
            Gauge.IN_FLIGHT: workload.inside,
            Gauge.QUEUED: workload.waiting,
            Gauge.CONCURRENCY: workload.concurrency,
            Gauge.CPU_REQUESTED: requested.cpu_milli / 1000,
            Gauge.MEMORY_REQUESTED: requested.memory_bytes,
            Gauge.GPU_REQUESTED: gpus(requested),
            **workload.gauges,
        }
