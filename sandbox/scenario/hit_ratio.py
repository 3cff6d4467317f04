"""What an LRU response cache should answer by itself, from the popularity of its keys alone.

Scenario files take their bounds from here, oracles compare the simulated cache with it. Comes in: `Keys` (Zipf),
how many entries the cache holds, how many look-ups it has seen; goes out: hit ratios. Che's approximation: a key
stays in a full cache for a *characteristic time* T, counted in look-ups, that is the same for all keys; T is where
the expected number of different keys among T look-ups equals the entries. A cache that was empty n look-ups ago
behaves as if its characteristic time were n, until n reaches T. Exact for no cache, within 1 % for the ones here
(tests/scenarios compares).

Leaves out: limits in bytes, expiry, several caches that share the keys (give each its own number of look-ups), the
time a missed answer takes to arrive.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from sandbox.scenario.model import Keys

Floats = NDArray[np.float64]
_HALVINGS = 60
_ALONE = 1000  # this many of the most popular keys are counted one by one
_GROUP = 1.01  # further ones in groups whose last rank is at most 1 % beyond the first: an error below 1e-5


@lru_cache(maxsize=8)
def popularity(keys: Keys) -> tuple[Floats, Floats]:
    """Probabilities, most popular first, and how many keys share each.

    >>> p, count = popularity(Keys(n=3, s=1.0))
    >>> [round(float(one), 3) for one in p], [int(one) for one in count]
    ([0.545, 0.273, 0.182], [1, 1, 1])
    """
    weights = np.arange(1, keys.n + 1, dtype=np.float64) ** -keys.s
    firsts = list(range(min(_ALONE, keys.n)))
    while firsts[-1] + 1 < keys.n:
        firsts.append(max(int(firsts[-1] * _GROUP), firsts[-1] + 1))
    if firsts[-1] >= keys.n:
        firsts.pop()
    count = np.diff([*firsts, keys.n]).astype(np.float64)
    return np.add.reduceat(weights, firsts) / weights.sum() / count, count


def different_keys(keys: Keys, lookups: float) -> float:
    """How many different keys `lookups` independent look-ups ask for, on average (the coupon collector's count).

    >>> round(different_keys(Keys(n=2), 2), 3)
    1.5
    """
    _, count = popularity(keys)
    return float((count * _asked(keys, lookups)).sum())


def _asked(keys: Keys, lookups: float) -> Floats:
    """Chance that each key is among so many look-ups: 1 - (1 - p)^n."""
    p, _ = popularity(keys)
    if lookups <= 0:
        return np.zeros(len(p))
    with np.errstate(divide="ignore"):  # of a single key p is 1
        return np.asarray(-np.expm1(lookups * np.log1p(-p)), dtype=np.float64)


def characteristic_time(keys: Keys, entries: float) -> float:
    """Look-ups that an entry survives without being asked for; infinite where all keys fit.

    >>> round(characteristic_time(Keys(n=1000), 500))
    693
    """
    if entries >= keys.n:
        return float("inf")
    low, high = 0.0, 1.0
    while different_keys(keys, high) < entries:
        high *= 2.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if different_keys(keys, middle) < entries else (low, middle)
    return high


def hit_ratio_at(keys: Keys, lookups: float) -> float:
    """Chance that the next look-up hits in a cache that lost nothing of the last `lookups` and knows nothing else.

    With the characteristic time as `lookups` this is Che's hit ratio of a full cache.

    >>> round(hit_ratio_at(Keys(n=1000), characteristic_time(Keys(n=1000), 500)), 3)
    0.5
    """
    p, count = popularity(keys)
    return float((count * p * _asked(keys, lookups)).sum())


def hit_ratio(keys: Keys, entries: float) -> float:
    """Che's hit ratio of a full cache.

    >>> round(hit_ratio(Keys(n=1000, s=0.8), 100), 2)
    0.38
    """
    return hit_ratio_at(keys, characteristic_time(keys, entries))


def cold_hit_ratio(keys: Keys, lookups: float) -> float:
    """Share of the first `lookups` of an empty cache that hit: all but the first asking for each key.

    >>> cold_hit_ratio(Keys(n=2), 2)
    0.25
    """
    return 1.0 - different_keys(keys, lookups) / lookups
