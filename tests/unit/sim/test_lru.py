"""Response caches against a model in an OrderedDict."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sandbox.sim import lru
from sandbox.sim.lru import NONE, look_up, store

KEYS = st.integers(0, 25)
BIG = st.integers(0, 5).map(lambda model: (model + 1) << 40)


class Caches(RuleBasedStateMachine):
    """Two caches in the same arrays; the second one is there to be left alone."""

    @initialize(entries=st.integers(0, 8), size=st.integers(0, 60), ttl=st.sampled_from([0, 15]))
    def make(self, entries: int, size: int, ttl: int) -> None:
        n_slots = lru.slots_for(entries)
        self.bounds = (entries, size, ttl)
        self.caches = np.zeros((2, lru.CACHE_COLUMNS), dtype=np.int64)
        self.entries = np.zeros((2 * entries + 1, lru.ENTRY_COLUMNS), dtype=np.int64)
        self.details = np.zeros((2 * entries + 1, lru.DETAIL_COLUMNS), dtype=np.int64)
        self.slots = np.zeros(2 * n_slots, dtype=np.int64)
        for cache in range(2):
            row = self.caches[cache]
            row[lru.C_ENTRY_BASE], row[lru.C_ENTRY_CAP] = cache * entries, entries
            row[lru.C_SLOT_BASE], row[lru.C_SLOT_MASK] = cache * n_slots, n_slots - 1
            row[lru.C_BYTES_CAP], row[lru.C_TTL] = size, ttl
            lru.format_cache(self.caches, self.entries, self.slots, cache)
        self.model: OrderedDict[int, tuple[int, int, int]] = OrderedDict()  # key: (model, bytes, stored)
        self.now = 0

    def arrays(self) -> list[np.ndarray]:
        return [array.reshape(-1) for array in (self.caches, self.entries, self.details, self.slots)]

    @rule(key=KEYS, plus=BIG, wait=st.integers(0, 6))
    def look(self, key: int, plus: int, wait: int) -> None:
        self.now += wait
        key += plus
        known = self.model.get(key)
        ttl = self.bounds[2]
        if known is not None and ttl and self.now - known[2] >= ttl:
            known = None
        if known is not None:
            self.model.move_to_end(key)

        got = look_up(*self.arrays(), 0, key, self.now)

        assert got == (NONE if known is None else known[0])

    @rule(key=KEYS, plus=BIG, model=st.integers(0, 3), size=st.integers(0, 25))
    def keep(self, key: int, plus: int, model: int, size: int) -> None:
        key += plus
        entries, most, _ = self.bounds
        if entries and size <= most:
            self.model.pop(key, None)
            while self.model and (len(self.model) >= entries or self.held() + size > most):
                self.model.popitem(last=False)
            self.model[key] = (model, size, self.now)

        store(*self.arrays(), 0, key, model, size, self.now)

    @rule()
    def flush(self) -> None:
        self.model.clear()
        lru.format_cache(self.caches, self.entries, self.slots, 0)

    def held(self) -> int:
        return sum(size for _, size, _ in self.model.values())

    @invariant()
    def bounds_hold(self) -> None:
        length, size = self.caches[0, [lru.C_LEN, lru.C_BYTES]].tolist()
        assert (length, size) == (len(self.model), self.held())

    @invariant()
    def the_recency_order_is_the_models(self) -> None:
        order = []
        entry = self.caches[0, lru.C_OLDEST]
        while entry != NONE:
            order.append(int(self.entries[entry, lru.E_KEY]))
            entry = self.entries[entry, lru.E_NEWER]
        assert order == list(self.model)

    @invariant()
    def the_other_cache_is_empty(self) -> None:
        assert self.caches[1, lru.C_LEN] == 0
        assert look_up(*self.arrays(), 1, 1, self.now) == NONE


TestCaches = Caches.TestCase
TestCaches.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)


def test_a_hash_table_is_never_more_than_two_thirds_full() -> None:
    assert all(entries * 3 <= lru.slots_for(entries) * 2 for entries in range(5000))
