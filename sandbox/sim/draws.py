"""Counter-based random numbers and samplers: a draw is a hash of (stream, number), never a state.

Request i of a flow therefore has the same arrival, key and service time in every variant and every world, on
every interpreter. Streams are 64-bit seeds made from names; `mix64` is splitmix64's finaliser (Steele, Lea,
Flood 2014) over seed + (i+1) * golden ratio, in signed arithmetic that is the same compiled and interpreted.

Continuous distributions are tables of their quantile function with linear interpolation: 2,048 cells, the
outermost cells divided again (once below, twice above). Only the table's making uses logarithms; its values are
rounded to a grid that is far coarser than what two C libraries disagree about.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from sandbox.sim.compiled import jit, jit_outer, wrap64

GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed number
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB
_LOW_34 = (1 << 34) - 1
_LOW_37 = (1 << 37) - 1
_LOW_33 = (1 << 33) - 1
_LOW_53 = (1 << 53) - 1
LOW_32 = (1 << 32) - 1
UNIT = 1.0 / (1 << 53)

_CELL_BITS = 11
CELLS = 1 << _CELL_BITS
_LAST = CELLS - 1
TABLE_SIZE = 4 * (CELLS + 1)
_LEVEL_MAIN, _LEVEL_BELOW, _LEVEL_ABOVE, _LEVEL_FAR_ABOVE = 0, CELLS + 1, 2 * (CELLS + 1), 3 * (CELLS + 1)


def stream(seed: int, name: str) -> int:
    """A 64-bit stream from the run's seed and a name."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "little", signed=True)


@jit
def mix64(stream_seed: int, number: int) -> int:
    """Draw `number` of a stream: 64 random bits as a signed integer."""
    x = wrap64(int(stream_seed) + wrap64((int(number) + 1) * GOLDEN))
    x = wrap64((x ^ ((x >> 30) & _LOW_34)) * _MIX_1)
    x = wrap64((x ^ ((x >> 27) & _LOW_37)) * _MIX_2)
    return x ^ ((x >> 31) & _LOW_33)


@jit
def uniform53(bits: int) -> int:
    """The upper 53 bits as an integer in [0, 2^53)."""
    return (bits >> 11) & _LOW_53


@jit
def below(bits: int, n: int) -> int:
    """The upper 32 bits scaled to [0, n), n < 2^31."""
    return (((bits >> 32) & LOW_32) * n) >> 32


@jit
def sample(tables: Sequence[float] | npt.NDArray[np.float64], table: int, bits: int) -> float:
    """The quantile of `table` at the uniform number given by 64 random bits; a negative table is `constant`."""
    if table < 0:
        return float(-1 - table)
    base = table * TABLE_SIZE
    u = uniform53(bits)
    cell = u >> (53 - _CELL_BITS)
    rest = u & ((1 << (53 - _CELL_BITS)) - 1)
    width = 53 - _CELL_BITS
    if cell == 0 or cell == _LAST:
        level = _LEVEL_BELOW if cell == 0 else _LEVEL_ABOVE
        width -= _CELL_BITS
        cell = rest >> width
        rest &= (1 << width) - 1
        if level == _LEVEL_ABOVE and cell == _LAST:
            level = _LEVEL_FAR_ABOVE
            width -= _CELL_BITS
            cell = rest >> width
            rest &= (1 << width) - 1
        base += level
    low = tables[base + cell]
    return float(low + (tables[base + cell + 1] - low) * (float(rest) / float(1 << width)))


def constant(value: int) -> int:
    """The number of the table of a distribution that has but one value, a natural number.

    >>> sample([], constant(5), 1234)
    5.0
    """
    return -1 - value


def quantile_table(quantile: Callable[[float], float], grid: float) -> npt.NDArray[np.float64]:
    """The table of one distribution, rounded to multiples of `grid`. quantile(u) for u in [0, 1).

    Both ends are cut where u is 2^-45 away from 0 or 1.
    """
    cell = 1.0 / CELLS
    low_cut, high_cut = 2.0**-45, 1.0 - 2.0**-45
    spans = ((0.0, 1.0), (0.0, cell), (1.0 - cell, 1.0), (1.0 - cell * cell, 1.0))
    values = [
        quantile(min(max(low + (high - low) * k / CELLS, low_cut), high_cut))
        for low, high in spans
        for k in range(CELLS + 1)
    ]
    return np.array([round(value / grid) * grid for value in values], dtype=np.float64)


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
