"""Drives the autoscaler's part of knative_activator_and_formulas.json; routing is in the file beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sandbox.mechanisms.autoscaling.activators import (
    activator_capacity,
    activators_needed,
    assign_slice,
    infer_index,
    pick_indices,
    same_sign,
)
from sandbox.mechanisms.autoscaling.config import AutoscalerConfig
from sandbox.mechanisms.autoscaling.sampling import sample_size
from sandbox.mechanisms.autoscaling.target import per_pod_target

Case = Mapping[str, Any]
Table = Mapping[str, Any]


def sizes(case: list[int], table: Table) -> None:
    population, want = case
    assert sample_size(population) == want


def targets(case: Case, table: Table) -> None:
    config = AutoscalerConfig(
        container_concurrency_target_fraction=case["concurrency_fraction"],
        container_concurrency_target_default=case["concurrency_default"],
    )
    percentage = case.get("utilization_annotation_pct")
    got = per_pod_target(
        case["metric"],
        case["container_concurrency"],
        config,
        target=case.get("target_annotation"),
        utilization=None if percentage is None else percentage / 100,
    )
    assert got._asdict() == pytest.approx(case["want"], rel=1e-12)


def numbers(case: Case, table: Table) -> None:
    arguments = {"ready_pods" if name == "pods" else name: value for name, value in case.items() if name != "want"}
    assert activators_needed(**arguments) == case["want"]


def signs(case: list[Any], table: Table) -> None:
    a, b, want = case
    assert same_sign(a, b) == want


def capacities(case: Case, table: Table) -> None:
    pods = [str(number) for number in range(case["pod_trackers"])]
    assigned = assign_slice(pods, case["activator_index"], case["activators"], case["container_concurrency"])
    got = activator_capacity(case["container_concurrency"], len(assigned), case["backends"], case["activators"])
    assert got == case["want_capacity"]


def indices(case: Case, table: Table) -> None:
    want = case["want"]
    got = pick_indices(case["pods"], case["index"], case["activators"])
    assert got == (want["begin"], want["end"], want["remnants"])


def slices(case: Case, table: Table) -> None:
    assert assign_slice(case["pods"], case["index"], case["activators"]) == case["want"]


def positions(case: Case, table: Table) -> None:
    assert infer_index(case["ips"], case["self"]) == case["want"]


DRIVERS = {
    "sample_size": sizes,
    "target_cases": targets,
    "num_activators_cases": numbers,
    "same_sign": signs,
    "capacity_cases": capacities,
    "pick_indices_cases": indices,
    "assign_slice_cases": slices,
    "infer_index_cases": positions,
}
