"""The expected hit ratios against a plain LRU and against closed forms."""

from __future__ import annotations

import random
from collections import OrderedDict

import numpy as np
import pytest

from sandbox.scenario.hit_ratio import (
    characteristic_time,
    cold_hit_ratio,
    different_keys,
    hit_ratio,
    hit_ratio_at,
    popularity,
)
from sandbox.scenario.model import Keys

ZIPF = Keys(n=2000, s=0.8)


def played(keys: Keys, entries: int, lookups: int, skip: int = 0) -> float:
    """Hit ratio of an LRU cache that was empty, without its first look-ups."""
    draws = random.Random(1).choices(range(keys.n), weights=[k**-keys.s for k in range(1, keys.n + 1)], k=lookups)
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for number, key in enumerate(draws):
        if key in cache:
            hits += number >= skip
            cache.move_to_end(key)
        else:
            cache[key] = None
            if len(cache) > entries:
                cache.popitem(last=False)
    return hits / (lookups - skip)


@pytest.mark.parametrize("entries", [50, 300, 1200])
def test_a_full_cache_hits_as_che_says(entries):
    assert played(ZIPF, entries, 120_000, skip=20_000) == pytest.approx(hit_ratio(ZIPF, entries), abs=0.01)


@pytest.mark.parametrize("lookups", [100, 1000, 5000])
def test_an_empty_cache_hits_as_the_coupon_collector_says(lookups):
    runs = [cold_hit_ratio(ZIPF, lookups), played(ZIPF, ZIPF.n, lookups)]

    assert runs[1] == pytest.approx(runs[0], abs=3 * (0.25 / lookups) ** 0.5)


def test_uniform_keys_have_closed_forms():
    keys = Keys(n=500)

    assert different_keys(keys, 500) == pytest.approx(500 * (1 - (1 - 1 / 500) ** 500))
    assert hit_ratio(keys, 125) == pytest.approx(0.25)
    assert characteristic_time(keys, 250) == pytest.approx(np.log(0.5) / np.log(1 - 1 / 500))


def test_grouped_keys_add_up_and_keep_their_order():
    p, count = popularity(Keys(n=200_000, s=0.6))

    assert count.sum() == 200_000
    assert (p * count).sum() == pytest.approx(1)
    assert (np.diff(p) < 0).all()


def test_the_groups_are_as_good_as_single_keys():
    keys, lookups = Keys(n=200_000, s=0.6), 3000
    p = np.arange(1, keys.n + 1) ** -keys.s
    p /= p.sum()

    assert different_keys(keys, lookups) == pytest.approx((1 - (1 - p) ** lookups).sum(), rel=1e-5)


def test_where_all_keys_fit_nothing_is_ever_lost():
    assert characteristic_time(ZIPF, ZIPF.n) == float("inf")
    assert hit_ratio(ZIPF, ZIPF.n) == pytest.approx(1)


def test_nothing_asked_is_nothing_found():
    assert (different_keys(ZIPF, 0), hit_ratio_at(ZIPF, 0)) == (0, 0)


def test_a_single_key_hits_from_the_second_time_on():
    assert cold_hit_ratio(Keys(n=1), 4) == 0.75
