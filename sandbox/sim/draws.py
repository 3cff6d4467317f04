"""Counter-based random numbers and samplers: a draw is a hash of (stream, number), never a state.

Request i of a flow therefore has the same arrival, key and service time in every variant and every world, on
every interpreter. The hash and the look-up in a table of quantiles are sandbox/mechanisms/serving/draws.py, which
model servers share; here they are compiled, and joined by what needs arrays: alias tables for keys, and shuffles.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from sandbox.mechanisms.serving import draws
from sandbox.mechanisms.serving.draws import TABLE_SIZE, UNIT, constant, quantile_cells, stream
from sandbox.mechanisms.traffic import keys
from sandbox.requests import schedule
from sandbox.sim.compiled import jit, jit_outer

__all__ = [
    "LOW_32",
    "TABLE_SIZE",
    "UNIT",
    "alias_draw",
    "alias_table",
    "below",
    "constant",
    "mix64",
    "quantile_table",
    "sample",
    "shuffle_front",
    "stream",
    "uniform53",
    "unit_exponential_table",
]

LOW_32 = (1 << 32) - 1

mix64 = jit(draws.mix64)
uniform53 = jit(draws.uniform53)
sample = jit(draws.sample)


@jit
def below(bits: int, n: int) -> int:
    """The upper 32 bits scaled to [0, n), n < 2^31."""
    return (((bits >> 32) & LOW_32) * n) >> 32


def quantile_table(quantile: Callable[[float], float], grid: float) -> npt.NDArray[np.float64]:
    """The table of one distribution (draws.quantile_cells) as an array."""
    return np.array(quantile_cells(quantile, grid), dtype=np.float64)


@functools.cache
def unit_exponential_table() -> npt.NDArray[np.float64]:
    """The table of the exponential distribution with mean 1, made once. Not to be written to."""
    return np.array(schedule.unit_exponential(), dtype=np.float64)


_fill_alias = jit_outer(keys.fill_alias)
alias_draw = jit(keys.alias_draw)


def alias_table(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Walker's alias table, filled by compiled code."""
    return schedule.alias_table(weights, _fill_alias)


@jit_outer
def shuffle_front(items: npt.NDArray[np.int64], n: int, stream_seed: int, first: int) -> None:
    """Put n random ones of `items` in front, in random order (Fisher and Yates, stopped early).

    Uses draws first … first + n - 1 of the stream.
    """
    for i in range(n):
        j = i + below(mix64(stream_seed, first + i), items.shape[0] - i)
        item = items[i]
        items[i] = items[j]
        items[j] = item
