"""Windows and the collector where the upstream table is silent."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.autoscaling.collector import MetricCollector
from sandbox.mechanisms.autoscaling.request_stats import Report, RequestStats
from sandbox.mechanisms.autoscaling.windows import TimedBuckets

TEN_IN_FLIGHT = Report(10.0, 0.0, 100, 0)


def test_an_unwritten_window_is_empty_and_averages_to_zero() -> None:
    for weighted in (False, True):
        window = TimedBuckets(60, weighted=weighted)

        assert (window.average(0), window.is_empty(0), window.buckets(0)) == (0.0, True, {})
        assert (window.first_write_s, window.last_write_s) == (None, None)


def test_silent_seconds_are_dropped_not_averaged() -> None:
    window = TimedBuckets(5)
    for t_s in range(5):
        window.record(t_s, 10)

    assert [window.average(now_s) for now_s in (4, 6, 8, 9)] == [10.0, 10.0, 10.0, 0.0]


def test_skipped_seconds_count_as_zeros_once_a_value_follows() -> None:
    window = TimedBuckets(6)
    window.record(0, 12)
    window.record(3, 12)

    assert window.average(3) == 6.0


def test_a_value_exactly_one_window_old_is_too_old() -> None:
    window = TimedBuckets(5)
    window.record(10, 1)
    window.record(5, 100)
    window.record(6, 9)

    assert window.buckets(10) == {10.0: 1, 9.0: 0.0, 8.0: 0.0, 7.0: 0.0, 6.0: 9}
    assert window.average(10) == 2.0


def test_weights_fall_with_age_and_silence() -> None:
    window = TimedBuckets(60, weighted=True)
    window.record(0, 100)

    assert window.average(0) == pytest.approx(100 * 0.2)
    assert window.average(1) == pytest.approx(100 * 0.2 * 0.8)
    assert window.average(61) == 0.0


def test_resizing_an_unwritten_window_keeps_it_unwritten() -> None:
    window = TimedBuckets(60)
    window.resize(60)
    window.resize(30)

    assert (window.window_s, window.bucket_count, window.first_write_s) == (30, 30, None)


def test_no_data_in_the_panic_window_is_no_answer_unless_nobody_scrapes() -> None:
    scraped = MetricCollector(60, 6)
    behind_the_activator = MetricCollector(60, 6, scraped=False)

    assert scraped.stable_and_panic(0, "rps") is None
    assert behind_the_activator.stable_and_panic(0, "rps") == (0.0, 0.0)


def test_reports_of_one_second_add_up() -> None:
    collector = MetricCollector(60, 6)
    collector.record(0.2, TEN_IN_FLIGHT)
    collector.record(0.9, TEN_IN_FLIGHT)

    assert collector.stable_and_panic(0.9, "concurrency") == (20.0, 20.0)
    assert collector.stable_and_panic(0.9, "rps") == (200.0, 200.0)


def test_new_windows_keep_what_fits() -> None:
    collector = MetricCollector(60, 6)
    for t_s in range(60):
        collector.record(t_s, TEN_IN_FLIGHT)
    collector.resize(30, 3, now_s=59)

    assert collector.stable_and_panic(59, "concurrency") == (10.0, 10.0)


def test_a_period_without_time_has_no_concurrency() -> None:
    stats = RequestStats(5.0)
    stats.start(5.0)

    assert stats.report(5.0) == Report(0.0, 0.0, 1, 0)
