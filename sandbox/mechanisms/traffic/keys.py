"""Which key a request asks for: Walker's alias method over any weights.

Functions in numba's subset: the simulated data plane compiles them, the schedule of a real load generator calls them
as they are. A table has one packed integer a key, (threshold in 1/2^31) << 32 | alias; thresholds are integers, so a
draw compares integers only.
"""

from __future__ import annotations

from typing import Protocol

_LOW_31 = 0x7FFFFFFF
_LOW_32 = (1 << 32) - 1


class Whole(Protocol):
    """Integers that are read and written: a list, or an array of 64-bit ones."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> int: ...
    def __setitem__(self, index: int, value: int, /) -> None: ...


class Real(Protocol):
    """Numbers that are read and written."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> float: ...
    def __setitem__(self, index: int, value: float, /) -> None: ...


def fill_alias(scaled: Real, waiting: Whole, packed: Whole) -> None:
    """Vose's method. `scaled`: weights with a mean of 1, used up; `packed`: the table, as long.

    `waiting`, as long, holds the small ones from its left end and the large ones from its right end.

    >>> packed = [0, 0]
    >>> fill_alias([0.5, 1.5], [0, 0], packed)
    >>> [(cell >> 32) / 2**31 for cell in packed], [cell & 1 for cell in packed]
    ([0.5, 0.0], [1, 1])
    """
    n = len(scaled)
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


def alias_draw(packed: Whole, offset: int, n: int, bits: int) -> int:
    """A key in [0, n) from 64 random bits; the table begins at `offset`.

    >>> packed = [0, 0]
    >>> fill_alias([0.5, 1.5], [0, 0], packed)
    >>> alias_draw(packed, 0, 2, 0), alias_draw(packed, 0, 2, 1 << 63)
    (0, 1)
    """
    k = (((bits >> 32) & _LOW_32) * n) >> 32
    cell = packed[offset + k]
    if ((bits >> 1) & _LOW_31) < (cell >> 32):
        return int(k)
    return int(cell & _LOW_32)
