"""What the autoscaler knows of a revision: concurrency and request rate over the stable and the panic window.

Reports of queue-proxies (sampled and scaled up) and of activators come in, the two averages of the wanted metric go
out, or None: no data, keep the scale. Mirrors knative/serving pkg/autoscaler/metrics/collector.go. What a queue-proxy
saw through the activator is subtracted, since the activator reports it itself. Reports of one second add up.
"""

from __future__ import annotations

from sandbox.mechanisms.autoscaling.request_stats import Report
from sandbox.mechanisms.autoscaling.windows import TimedBuckets

RPS = "rps"
CONCURRENCY = "concurrency"


class MetricCollector:
    """Both metrics of one revision, each in a stable and a panic window of 1 s buckets.

    `scraped` is False where the activator stays in the path (target-burst-capacity -1): its reports are then all
    there is, and silence means zero instead of no data.
    """

    __slots__ = ("_panic", "_panic_rps", "_stable", "_stable_rps", "scraped")

    def __init__(
        self, stable_window_s: float, panic_window_s: float, weighted: bool = False, scraped: bool = True
    ) -> None:
        self.scraped = scraped
        self._stable = TimedBuckets(stable_window_s, weighted=weighted)
        self._panic = TimedBuckets(panic_window_s, weighted=weighted)
        self._stable_rps = TimedBuckets(stable_window_s, weighted=weighted)
        self._panic_rps = TimedBuckets(panic_window_s, weighted=weighted)

    def record(self, t_s: float, report: Report) -> None:
        concurrency = report.avg_concurrency - report.avg_proxied_concurrency
        requests = report.requests - report.proxied_requests
        self._stable.record(t_s, concurrency)
        self._panic.record(t_s, concurrency)
        self._stable_rps.record(t_s, requests)
        self._panic_rps.record(t_s, requests)

    def stable_and_panic(self, now_s: float, metric: str) -> tuple[float, float] | None:
        """Averages of `metric` ("concurrency" or "rps") for the whole revision; None where there is no data."""
        stable, panic = (self._stable_rps, self._panic_rps) if metric == RPS else (self._stable, self._panic)
        if self.scraped and panic.is_empty(now_s):
            return None
        return stable.average(now_s), panic.average(now_s)

    def resize(self, stable_window_s: float, panic_window_s: float, now_s: float) -> None:
        """New windows, after a change of config-autoscaler."""
        for window in (self._stable, self._stable_rps):
            window.resize(stable_window_s, now_s)
        for window in (self._panic, self._panic_rps):
            window.resize(panic_window_s, now_s)
