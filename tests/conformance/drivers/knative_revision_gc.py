"""Driver of knative_revision_gc.json: cases become calls of sandbox.mechanisms.rollout.revision_gc."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from sandbox.mechanisms.rollout import revision_gc

Json = dict[str, Any]
NOW_S = 1e9
AGES_S = 5e8  # "created ages ago, older than any setting"
STALE_CASES_CONFIG = {"retain_since_create_s": 300, "retain_since_last_active_s": 300}


def _enabled(value: int) -> Any:
    return None if value == -1 else value


def _config(given: Json, table: Json) -> revision_gc.GcConfig:
    names = ("retain_since_create_s", "retain_since_last_active_s", "min_non_active", "max_non_active")
    return revision_gc.GcConfig(**{name: _enabled(given.get(name, table["defaults"][name])) for name in names})


def _revision(given: Json) -> revision_gc.RevisionAge:
    return revision_gc.RevisionAge(
        name=given.get("name", "r1"),
        routing=given.get("routing", "reserve"),
        created_s=NOW_S - given.get("created_age_s", AGES_S),
        last_active_s=NOW_S - given["last_active_age_s"] if "last_active_age_s" in given else None,
        keep=given.get("keep", False),
    )


def delete(case: Json, table: Json) -> None:
    got = revision_gc.revisions_to_delete(
        map(_revision, case["revisions"]), case["latest_ready"], _config(case.get("config", {}), table), NOW_S
    )
    assert case["want_deleted"] == list(got)


def stale(case: Json, table: Json) -> None:
    config = _config({**STALE_CASES_CONFIG, **case.get("config", {})}, table)
    assert case["want_stale"] is revision_gc.is_stale(_revision(case), config, NOW_S)


def config(case: Json, table: Json) -> None:
    want = case["want"]
    if "error" not in want:
        assert asdict(_config(want["set"], table)) == asdict(revision_gc.parse_gc_config(case["data"]))
        return
    with pytest.raises(revision_gc.GcConfigError) as raised:
        revision_gc.parse_gc_config(case["data"])
    assert want["error"]["kind"] == raised.value.kind
    assert sorted(want["error"]["keys"]) == sorted(raised.value.keys)


DRIVERS: dict[str, Callable[[Json, Json], None]] = {
    "cases": delete,
    "stale_cases": stale,
    "config_cases": config,
}
