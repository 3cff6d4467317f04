"""Request statistics: concurrency averaged over time, and requests started, per report period.

Starts and ends of requests come in with their times, a `Report` a period goes out. Used by the activator's reporter;
queue-proxies keep the same numbers (the simulated data plane integrates them itself). Mirrors knative/networking
pkg/http/stats/request.go: an event whose time lies before the last one changes counters, never the time.
"""

from __future__ import annotations

from typing import NamedTuple


class Report(NamedTuple):
    """One period of one reporter. The proxied part came through the activator, which has counted it too."""

    avg_concurrency: float
    avg_proxied_concurrency: float
    requests: float
    proxied_requests: float


class RequestStats:
    """Counts one revision at one place, from `now_s` on."""

    __slots__ = (
        "_area",
        "_concurrency",
        "_last_s",
        "_proxied",
        "_proxied_area",
        "_proxied_requests",
        "_requests",
        "_time_s",
    )

    def __init__(self, now_s: float) -> None:
        self._concurrency = self._proxied = 0
        self._last_s = now_s
        self._clear()

    def _clear(self) -> None:
        self._time_s = self._area = self._proxied_area = 0.0
        self._requests = self._proxied_requests = 0

    def _integrate(self, now_s: float) -> None:
        elapsed_s = now_s - self._last_s
        if elapsed_s > 0:
            self._time_s += elapsed_s
            self._area += self._concurrency * elapsed_s
            self._proxied_area += self._proxied * elapsed_s
            self._last_s = now_s

    def start(self, now_s: float, proxied: bool = False) -> None:
        self._integrate(now_s)
        self._requests += 1
        self._concurrency += 1
        if proxied:
            self._proxied_requests += 1
            self._proxied += 1

    def end(self, now_s: float, proxied: bool = False) -> None:
        self._integrate(now_s)
        self._concurrency -= 1
        if proxied:
            self._proxied -= 1

    def report(self, now_s: float) -> Report:
        """Closes the period; requests in flight are carried over."""
        self._integrate(now_s)
        period_s = self._time_s
        report = Report(
            self._area / period_s if period_s else 0.0,
            self._proxied_area / period_s if period_s else 0.0,
            self._requests,
            self._proxied_requests,
        )
        self._clear()
        return report
