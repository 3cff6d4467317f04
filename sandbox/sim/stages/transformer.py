"""A transformer after its own part: it answers from its response cache or asks the predictor on the same path.

The request to the predictor is the inner hop: the row after the outer request's. Which predictor revision it
would go to is drawn before the cache is asked, because the key may hold the model's version.
"""

from __future__ import annotations

from sandbox.mechanisms.caching import keys as caching
from sandbox.sim.columns import (
    ARRIVING,
    COUNTERS,
    DO_ARRIVE,
    DO_REPLY,
    F_SPLIT_STREAM,
    FLOW_COLUMNS,
    H_ACT,
    H_DEADLINE,
    H_FLOW,
    H_INDEX,
    H_KEY,
    H_OVER,
    H_POD,
    H_REV,
    H_STAGE,
    H_STATUS,
    H_T_IN,
    HOP_COLUMNS,
    N_HIT,
    N_MISS,
    N_STALE,
    NONE,
    P_CACHE,
    POD_COLUMNS,
    R_HOP,
    R_INNER_ROUTE,
    R_KEY_HAS_MODEL,
    R_MODEL,
    R_RESPONSE_BYTES,
    R_TIMEOUT,
    REV_COLUMNS,
    T_COUNT,
)
from sandbox.sim.compiled import jit
from sandbox.sim.draws import mix64
from sandbox.sim.lru import look_up, store
from sandbox.sim.stages.arrivals import draw_target
from sandbox.sim.state import Memory

cache_key = jit(caching.cache_key)
is_stale = jit(caching.is_stale)
looks = jit(caching.looks)
stores = jit(caching.stores)


@jit
def key_of(s: Memory, h: int, model: int) -> int:
    """What the outer request at `h` asks the cache for."""
    has_model = s.revs[s.hops[h + H_REV] * REV_COLUMNS + R_KEY_HAS_MODEL] != 0
    return cache_key(s.hops[h + H_KEY], model, has_model)


@jit
def ask_cache(s: Memory, h: int, cache: int, model: int, now: int) -> bool:
    """Is the answer in the cache? Counts hits, stale ones among them, and misses."""
    counts = 2 * s.hops[h + H_POD] * COUNTERS
    stored = look_up(s.caches, s.entries, s.details, s.slots, cache, key_of(s, h, model), now)
    if stored == NONE:
        s.pod_counts[counts + N_MISS] += 1
        return False
    s.pod_counts[counts + N_HIT] += 1
    if is_stale(stored, model):
        s.pod_counts[counts + N_STALE] += 1
    return True


@jit
def keep_answer(s: Memory, outer: int, inner: int, now: int) -> None:
    """Store the predictor's good answer in the cache of the transformer's pod. outer, inner: where hops begin."""
    cache = s.pods[s.hops[outer + H_POD] * POD_COLUMNS + P_CACHE]
    if cache == NONE or not stores(s.hops[inner + H_STATUS]):
        return
    r = s.hops[inner + H_REV] * REV_COLUMNS
    model = s.revs[r + R_MODEL]
    key = key_of(s, outer, model)
    store(s.caches, s.entries, s.details, s.slots, cache, key, model, s.revs[r + R_RESPONSE_BYTES], now)


@jit
def ask_predictor(s: Memory, row: int, rev: int, now: int) -> None:
    """Fill the inner hop. It may not take longer than the outer request still has."""
    hops = s.hops
    h = row * HOP_COLUMNS
    r = rev * REV_COLUMNS
    inner = h + HOP_COLUMNS
    deadline = now + s.revs[r + R_TIMEOUT]
    hops[inner + H_REV] = rev
    hops[inner + H_POD] = NONE
    hops[inner + H_ACT] = NONE
    hops[inner + H_T_IN] = now
    hops[inner + H_DEADLINE] = deadline if deadline < hops[h + H_DEADLINE] else hops[h + H_DEADLINE]
    hops[inner + H_STAGE] = ARRIVING
    hops[inner + H_STATUS] = 200
    hops[inner + H_OVER] = s.revs[r + R_HOP]


@jit
def proceed(s: Memory, row: int, now: int) -> int:
    """A container has done its work. Returns DO_REPLY, or DO_ARRIVE for the inner hop."""
    hops = s.hops
    h = row * HOP_COLUMNS
    route = s.revs[hops[h + H_REV] * REV_COLUMNS + R_INNER_ROUTE]
    if route == NONE or hops[h + H_STATUS] != 200:
        return DO_REPLY
    if s.routes[2 * route + T_COUNT] == 0:
        hops[h + H_STATUS] = 503
        return DO_REPLY
    split_stream = s.flows[hops[h + H_FLOW] * FLOW_COLUMNS + F_SPLIT_STREAM]
    rev = draw_target(s, route, mix64(split_stream, 2 * hops[h + H_INDEX] + 1))
    cache = s.pods[hops[h + H_POD] * POD_COLUMNS + P_CACHE]
    if looks(hops[h + H_STATUS], cache != NONE) and ask_cache(s, h, cache, s.revs[rev * REV_COLUMNS + R_MODEL], now):
        return DO_REPLY
    ask_predictor(s, row, rev, now)
    return DO_ARRIVE
