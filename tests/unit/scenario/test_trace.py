"""Traces: CSV in, nanoseconds out; every refusal names file, line and column."""

import time

import pytest

from sandbox.errors import UsageError
from sandbox.scenario.trace import read_trace


@pytest.fixture
def trace(tmp_path):
    def read(text):
        path = tmp_path / "trace.csv"
        path.write_text(text, encoding="utf-8")
        return read_trace(path)

    return read


def test_seconds_are_seconds_of_the_run(trace):
    read, unused = trace("timestamp\n0.5\n1\n1\n2.25\n")

    assert read.t_ns.tolist() == [500_000_000, 1_000_000_000, 1_000_000_000, 2_250_000_000]
    assert (read.service_ns, read.key, read.route, unused) == (None, None, None, ())


def test_seconds_since_the_epoch_begin_at_the_first_request(trace):
    assert trace("timestamp\n1700158623.5\n1700158624.0\n")[0].t_ns.tolist() == [0, 500_000_000]


def test_the_format_of_the_public_azure_traces_is_read_as_it_is(trace):
    read, unused = trace(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n"
        "2023-11-16 18:17:04.0319600,3180,8\n"
    )

    assert read.t_ns.tolist() == [0, 52_000_000]
    assert unused == ("ContextTokens", "GeneratedTokens")


@pytest.mark.parametrize("zone", ["Z", "+00:00", "+0900", ""])
def test_one_time_zone_is_fine(trace, zone):
    read, _ = trace(f"Timestamp\n2026-01-01T00:00:00{zone}\n2026-01-01T00:00:01.5{zone}\n")

    assert read.t_ns.tolist() == [0, 1_500_000_000]


def test_all_columns_in_any_order_and_case(trace):
    read, unused = trace("Key,SERVICE_MS,note,timestamp,Route\n7,12.5,x,0,a\n9,0,y,1,b\n")

    assert read.service_ns.tolist() == [12_500_000, 0]
    assert read.key.tolist() == [7, 9]
    assert read.route == ("a", "b")
    assert unused == ("note",)


def test_keys_that_are_words_are_numbered_by_first_appearance(trace):
    assert trace("timestamp,key\n0,b\n1,a\n2,b\n3,7\n")[0].key.tolist() == [0, 1, 0, 2]


@pytest.mark.parametrize(
    "text, message, place",
    [
        ("", "the trace is empty", "trace.csv"),
        ("timestamp\n", "the trace is empty", "trace.csv:1"),
        ("time,key\n0,1\n", "no timestamp column", "trace.csv:1:1"),
        ("timestamp,Timestamp\n0,1\n", "two columns timestamp", "trace.csv:1:1"),
        ("timestamp,key\n0,1\n2,1\n1,1\n", "the trace is not sorted", "trace.csv:4:1"),
        ("timestamp\n2026-01-02\n2026-01-01\n", "the trace is not sorted", "trace.csv:3:1"),
        ("timestamp\n-1\n", "a negative number", "trace.csv:2:1"),
        ("timestamp\n1\nnan\n", "not a finite number", "trace.csv:3:1"),
        ("timestamp\n1\n2\nsoon\n", "timestamp: not a number", "trace.csv:4:1"),
        ("timestamp\n2026-01-01\nsoon\n", "timestamp: not a timestamp", "trace.csv:3:1"),
        ("timestamp\n2026-01-01\nNaT\n", "timestamp: not a timestamp", "trace.csv:3:1"),
        ("timestamp\n2026-01-01T00:00:00Z\n2026-01-01T00:00:01\n", "another time zone", "trace.csv:3:1"),
        ("timestamp,service_ms\n1,5\n2,-5\n", "service_ms: a negative number", "trace.csv:3:3"),
        ("timestamp,service_ms\n1,5\n\n2,fast\n", "service_ms: not a number", "trace.csv:4:3"),
        ("timestamp,key\n1\n", "a row with 1 fields", "trace.csv:2"),
    ],
)
def test_a_wrong_trace_is_refused_where_it_is_wrong(trace, text, message, place):
    with pytest.raises(UsageError, match=message) as error:
        trace(text)

    assert str(error.value.where).endswith(place)


def test_a_missing_trace_is_refused(tmp_path):
    with pytest.raises(UsageError, match="there is no such trace"):
        read_trace(tmp_path / "absent.csv")


def test_bytes_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "noise.csv").write_bytes(b"\xff\xfe\x00\x9f" * 100)

    with pytest.raises(UsageError, match="the trace cannot be read"):
        read_trace(tmp_path / "noise.csv")


def test_a_hundred_thousand_requests_are_read_in_a_second(trace):
    text = "timestamp,service_ms,key\n" + "".join(f"{i / 100},12.5,{i % 77}\n" for i in range(100_000))
    start = time.process_time()

    read, _ = trace(text)

    assert len(read.t_ns) == 100_000
    assert time.process_time() - start < 1.0
