"""Counter-based random numbers and samplers: a draw is a hash of (stream, number), never a state.

Request i of a flow therefore has the same arrival, key and service time in every variant and every world, on
every interpreter. The hash and the look-up in a table of quantiles are sandbox/mechanisms/serving/draws.py, which
model servers share; here they are compiled, and joined by what needs arrays: alias tables for keys, and shuffles.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sandbox.mechanisms.serving import draws
from sandbox.mechanisms.serving.draws import TABLE_SIZE, UNIT, constant, quantile_cells, stream
from sandbox.sim.compiled import jit, jit_outer

__all__ = [
    "LOW_32",
    "TABLE_SIZE",
    "UNIT",
    "UNIT_EXPONENTIAL_GRID",
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


UNIT_EXPONENTIAL_GRID = 2.0**-26


@functools.cache
def unit_exponential_table() -> npt.NDArray[np.float64]:
    """The table of the exponential distribution with mean 1, made once. Not to be written to."""
    return quantile_table(lambda u: -math.log1p(-u), UNIT_EXPONENTIAL_GRID)


def alias_table(weights: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Walker's alias table: one packed integer a key, (threshold in 1/2^31) << 32 | alias.

    Thresholds are integers, so a draw compares integers only.
    """
    scaled = weights * (len(weights) / weights.sum())
    packed = np.empty(len(weights), dtype=np.int64)
    _fill_alias(scaled, np.empty(len(weights), dtype=np.int64), packed)
    return packed


@jit_outer
def _fill_alias(scaled: npt.NDArray[np.float64], waiting: npt.NDArray[np.int64], packed: npt.NDArray[np.int64]) -> None:
    """Vose's method. `waiting` holds the small ones from its left end and the large ones from its right end."""
    n = scaled.shape[0]
    small = 0
    large = n
    for key in range(n):
        packed[key] = key  # threshold 0 and its own alias: a key of just the mean weight
        if scaled[key] < 1.0:
            waiting[small] = key
            small += 1
        else:
            large -= 1
            waiting[large] = key
    while small > 0 and large < n:
        small -= 1
        poor = waiting[small]
        rich = waiting[large]
        packed[poor] = (int(scaled[poor] * 2147483648.0) << 32) | rich
        scaled[rich] -= 1.0 - scaled[poor]
        if scaled[rich] < 1.0:
            large += 1
            waiting[small] = rich
            small += 1


@jit
def alias_draw(packed: Sequence[int] | npt.NDArray[np.int64], offset: int, n: int, bits: int) -> int:
    """A key in [0, n) from 64 random bits."""
    k = below(bits, n)
    cell = packed[offset + k]
    if ((bits >> 1) & 0x7FFFFFFF) < (cell >> 32):
        return int(k)
    return int(cell & LOW_32)


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
