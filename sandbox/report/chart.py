"""Small charts of block characters, for a terminal 80 columns wide.

Comes in: one number per second (or row); goes out: lines of text. Values are averaged (rates) or taken at their
highest (pods) where there are more of them than columns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

WIDTH = 66  # columns for the data; the labels before them take 10
HEIGHT = 5
_EIGHTHS = " ▁▂▃▄▅▆▇█"
_WANTED = "░"


def bar_chart(title: str, values: Sequence[float], end_s: float, *, height: int = HEIGHT) -> list[str]:
    """One series as filled columns, averaged where several values share a column."""
    columns = _columns(values, lambda some: sum(some) / len(some))
    top = _nice_top(max(columns, default=0.0))
    return _framed(title, [_filled(columns, top, row, height) for row in range(height)], top, len(columns), end_s)


def level_chart(
    title: str, there: Sequence[float], wanted: Sequence[float], end_s: float, *, height: int = HEIGHT
) -> list[str]:
    """What is there as filled columns, and in lighter blocks what is wanted beyond that."""
    solid, light = _columns(there, max), _columns(wanted, max)
    top = _nice_top(max([*solid, *light], default=0.0))
    rows = []
    for row in range(height):
        above = _filled(light, top, row, height)
        rows.append(
            "".join(
                one if one != " " else (_WANTED if shade != " " else " ")
                for one, shade in zip(_filled(solid, top, row, height), above, strict=True)
            )
        )
    return _framed(title, rows, top, len(solid), end_s)


def _columns(values: Sequence[float], merge: Callable[[Sequence[float]], float]) -> list[float]:
    """At most WIDTH numbers, one a column; few values get several columns each."""
    if len(values) <= WIDTH:
        return [float(value) for value in values for _ in range(WIDTH // len(values))]
    cuts = [round(column * len(values) / WIDTH) for column in range(WIDTH + 1)]
    return [float(merge(values[low:high])) for low, high in itertools.pairwise(cuts)]


def _filled(columns: Sequence[float], top: float, row: int, height: int) -> str:
    """One line of the chart; row 0 is the uppermost. Anything above zero shows at least a sliver."""
    floor = height - 1 - row
    cells = []
    for value in columns:
        eighths = max(round(value / top * height * 8), 1 if value > 0 else 0) - 8 * floor
        cells.append(_EIGHTHS[min(max(eighths, 0), 8)])
    return "".join(cells)


def _nice_top(highest: float) -> float:
    """The upper end of the axis: 1, 1.5, 2, 3, 4, 5, 6 or 8 times a power of ten, not below `highest`.

    >>> _nice_top(1490), _nice_top(7), _nice_top(0)
    (1500.0, 8.0, 1.0)
    """
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next((step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= highest), 10 * power)


def _framed(title: str, rows: Sequence[str], top: float, width: int, end_s: float) -> list[str]:
    labels = [f"{top:,g}", *[""] * (len(rows) - 1)]
    end = f"{end_s:g} s"
    gap = max(width - len("0 s") - len(end), 1)
    return [
        title,
        *(f"{label:>9} │{row.rstrip()}" for label, row in zip(labels, rows, strict=True)),
        f"{'0':>9} └{'─' * width}",
        f"{'':11}0 s{' ' * gap}{end}",
    ]
