"""Garbage collection: what the tables leave out (single ages, duration forms, error messages)."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.rollout.revision_gc import (
    GcConfig,
    GcConfigError,
    RevisionAge,
    is_stale,
    parse_gc_config,
    revisions_to_delete,
)

OLD = RevisionAge(name="r1", routing="reserve", created_s=0.0)
NEVER_STALE = {"retain_since_create_s": None, "retain_since_last_active_s": None}


@pytest.mark.parametrize(
    "text, seconds",
    [("0", 0.0), ("1h30m", 5400.0), ("1.5h", 5400.0), ("250ms", 0.25), ("+2s", 2.0), (".5m", 30.0), ("-0s", 0.0)],
)
def test_durations_are_read_as_go_writes_them(text: str, seconds: float) -> None:
    config = parse_gc_config({"retain-since-create-time": text})
    assert pytest.approx(seconds) == config.retain_since_create_s


@pytest.mark.parametrize(
    "data, keys, kind",
    [
        ({"min-non-active-revisions": "-1"}, ("min-non-active-revisions",), "too_low"),
        ({"min-non-active-revisions": ""}, ("min-non-active-revisions",), "parse"),
        ({"min-non-active-revisions": "1_0"}, ("min-non-active-revisions",), "parse"),
        ({"max-non-active-revisions": "+5"}, ("max-non-active-revisions",), "parse"),
        (
            {"min-non-active-revisions": "20", "max-non-active-revisions": "10"},
            ("min-non-active-revisions", "max-non-active-revisions"),
            "conflict",
        ),
        ({"retain-since-last-active-time": "15 h"}, ("retain-since-last-active-time",), "parse"),
        ({"retain-since-last-active-time": "15"}, ("retain-since-last-active-time",), "parse"),
    ],
)
def test_entries_that_cannot_be_used_are_named(data: dict[str, str], keys: tuple[str, ...], kind: str) -> None:
    with pytest.raises(GcConfigError) as raised:
        parse_gc_config(data)
    assert (keys, kind) == (raised.value.keys, raised.value.kind)
    assert all(key in str(raised.value) for key in keys)


def test_disabled_is_read_in_any_case_and_empty_entries_keep_the_defaults() -> None:
    data = {"retain-since-last-active-time": "Disabled", "max-non-active-revisions": "", "retain-since-create-time": ""}
    assert GcConfig(retain_since_last_active_s=None) == parse_gc_config(data)


def test_a_minimum_above_a_disabled_maximum_is_no_conflict() -> None:
    data = {"min-non-active-revisions": "5000", "max-non-active-revisions": "disabled"}
    assert GcConfig(min_non_active=5000, max_non_active=None) == parse_gc_config(data)


@pytest.mark.parametrize("now_s, stale", [(59.0, False), (60.0, True)])
def test_the_age_of_creation_alone_can_make_a_revision_stale(now_s: float, stale: bool) -> None:
    config = GcConfig(retain_since_create_s=60.0, retain_since_last_active_s=None)
    assert stale is is_stale(OLD, config, now_s)


def test_with_everything_disabled_nothing_goes() -> None:
    config = GcConfig(**NEVER_STALE, min_non_active=0, max_non_active=None)
    assert () == revisions_to_delete([OLD], "", config, 1e9)


def test_up_to_the_minimum_nothing_goes_however_old() -> None:
    config = GcConfig(min_non_active=1)
    assert () == revisions_to_delete([OLD], "", config, 1e9)


def test_the_oldest_by_last_use_goes_first_not_the_oldest_by_creation() -> None:
    used_late = RevisionAge(name="r1", routing="reserve", created_s=0.0, last_active_s=900.0)
    used_early = RevisionAge(name="r2", routing="reserve", created_s=10.0, last_active_s=500.0)
    config = GcConfig(**NEVER_STALE, min_non_active=0, max_non_active=1)
    assert ("r2",) == revisions_to_delete([used_late, used_early], "", config, 1000.0)


def test_stale_ones_go_before_the_excess_and_both_in_order_of_age() -> None:
    revisions = [
        RevisionAge(name=f"r{i}", routing="reserve", created_s=0.0, last_active_s=float(used))
        for i, used in enumerate((10, 20, 800, 900, 950))
    ]
    config = GcConfig(retain_since_create_s=None, retain_since_last_active_s=500.0, min_non_active=1, max_non_active=2)
    assert ("r0", "r1", "r2") == revisions_to_delete(revisions, "", config, 1000.0)
