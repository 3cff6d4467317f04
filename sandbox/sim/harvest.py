"""Once a simulated second: the data plane's counters and integrals become journal rows, and start again at zero.

Counters are read with a few numpy calls over all revisions and pods at once, so that a second costs the same
however many requests it held.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sandbox.journal.schema import COUNT, GAUGE, HIST, NO_POD, Gauge, What
from sandbox.sim import columns as c
from sandbox.sim.agenda import NS
from sandbox.sim.context import Context
from sandbox.sim.nodes import gpus
from sandbox.sim.pods import Pod
from sandbox.sim.workload import Workload

Ints = npt.NDArray[np.int64]

# Counter column → the journal's word for it.
WHAT = np.zeros(c.COUNTERS, dtype=np.int64)
WHAT[[c.N_ARRIVED, c.N_STARTED, c.N_HIT, c.N_MISS, c.N_STALE, c.N_PROXIED]] = [
    What.ARRIVED,
    What.STARTED,
    What.HIT,
    What.MISS,
    What.STALE,
    What.PROXIED,
]
WHAT[[c.N_200, c.N_500, c.N_502, c.N_503, c.N_504]] = [200, 500, 502, 503, 504]


class Harvest:
    """Writes counts, histograms and gauges. `no_route` is the series of requests that no route took (404)."""

    def __init__(self, context: Context, no_route: int) -> None:
        self.context = context
        self.no_route = no_route
        self._series = np.zeros(0, dtype=np.int64)  # per (revision, role)

    def pod_gone(self, workload: Workload, pod: Pod) -> None:
        """A pod leaves: its last counts are written before its row is handed out again."""
        plane = self.context.plane
        self._counts(self._second, [workload], only=pod)
        plane.free_pod(pod.row)

    @property
    def _second(self) -> int:
        return (self.context.run_ns - 1) // NS

    def second(self, workloads: Sequence[Workload]) -> None:
        """Write the second that ends now."""
        second = self._second
        self._counts(second, workloads)
        self._hist(second, workloads)
        self._gauges(second, workloads)

    def _counts(self, second: int, workloads: Sequence[Workload], only: Pod | None = None) -> None:
        state = self.context.plane.state
        parts: list[npt.NDArray[np.void]] = []
        if only is None:
            per_rev = state.rev_counts[: 2 * self.context.plane.n_revs]
            if per_rev.any():
                rows, columns = np.nonzero(per_rev)
                parts.append(
                    _count_rows(second, self._series_of(workloads)[rows], columns, NO_POD, per_rev[rows, columns])
                )
                per_rev[:] = 0
            lost = int(state.scalars[c.S_NO_ROUTE])
            if lost:
                state.scalars[c.S_NO_ROUTE] = 0
                for what in (What.ARRIVED, 404):
                    parts.append(np.array([(second, self.no_route, what, NO_POD, lost)], dtype=COUNT))
        for workload in workloads:
            pods = workload.pool.pods if only is None else [only]
            if not pods:
                continue
            pod_rows = np.array([2 * pod.row + role for pod in pods for role in (0, 1)])
            block = state.pod_counts[pod_rows]
            rows, columns = np.nonzero(block)
            if not len(rows):
                continue
            numbers = np.array([pod.number for pod in pods])
            series = np.where(rows & 1, workload.inner_series, workload.entry_series)
            parts.append(_count_rows(second, series, columns, numbers[rows >> 1], block[rows, columns]))
            state.pod_counts[pod_rows] = 0
        if parts and second >= 0:
            self.context.journal.counts(np.concatenate(parts))

    def _series_of(self, workloads: Sequence[Workload]) -> Ints:
        if len(self._series) < 2 * self.context.plane.n_revs:
            self._series = np.zeros(2 * self.context.plane.n_revs, dtype=np.int64)
            for workload in workloads:
                self._series[2 * workload.row : 2 * workload.row + 2] = (workload.entry_series, workload.inner_series)
        return self._series

    def _hist(self, second: int, workloads: Sequence[Workload]) -> None:
        hist = self.context.plane.state.hist[: 2 * self.context.plane.n_revs]
        rows, buckets = np.nonzero(hist)
        if not len(rows):
            return
        out = np.empty(len(rows), dtype=HIST)
        out["second"] = second
        out["series"] = self._series_of(workloads)[rows]
        out["bucket"] = buckets
        out["n"] = hist[rows, buckets]
        hist[rows, buckets] = 0
        if second >= 0:
            self.context.journal.hist(out)

    def _gauges(self, second: int, workloads: Sequence[Workload]) -> None:
        if second < 0:
            return
        rows: list[tuple[int, int, int, float]] = []
        for workload in workloads:
            pool = workload.pool
            if not pool.pods and not workload.gauges:
                continue
            values = self._values(workload)
            rows += [(second, workload.entry_series, int(what), value) for what, value in values.items()]
        if rows:
            self.context.journal.gauges(np.array(rows, dtype=GAUGE))

    def _values(self, workload: Workload) -> dict[int, float]:
        state = self.context.plane.state
        plane = self.context.plane
        pool = workload.pool
        pods = state.pods[[pod.row for pod in pool.pods]]
        acts = state.acts[workload.row * plane.activators : (workload.row + 1) * plane.activators]
        queued_at_activators = int(acts[:, c.A_QUEUED].sum())
        held = len(pool.pods)
        return {
            Gauge.READY: pool.ready,
            Gauge.PODS: pool.live,
            Gauge.TERMINATING: pool.terminating,
            Gauge.IN_FLIGHT: int(pods[:, c.P_INSIDE].sum()) + queued_at_activators,
            Gauge.QUEUED: int(pods[:, c.P_QUEUED].sum() + pods[:, c.P_WAITING].sum()) + queued_at_activators,
            Gauge.CONCURRENCY: workload.concurrency,
            Gauge.CPU_REQUESTED: held * workload.requests.cpu_milli / 1000,
            Gauge.MEMORY_REQUESTED: held * workload.requests.memory_bytes,
            Gauge.GPU_REQUESTED: held * gpus(workload.requests),
            **workload.gauges,
        }


def _count_rows(
    second: int, series: Ints, columns: Ints, pod: Ints | int, n: Ints
) -> npt.NDArray[np.void]:
    out = np.empty(len(columns), dtype=COUNT)
    out["second"] = second
    out["series"] = series
    out["what"] = WHAT[columns]
    out["pod"] = pod
    out["n"] = n
    return out
