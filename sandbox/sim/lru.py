"""Response caches: least recently used entries, bounded by entries and by bytes, all caches in shared arrays.

Each cache is a row of `caches` with its own slice of `entries` (a doubly linked list in recency order) and of
`slots` (an open-addressing hash table of entry numbers, linear probing, deletion by shifting back). Memory is
fixed by the entry bound when the cache is made. In compiled functions `c` is where the cache's row begins and
`e` where an entry's does; all arrays are cells (state.py).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sandbox.mechanisms.caching import keys as caching
from sandbox.sim.compiled import jit, jit_apart
from sandbox.sim.state import Cells

fits = jit(caching.fits)

Ints = npt.NDArray[np.int64]

# columns of `caches`
(
    C_ENTRY_BASE,
    C_ENTRY_CAP,
    C_SLOT_BASE,
    C_SLOT_MASK,
    C_LEN,
    C_BYTES,
    C_BYTES_CAP,
    C_NEWEST,
    C_OLDEST,
    C_FREE,
    C_TTL,
) = range(11)
CACHE_COLUMNS = 16
# columns of `entries`, what every look-up reads: half a cache line
E_KEY, E_MODEL, E_NEWER, E_OLDER = range(4)
ENTRY_COLUMNS = 4
# columns of `details`, the rest of an entry
D_BYTES, D_STORED = range(2)
DETAIL_COLUMNS = 2

NONE = -1
# a slot: tag << TAG_SHIFT | entry, or NONE
TAG_SHIFT = 32
TAG_MASK = (1 << 31) - 1
ROW_MASK = (1 << 32) - 1


@jit
def _tag(key: int) -> int:
    """31 bits of a key, well mixed: a slot holds them above its entry's number, and the lowest say its home."""
    mixed = int(key ^ (key >> 15))
    mixed = (mixed * 0x2C1B3C6D) & 0x7FFFFFFFFFFF
    mixed ^= mixed >> 13
    mixed = ((mixed & 0xFFFFFFFF) * 0x297A2D39) & 0x7FFFFFFFFFFFFFFF
    return (mixed ^ (mixed >> 17)) & TAG_MASK


@jit
def _find_slot(caches: Cells, entries: Cells, slots: Cells, c: int, key: int) -> int:
    """The slot that holds `key`, or the free slot where it would go.

    Entries are far apart in memory: only one with the right tag is looked at.
    """
    base = caches[c + C_SLOT_BASE]
    mask = caches[c + C_SLOT_MASK]
    tag = _tag(key)
    at = tag & mask
    while True:
        slot = slots[base + at]
        if slot == NONE or (slot >> TAG_SHIFT == tag and entries[(slot & ROW_MASK) * ENTRY_COLUMNS + E_KEY] == key):
            return base + at
        at = (at + 1) & mask


@jit
def _unlink(caches: Cells, entries: Cells, c: int, entry: int) -> None:
    """Take an entry out of the recency order."""
    newer = entries[entry * ENTRY_COLUMNS + E_NEWER]
    older = entries[entry * ENTRY_COLUMNS + E_OLDER]
    if newer == NONE:
        caches[c + C_NEWEST] = older
    else:
        entries[newer * ENTRY_COLUMNS + E_OLDER] = older
    if older == NONE:
        caches[c + C_OLDEST] = newer
    else:
        entries[older * ENTRY_COLUMNS + E_NEWER] = newer


@jit
def _link_newest(caches: Cells, entries: Cells, c: int, entry: int) -> None:
    """Put an entry at the new end of the recency order."""
    newest = caches[c + C_NEWEST]
    entries[entry * ENTRY_COLUMNS + E_NEWER] = NONE
    entries[entry * ENTRY_COLUMNS + E_OLDER] = newest
    if newest == NONE:
        caches[c + C_OLDEST] = entry
    else:
        entries[newest * ENTRY_COLUMNS + E_NEWER] = entry
    caches[c + C_NEWEST] = entry


