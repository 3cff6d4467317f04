"""Drives knative_metric_windows.json through the windows, the collector and the request statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.mechanisms.autoscaling.collector import MetricCollector
from sandbox.mechanisms.autoscaling.max_window import MaxWindow, TimedMaxWindow
from sandbox.mechanisms.autoscaling.request_stats import Report, RequestStats
from sandbox.mechanisms.autoscaling.windows import TimedBuckets, smoothing_coefficient

Case = Mapping[str, Any]
Table = Mapping[str, Any]


def coefficients(case: Case, table: Table) -> None:
    assert abs(smoothing_coefficient(case["buckets"]) - case["want"]) <= case["tolerance"]


def _read(window: TimedBuckets, op: Mapping[str, Any]) -> Any:
    match op["op"]:
        case "average":
            return window.average(op["t"])
        case "sum":
            return window.sum(op["t"])
        case "is_empty":
            return window.is_empty(op["t"])
        case "buckets_nonzero":
            return {str(int(start)): value for start, value in window.buckets(op["t"]).items() if value}
        case "bucket_count":
            return window.bucket_count
        case "smoothing_coefficient":
            return smoothing_coefficient(window.bucket_count)
        case "first_write_equals_last_write":
            return window.first_write_s == window.last_write_s
        case "first_write_is_unset":
            return window.first_write_s is None
    raise AssertionError(f"unknown op {op['op']}")


def buckets(case: Case, table: Table) -> None:
    weighted = case["kind"] == "weighted_exponential"
    window = TimedBuckets(case["window_s"], case["granularity_s"], weighted=weighted)
    for op in case["ops"]:
        if op["op"] == "record":
            window.record(op["t"], op["v"])
        elif op["op"] == "resize":
            window.resize(op["window_s"], op.get("now"))
        else:
            got = _read(window, op)
            if "round_digits" in op:
                got = round(got, op["round_digits"])
            if isinstance(op["want"], float):
                assert abs(got - op["want"]) <= case.get("tolerance", 0)
            else:
                assert got == op["want"]


def collector(case: Case, table: Table) -> None:
    metrics = MetricCollector(case["stable_window_s"], case["panic_window_s"])
    for record in case["records"]:
        report = Report(
            record["avg_concurrency"],
            record["proxied_concurrency"],
            record["requests"],
            record["proxied_requests"],
        )
        metrics.record(record["t"], report)
    for metric in ("concurrency", "rps"):
        got = metrics.stable_and_panic(case["read_t"], metric)
        assert got is not None
        want = (case["want"][f"stable_{metric}"], case["want"][f"panic_{metric}"])
        assert all(abs(g - w) <= case.get("tolerance", 0) for g, w in zip(got, want, strict=True)), (got, want)


def request_stats(case: Case, table: Table) -> None:
    stats = RequestStats(0.0)
    got = []
    for event in case["events"]:
        # The table's time is in milliseconds; a unit of time cancels out of every average.
        kind, _, proxied = event["type"].partition("_")
        if kind == "report":
            got.append(stats.report(event["ms"])._asdict())
        elif kind == "in":
            stats.start(event["ms"], proxied=bool(proxied))
        else:
            stats.end(event["ms"], proxied=bool(proxied))
    assert got == case["want"]


def max_window(case: Case, table: Table) -> None:
    window = MaxWindow(case["window_buckets"])
    got = []
    for index, value in zip(case["index"], case["value"], strict=True):
        window.record(index, value)
        got.append(window.current)
    assert got == case["want_current"]


def max_time_window(case: Case, table: Table) -> None:
    window = TimedMaxWindow(5, 1)
    for t_s, value in case["records"]:
        window.record(t_s, value)
    assert window.current == case["want_current"]


DRIVERS = {
    "smoothing_coefficients": coefficients,
    "bucket_cases": buckets,
    "collector_cases": collector,
    "request_stats_cases": request_stats,
    "max_window_cases": max_window,
    "max_time_window_cases": max_time_window,
}
