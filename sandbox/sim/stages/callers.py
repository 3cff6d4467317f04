"""Who a request comes from, as the mesh tells callers apart (sim/mesh.py gives them their numbers)."""

from __future__ import annotations

from sandbox.sim.columns import (
    F_CALLER,
    FLOW_COLUMNS,
    H_FLOW,
    H_REV,
    HOP_COLUMNS,
    R_CALLER,
    REV_COLUMNS,
)
from sandbox.sim.compiled import jit
from sandbox.sim.state import Memory


@jit
def caller(s: Memory, row: int) -> int:
    """Who asks: the flow's source, or for the inner hop the transformer's pods."""
    outer = (row & ~1) * HOP_COLUMNS
    if row & 1:
        return s.revs[s.hops[outer + H_REV] * REV_COLUMNS + R_CALLER]
    return s.flows[s.hops[outer + H_FLOW] * FLOW_COLUMNS + F_CALLER]