@jit
def _empty_slot(caches: Cells, slots: Cells, c: int, hole: int) -> None:
    """Empty a slot, and move the ones after it up that would not be found otherwise."""
    base = caches[c + C_SLOT_BASE]
    mask = caches[c + C_SLOT_MASK]
    at = hole
    while True:
        at = (at + 1) & mask
        other = slots[base + at]
        if other == NONE:
            break
        home = other >> TAG_SHIFT
        if ((at - home) & mask) >= ((at - hole) & mask):
            slots[base + hole] = other
            hole = at
    slots[base + hole] = NONE


@jit
def _evict_oldest(caches: Cells, entries: Cells, details: Cells, slots: Cells, c: int) -> None:
    """The oldest entry goes; its number becomes the head of the cache's free list."""
    entry = caches[c + C_OLDEST]
    e = entry * ENTRY_COLUMNS
    slot = _find_slot(caches, entries, slots, c, entries[e + E_KEY])
    _empty_slot(caches, slots, c, slot - caches[c + C_SLOT_BASE])
    _unlink(caches, entries, c, entry)
    caches[c + C_LEN] -= 1
    caches[c + C_BYTES] -= details[entry * DETAIL_COLUMNS + D_BYTES]
    entries[e + E_OLDER] = caches[c + C_FREE]
    caches[c + C_FREE] = entry


@jit_apart
def look_up(caches: Cells, entries: Cells, details: Cells, slots: Cells, cache: int, key: int, now: int) -> int:
    """The model that answered `key`, or NONE; a hit becomes the newest entry, an outlived one is a miss."""
    c = cache * CACHE_COLUMNS
    slot = slots[_find_slot(caches, entries, slots, c, key)]
    if slot == NONE:
        return NONE
    entry = slot & ROW_MASK
    e = entry * ENTRY_COLUMNS
    ttl = caches[c + C_TTL]
    if ttl > 0 and now - details[entry * DETAIL_COLUMNS + D_STORED] >= ttl:
        return NONE
    if caches[c + C_NEWEST] != entry:
        _unlink(caches, entries, c, entry)
        _link_newest(caches, entries, c, entry)
    return entries[e + E_MODEL]


@jit_apart
def store(
    caches: Cells,
    entries: Cells,
    details: Cells,
    slots: Cells,
    cache: int,
    key: int,
    model: int,
    size: int,
    now: int,
) -> None:
    """Keep an answer, making room at the oldest end. An answer larger than the whole cache is not kept."""
    c = cache * CACHE_COLUMNS
    if not fits(size, caches[c + C_BYTES_CAP]) or caches[c + C_ENTRY_CAP] == 0:
        return
    slot = slots[_find_slot(caches, entries, slots, c, key)]
    fresh = slot == NONE
    entry = slot & ROW_MASK
    if not fresh:
        _unlink(caches, entries, c, entry)
        caches[c + C_LEN] -= 1
        caches[c + C_BYTES] -= details[entry * DETAIL_COLUMNS + D_BYTES]
    while caches[c + C_LEN] > 0 and (
        caches[c + C_LEN] >= caches[c + C_ENTRY_CAP] or caches[c + C_BYTES] + size > caches[c + C_BYTES_CAP]
    ):
        _evict_oldest(caches, entries, details, slots, c)
    if fresh:
        entry = caches[c + C_FREE]
        caches[c + C_FREE] = entries[entry * ENTRY_COLUMNS + E_OLDER]
        entries[entry * ENTRY_COLUMNS + E_KEY] = key
        slots[_find_slot(caches, entries, slots, c, key)] = (_tag(key) << TAG_SHIFT) | entry
    entries[entry * ENTRY_COLUMNS + E_MODEL] = model
    details[entry * DETAIL_COLUMNS + D_BYTES] = size
    details[entry * DETAIL_COLUMNS + D_STORED] = now
    caches[c + C_LEN] += 1
    caches[c + C_BYTES] += size
    _link_newest(caches, entries, c, entry)


# ---- from Python: the arrays as matrices


def slots_for(entry_cap: int) -> int:
    """Size of the hash table: a power of two, at most two thirds full."""
    return 1 << max(3, (entry_cap + entry_cap // 2).bit_length())


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
