"""Activators: the mode, the subset, and capacities the upstream table leaves out."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.autoscaling.activators import (
    MAX_CAPACITY,
    SksMode,
    activator_capacity,
    assign_slice,
    choose_subset,
    initial_excess_burst_capacity,
    sks_mode,
)
from sandbox.mechanisms.autoscaling.request_stats import Report
from sandbox.mechanisms.autoscaling.sampling import estimate_total

ADDRESSES = [f"10.0.0.{number}" for number in range(1, 11)]


@pytest.mark.parametrize(
    "want, excess, inactive, mode",
    [
        (0, 10, False, SksMode.PROXY),
        (3, -1, False, SksMode.PROXY),
        (3, 0, False, SksMode.SERVE),
        (-1, 0, True, SksMode.PROXY),
        (-1, 0, False, SksMode.SERVE),
        (3, 0, True, SksMode.SERVE),
    ],
)
def test_the_activator_is_in_the_path_at_zero_and_without_room_for_a_burst(
    want: int, excess: int, inactive: bool, mode: SksMode
) -> None:
    assert sks_mode(want, excess, inactive) is mode


@pytest.mark.parametrize("burst, excess", [(-1, -1), (0, 0), (211, -111), (50, 50)])
def test_the_excess_burst_capacity_before_the_first_decision(burst: float, excess: int) -> None:
    assert initial_excess_burst_capacity(1, 100, burst) == excess


def test_a_subset_is_the_same_each_time_and_barely_moves_when_an_activator_goes() -> None:
    subset = choose_subset(ADDRESSES, 3, "ranker-00001")
    gone = subset[0]

    again = choose_subset(list(reversed(ADDRESSES)), 3, "ranker-00001")
    after = choose_subset([address for address in ADDRESSES if address != gone], 3, "ranker-00001")

    assert again == subset
    assert len(set(after) & set(subset)) == 2


def test_with_too_few_activators_all_are_chosen() -> None:
    assert choose_subset(ADDRESSES[:2], 5, "ranker-00001") == ("10.0.0.1", "10.0.0.2")


def test_subsets_of_many_revisions_use_every_activator() -> None:
    used = {address for n in range(200) for address in choose_subset(ADDRESSES, 2, f"ranker-{n:05}")}

    assert used == set(ADDRESSES)


def test_a_crowded_ring_still_places_every_address_once() -> None:
    many = [f"10.0.{high}.{low}" for high in range(4) for low in range(250)]

    subset = choose_subset(many, 900, "ranker-00001")

    assert len(set(subset)) == 900


def test_more_activators_than_pods_share_pods() -> None:
    assert [assign_slice(["a", "b"], index, 3) for index in range(3)] == [["a"], ["b"], ["a"]]


def test_without_a_limit_every_activator_uses_all_pods() -> None:
    assert assign_slice(["a", "b", "c"], 1, 2, container_concurrency=0) == ["a", "b", "c"]


@pytest.mark.parametrize(
    "concurrency, assigned, backends, activators, capacity",
    [
        (0, 3, 0, 1, 1),
        (0, 0, 0, 1, 0),
        (10, 0, 0, 2, 0),
        (1, 0, 3, 10, 1),
        (1000, 1 << 30, 0, 1, MAX_CAPACITY),
    ],
)
def test_the_capacity_of_an_activator(
    concurrency: int, assigned: int, backends: int, activators: int, capacity: int
) -> None:
    assert activator_capacity(concurrency, assigned, backends, activators) == capacity


def test_an_estimate_scales_the_sample_to_all_ready_pods() -> None:
    sample = [Report(1.0, 0.0, 2, 0), Report(3.0, 1.0, 4, 2)]

    assert estimate_total(sample, 10) == Report(20.0, 5.0, 30.0, 10.0)
