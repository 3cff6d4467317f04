"""Counter-based random numbers: a draw is a hash of (stream, number), never a state.

A stream is a 64-bit seed made from a name (`stream`), a draw is 64 random bits (`mix64`), and a distribution is the
table of its quantiles (`quantile_cells`) in which `sample` looks the bits up. So whoever knows seed, name and number
draws the same: request i takes the same service time in the simulated world, whose kernel compiles these functions
(sandbox/sim/draws.py), and in a model server, which calls them as they are. Standard library only.

`mix64` is splitmix64's finaliser (Steele, Lea, Flood 2014) over seed + (i+1) * golden ratio, in signed arithmetic
that is the same compiled and interpreted. Tables are linearly interpolated: 2,048 cells, the outermost cells divided
again (once below, twice above). Only the table's making uses logarithms; its values are rounded to a grid that is
far coarser than what two C libraries disagree about. Left out: samplers of keys, which need arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Protocol

GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed number
_MIX_1 = -4658895280553007687  # 0xBF58476D1CE4E5B9
_MIX_2 = -7723592293110705685  # 0x94D049BB133111EB
_LOW_34 = (1 << 34) - 1
_LOW_37 = (1 << 37) - 1
_LOW_33 = (1 << 33) - 1
_LOW_53 = (1 << 53) - 1
_MASK = (1 << 64) - 1
_SIGN = 1 << 63
UNIT = 1.0 / (1 << 53)

_CELL_BITS = 11
CELLS = 1 << _CELL_BITS
_LAST = CELLS - 1
TABLE_SIZE = 4 * (CELLS + 1)
_LEVEL_MAIN, _LEVEL_BELOW, _LEVEL_ABOVE, _LEVEL_FAR_ABOVE = 0, CELLS + 1, 2 * (CELLS + 1), 3 * (CELLS + 1)


class Cells(Protocol):
    """Tables one after another: a tuple here, an array in the kernel."""

    def __getitem__(self, index: int, /) -> float: ...


def stream(seed: int, name: str) -> int:
    """A 64-bit stream from the run's seed and a name."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=8).digest(), "little", signed=True)


def wrap64(value: int) -> int:
    """The value as a 64-bit two's complement integer wraps around."""
    value = int(value) & _MASK
    return value - (1 << 64) if value & _SIGN else value


def mix64(stream_seed: int, number: int) -> int:
    """Draw `number` of a stream: 64 random bits as a signed integer."""
    x = wrap64(int(stream_seed) + wrap64((int(number) + 1) * GOLDEN))
    x = wrap64((x ^ ((x >> 30) & _LOW_34)) * _MIX_1)
    x = wrap64((x ^ ((x >> 27) & _LOW_37)) * _MIX_2)
    return x ^ ((x >> 31) & _LOW_33)


def uniform53(bits: int) -> int:
    """The upper 53 bits as an integer in [0, 2^53)."""
    return (bits >> 11) & _LOW_53


def sample(tables: Cells, table: int, bits: int) -> float:
    """The quantile of `table` at the uniform number given by 64 random bits; a negative table is `constant`."""
    if table < 0:
        return float(-1 - table)
    base = table * TABLE_SIZE
    u = (bits >> 11) & _LOW_53  # uniform53, which compiled code cannot call from here
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


def quantile_cells(quantile: Callable[[float], float], grid: float) -> list[float]:
    """The table of one distribution, rounded to multiples of `grid`. quantile(u) for u in [0, 1).

    Both ends are cut where u is 2^-45 away from 0 or 1.
    """
    cell = 1.0 / CELLS
    low_cut, high_cut = 2.0**-45, 1.0 - 2.0**-45
    spans = ((0.0, 1.0), (0.0, cell), (1.0 - cell, 1.0), (1.0 - cell * cell, 1.0))
    return [
        round(quantile(min(max(low + (high - low) * k / CELLS, low_cut), high_cut)) / grid) * grid
        for low, high in spans
        for k in range(CELLS + 1)
    ]
