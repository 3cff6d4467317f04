"""The arrays of the data plane as one tuple, and as the stages of the kernel see them.

Python holds matrices: `state.pods[pod, P_INSIDE]`. Stages see plain cells, row after row, and index them by where
the row begins: `p = pod * POD_COLUMNS; s.pods[p + P_INSIDE]`. The lower-case letter is always the one that the
columns' names begin with (h, r, a, p, f), `row`, `rev`, `act`, `pod` and `flow` are numbers of rows.
"""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from sandbox.sim.compiled import cells, float_cells, jit

Ints: TypeAlias = npt.NDArray[np.int64]
Floats: TypeAlias = npt.NDArray[np.float64]
Cells: TypeAlias = list[int]  # what compiled.cells makes of an array: to a type checker, a list
FloatCells: TypeAlias = list[float]
IntArray = TypeVar("IntArray")
FloatArray = TypeVar("FloatArray")


class State(NamedTuple, Generic[IntArray, FloatArray]):
    """The arrays of the data plane (columns.py)."""

    scalars: IntArray
    hops: IntArray
    heap_t: IntArray  # FOREVER beyond the heap's size
    heap_v: IntArray
    todo: IntArray
    revs: IntArray
    pods: IntArray
    acts: IntArray
    load: (
        IntArray  # [1 + activators, pods]: in flight per pod as the gateway counts (row 0) and activator a (row 1 + a)
    )
    endpoints: IntArray  # [revs, pods]: pods the gateway knows
    act_pods: IntArray  # [acts, pods]: pods an activator may use
    rev_counts: IntArray
    pod_counts: IntArray
    hist: IntArray  # [2 * revs, buckets]
    routes: IntArray
    targets: IntArray  # revision of each target
    shares: IntArray  # cumulative thresholds of each target
    flows: IntArray
    positions: FloatArray  # per flow: ns into its rate segment
    knots: FloatArray
    keys: IntArray  # alias tables
    tables: FloatArray  # quantile tables; table 0 is the unit exponential
    trace_t: IntArray
    trace_service: IntArray
    trace_key: IntArray
    trace_route: IntArray
    client_pods: IntArray  # [clients, pods]
    client_counts: IntArray
    caches: IntArray
    entries: IntArray
    details: IntArray
    slots: IntArray


Arrays: TypeAlias = State[Ints, Floats]
Memory: TypeAlias = State[Cells, FloatCells]


@jit
def as_cells(s: Arrays) -> Memory:
    """The same memory as the stages index it."""
    return State(
        cells(s.scalars),
        cells(s.hops),
        cells(s.heap_t),
        cells(s.heap_v),
        cells(s.todo),
        cells(s.revs),
        cells(s.pods),
        cells(s.acts),
        cells(s.load),
        cells(s.endpoints),
        cells(s.act_pods),
        cells(s.rev_counts),
        cells(s.pod_counts),
        cells(s.hist),
        cells(s.routes),
        cells(s.targets),
        cells(s.shares),
        cells(s.flows),
        float_cells(s.positions),
        float_cells(s.knots),
        cells(s.keys),
        float_cells(s.tables),
        cells(s.trace_t),
        cells(s.trace_service),
        cells(s.trace_key),
        cells(s.trace_route),
        cells(s.client_pods),
        cells(s.client_counts),
        cells(s.caches),
        cells(s.entries),
        cells(s.details),
        cells(s.slots),
    )
