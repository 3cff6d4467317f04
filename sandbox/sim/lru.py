"""Response caches: least recently used entries, bounded by entries and by bytes, all caches in shared arrays.

Each cache is a row of `caches` with its own slice of `entries` (a doubly linked list in recency order) and of
`slots` (an open-addressing hash table of entry numbers, linear probing, deletion by shifting back). Memory is
fixed by the entry bound when the cache is made.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sandbox.sim.compiled import jit

Ints = npt.NDArray[np.int64]

# columns of `caches`
(C_ENTRY_BASE, C_ENTRY_CAP, C_SLOT_BASE, C_SLOT_MASK, C_LEN, C_BYTES, C_BYTES_CAP, C_NEWEST, C_OLDEST, C_FREE, C_TTL) = range(11)
CACHE_COLUMNS = 11
# columns of `entries`
E_KEY, E_MODEL, E_NEWER, E_OLDER, E_BYTES, E_STORED = range(6)
ENTRY_COLUMNS = 6

NONE = -1


@jit
def _home(key: int, mask: int) -> int:
    mixed = key ^ (key >> 15)
    mixed = (mixed * 0x2C1B3C6D) & 0x7FFFFFFFFFFF
    mixed ^= mixed >> 13
    mixed = ((mixed & 0xFFFFFFFF) * 0x297A2D39) & 0x7FFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 17)) & mask


@jit
def _find_slot(caches: Ints, entries: Ints, slots: Ints, cache: int, key: int) -> int:
    """The slot that holds `key`, or the free slot where it would go."""
    base = caches[cache, C_SLOT_BASE]
    mask = caches[cache, C_SLOT_MASK]
    at = _home(key, mask)
    while True:
        entry = slots[base + at]
        if entry == NONE or entries[entry, E_KEY] == key:
            return int(base + at)
        at = (at + 1) & mask


@jit
def _unlink(caches: Ints, entries: Ints, cache: int, entry: int) -> None:
    newer = entries[entry, E_NEWER]
    older = entries[entry, E_OLDER]
    if newer == NONE:
        caches[cache, C_NEWEST] = older
    else:
        entries[newer, E_OLDER] = older
    if older == NONE:
        caches[cache, C_OLDEST] = newer
    else:
        entries[older, E_NEWER] = newer


@jit
def _link_newest(caches: Ints, entries: Ints, cache: int, entry: int) -> None:
    newest = caches[cache, C_NEWEST]
    entries[entry, E_NEWER] = NONE
    entries[entry, E_OLDER] = newest
    if newest == NONE:
        caches[cache, C_OLDEST] = entry
    else:
        entries[newest, E_NEWER] = entry
    caches[cache, C_NEWEST] = entry


@jit
def _remove(caches: Ints, entries: Ints, slots: Ints, cache: int, entry: int) -> None:
    """Take an entry out; its number becomes the head of the cache's free list."""
    base = caches[cache, C_SLOT_BASE]
    mask = caches[cache, C_SLOT_MASK]
    hole = _find_slot(caches, entries, slots, cache, entries[entry, E_KEY]) - base
    at = hole
    while True:
        at = (at + 1) & mask
        other = slots[base + at]
        if other == NONE:
            break
        home = _home(entries[other, E_KEY], mask)
        if ((at - home) & mask) >= ((at - hole) & mask):
            slots[base + hole] = other
            hole = at
    slots[base + hole] = NONE
    _unlink(caches, entries, cache, entry)
    caches[cache, C_LEN] -= 1
    caches[cache, C_BYTES] -= entries[entry, E_BYTES]
    entries[entry, E_OLDER] = caches[cache, C_FREE]
    caches[cache, C_FREE] = entry


@jit
def look_up(caches: Ints, entries: Ints, slots: Ints, cache: int, key: int, now: int) -> int:
    """The model that answered `key`, or NONE; a hit becomes the newest entry, an outlived one is a miss."""
    entry = slots[_find_slot(caches, entries, slots, cache, key)]
    if entry == NONE:
        return NONE
    ttl = caches[cache, C_TTL]
    if ttl > 0 and now - entries[entry, E_STORED] >= ttl:
        return NONE
    if caches[cache, C_NEWEST] != entry:
        _unlink(caches, entries, cache, entry)
        _link_newest(caches, entries, cache, entry)
    return int(entries[entry, E_MODEL])


@jit
def store(caches: Ints, entries: Ints, slots: Ints, cache: int, key: int, model: int, size: int, now: int) -> None:
    """Keep an answer, making room at the oldest end. An answer larger than the whole cache is not kept."""
    if size > caches[cache, C_BYTES_CAP] or caches[cache, C_ENTRY_CAP] == 0:
        return
    entry = slots[_find_slot(caches, entries, slots, cache, key)]
    if entry != NONE:
        caches[cache, C_BYTES] -= entries[entry, E_BYTES]
        caches[cache, C_LEN] -= 1
        _unlink(caches, entries, cache, entry)
        fresh = False
    else:
        entry = NONE
        fresh = True
    while caches[cache, C_LEN] > 0 and (
        caches[cache, C_LEN] >= caches[cache, C_ENTRY_CAP] or caches[cache, C_BYTES] + size > caches[cache, C_BYTES_CAP]
    ):
        _remove(caches, entries, slots, cache, caches[cache, C_OLDEST])
    if fresh:
        entry = caches[cache, C_FREE]
        caches[cache, C_FREE] = entries[entry, E_OLDER]
        entries[entry, E_KEY] = key
        slots[_find_slot(caches, entries, slots, cache, key)] = entry
    entries[entry, E_MODEL] = model
    entries[entry, E_BYTES] = size
    entries[entry, E_STORED] = now
    caches[cache, C_LEN] += 1
    caches[cache, C_BYTES] += size
    _link_newest(caches, entries, cache, entry)


def slots_for(entry_cap: int) -> int:
    """Size of the hash table: a power of two, at most half full."""
    return 1 << max(3, (2 * entry_cap - 1).bit_length())


def format_cache(caches: Ints, entries: Ints, slots: Ints, cache: int) -> None:
    """Empty a cache whose bases and bounds are set: all entries free, in order."""
    base = int(caches[cache, C_ENTRY_BASE])
    cap = int(caches[cache, C_ENTRY_CAP])
    entries[base : base + cap, E_OLDER] = np.arange(base + 1, base + cap + 1)
    if cap:
        entries[base + cap - 1, E_OLDER] = NONE
    slot_base = int(caches[cache, C_SLOT_BASE])
    slots[slot_base : slot_base + int(caches[cache, C_SLOT_MASK]) + 1] = NONE
    caches[cache, C_LEN] = caches[cache, C_BYTES] = 0
    caches[cache, C_NEWEST] = caches[cache, C_OLDEST] = NONE
    caches[cache, C_FREE] = base if cap else NONE
