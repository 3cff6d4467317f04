"""`Measured`: a number that knows its interval; comparing it is an expectation that gets recorded.

Comes in: estimates from `window.py`; goes out: `Expectation`s, one for each comparison, to the recorder that
the judge installs around a test function with `recording(...)`. So a run that passes can print what was measured
against which bound, which a bare assert could not.

A comparison is True or False only where the whole interval lies on one side of the bound; otherwise it raises
`Inconclusive`. Arithmetic is interval arithmetic: it never makes an interval narrower than it is (x - x is not 0).

Leaves out: correlation between operands, conversion of units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from numbers import Real

from sandbox.errors import ExitCode, UsageError


@dataclass(frozen=True, slots=True)
class Expectation:
    """One comparison: what was measured, against what, and whether it holds (None: cannot tell)."""

    measured: Measured
    operator: str  # <, <=, >, >=, ==, !=, within
    bound: float | Measured | tuple[float, float]
    holds: bool | None
    text: str


class Inconclusive(Exception):
    """The interval reaches over the bound: more requests or another bound are needed to tell."""

    exit_code = ExitCode.INCONCLUSIVE

    def __init__(self, expectation: Expectation) -> None:
        super().__init__(f"cannot tell: {expectation.text}; use a longer window, or more load")
        self.expectation = expectation


Recorder = Callable[[Expectation], None]
_recorder: ContextVar[Recorder | None] = ContextVar("sandbox_expectation_recorder", default=None)


@contextmanager
def recording(recorder: Recorder) -> Iterator[None]:
    """Send every expectation made inside the block to `recorder`."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A measured value and the interval that holds the true one with `confidence`; n observations stand behind it.

    >>> ratio = Measured(0.12, 0.10, 0.14, 3000)
    >>> print(ratio)
    0.120 [0.100, 0.140] n=3,000
    >>> ratio < 0.2
    True
    """

    value: float
    low: float
    high: float
    n: int
    unit: str = ""
    label: str = ""
    confidence: float = 0.99

    def __post_init__(self) -> None:
        if not self.low <= self.value <= self.high:  # also catches NaN
            raise UsageError("an interval must hold its value", value=(self.low, self.value, self.high))

    @classmethod
    def exact(cls, value: float, n: int = 1, unit: str = "", label: str = "") -> Measured:
        """A counted value: nothing to doubt."""
        return cls(value, value, value, n, unit, label, 1.0)

    @property
    def is_exact(self) -> bool:
        return self.low == self.high

    @property
    def observed(self) -> Measured:
        """What was counted, without the interval: for a bound that carries the chance itself (binomial_interval)."""
        return replace(self, low=self.value, high=self.value, confidence=1.0)

    def named(self, label: str) -> Measured:
        """The same with another label in the verdict."""
        return replace(self, label=label)

    def __str__(self) -> str:
        return _show(self)

    def __bool__(self) -> bool:
        raise TypeError("a measured value is neither true nor false; compare it with a bound, or use .value")

    def __float__(self) -> float:
        raise TypeError(
            "a measured value is no plain float, its interval would be lost; use .value where you mean that"
        )

    # -- arithmetic ------------------------------------------------------------------------------------------

    def __add__(self, other: float | Measured) -> Measured:
        b = _lift(other, self.unit)
        unit = _same_unit(self, b, "add")
        return _combine(self, b, "+", self.value + b.value, self.low + b.low, self.high + b.high, unit)

    def __radd__(self, other: float) -> Measured:
        return _lift(other, self.unit) + self

    def __neg__(self) -> Measured:
        return replace(self, value=-self.value, low=-self.high, high=-self.low, label=f"-({self.label})")

    def __sub__(self, other: float | Measured) -> Measured:
        b = _lift(other, self.unit)
        unit = _same_unit(self, b, "subtract")
        return _combine(self, b, "-", self.value - b.value, self.low - b.high, self.high - b.low, unit)

    def __rsub__(self, other: float) -> Measured:
        return _lift(other, self.unit) - self

    def __mul__(self, other: float | Measured) -> Measured:
        b = _lift(other)
        low, high = _corners(self, b, lambda x, y: x * y)
        unit = "·".join(part for part in (self.unit, b.unit) if part)
        return _combine(self, b, "×", self.value * b.value, low, high, unit)

    def __rmul__(self, other: float) -> Measured:
        return _lift(other) * self

    def __truediv__(self, other: float | Measured) -> Measured:
        b = _lift(other)
        if b.value == 0:
            raise UsageError(f"{self.label or 'a measured value'} divided by zero", value=str(b), rule=b.label or None)
        all_of_it = (-math.inf, math.inf)
        low, high = all_of_it if b.low <= 0 <= b.high else _corners(self, b, lambda x, y: x / y)
        return _combine(self, b, "/", self.value / b.value, low, high, _quotient_unit(self.unit, b.unit))

    def __rtruediv__(self, other: float) -> Measured:
        return _lift(other) / self

    # -- comparisons: each is an expectation -----------------------------------------------------------------

    def __lt__(self, other: float | Measured) -> bool:
        low, high = _ends(other)
        return _judge(self, "<", other, self.high < low, self.low >= high)

    def __le__(self, other: float | Measured) -> bool:
        low, high = _ends(other)
        return _judge(self, "<=", other, self.high <= low, self.low > high)

    def __gt__(self, other: float | Measured) -> bool:
        low, high = _ends(other)
        return _judge(self, ">", other, self.low > high, self.high <= low)

    def __ge__(self, other: float | Measured) -> bool:
        low, high = _ends(other)
        return _judge(self, ">=", other, self.low >= high, self.high < low)

    def __eq__(self, other: object) -> bool:
        bound = _exact_bound(self, other, "==")
        same = self.value == _ends(bound)[0]
        return _judge(self, "==", bound, same, not same)

    def __ne__(self, other: object) -> bool:
        bound = _exact_bound(self, other, "!=")
        same = self.value == _ends(bound)[0]
        return _judge(self, "!=", bound, not same, same)

    __array_ufunc__ = None  # numpy's scalars leave the operation to us
    __hash__ = None  # type: ignore[assignment]  # equality is an expectation, not an identity


def within(measured: Measured, low: float, high: float) -> bool:
    """One expectation: the measured value lies between low and high, ends included.

    >>> within(Measured.exact(3, unit="pods"), 2, 4)
    True
    """
    if low > high:
        raise UsageError("within() takes the lower bound first", value=(low, high))
    holds = low <= measured.low and measured.high <= high
    return _judge(measured, "within", (low, high), holds, measured.high < low or measured.low > high)


def _judge(
    measured: Measured, operator: str, bound: float | Measured | tuple[float, float], holds: bool, fails: bool
) -> bool:
    verdict = True if holds else False if fails else None
    text = f"{_described(measured)} {operator} {_described(bound)}"
    expectation = Expectation(measured, operator, bound, verdict, text)
    recorder = _recorder.get()
    if recorder is not None:
        recorder(expectation)
    if verdict is None:
        raise Inconclusive(expectation)
    return verdict


def _exact_bound(measured: Measured, other: object, operator: str) -> float | Measured:
    if not isinstance(other, Real | Measured):
        raise TypeError(f"cannot compare a measured value with {other!r}; compare it with a number")
    if not measured.is_exact or (isinstance(other, Measured) and not other.is_exact):
        raise TypeError(
            f"{measured} has an interval, {operator} would be luck; use within(measured, low, high), <= or >=,"
            " or .observed for what was counted"
        )
    return other if isinstance(other, Measured) else float(other)


def _lift(other: object, unit: str = "") -> Measured:
    if isinstance(other, Measured):
        return other
    if isinstance(other, bool) or not isinstance(other, Real):
        raise TypeError(f"cannot calculate with a measured value and {other!r}; use a number")
    return Measured.exact(float(other), 0, unit, format_number(float(other)))


def _ends(bound: float | Measured) -> tuple[float, float]:
    if isinstance(bound, Measured):
        return bound.low, bound.high
    if math.isnan(bound):
        raise UsageError("a bound must be a number", value=bound)
    return bound, bound


def _corners(a: Measured, b: Measured, f: Callable[[float, float], float]) -> tuple[float, float]:
    """Ends of f over both intervals. What infinity makes undefined (0 * inf, inf / inf) counts as 0: the other
    corners reach as far as the result can."""
    corners = [f(x, y) for x in (a.low, a.high) for y in (b.low, b.high)]
    defined = [0.0 if math.isnan(corner) else corner for corner in corners]
    return min(defined), max(defined)


def _combine(a: Measured, b: Measured, sign: str, value: float, low: float, high: float, unit: str) -> Measured:
    """n = 0 marks a plain number. Two intervals hold at once at least with the sum of their doubts taken off."""
    n = min(a.n, b.n) or max(a.n, b.n)
    label = f"{_operand(a)} {sign} {_operand(b)}"
    confidence = max(1.0 - (1.0 - a.confidence) - (1.0 - b.confidence), 0.0)
    # rounding may put the value a hair outside of ends that were rounded on their own
    return Measured(value, min(low, value), max(high, value), n, unit, label, round(confidence, 12))


def _operand(m: Measured) -> str:
    return f"({m.label})" if any(sign in m.label for sign in (" + ", " - ", " × ", " / ")) else m.label or "measured"


def _same_unit(a: Measured, b: Measured, verb: str) -> str:
    if a.unit != b.unit:
        raise UsageError(f"cannot {verb} values of different units", value=(a.unit or "none", b.unit or "none"))
    return a.unit


def _quotient_unit(top: str, bottom: str) -> str:
    if not bottom or top == bottom:
        return "" if bottom else top
    return f"{top or '1'}/{bottom}"


# -- text ----------------------------------------------------------------------------------------------------


def format_number(value: float, decimals: int | None = None) -> str:
    """Thousands separated; three significant digits unless the decimals are given.

    >>> format_number(1234.5), format_number(0.12345), format_number(3.0)
    ('1,234', '0.123', '3')
    """
    if not math.isfinite(value):
        return "∞" if value > 0 else "-∞"
    if decimals is None:
        if value == int(value) or abs(value) >= 1000:
            return f"{value:,.0f}"
        return f"{value:.3g}"
    return f"{value:,.{decimals}f}"


def _decimals(low: float, high: float) -> int | None:
    """So many that half the interval shows two digits; None: nothing to go by, or too many to read."""
    half = (high - low) / 2
    if half <= 0 or not math.isfinite(half):
        return None
    decimals = max(1 - math.floor(math.log10(half)), 0)
    return decimals if decimals <= 5 else None


def _show(m: Measured) -> str:
    scale, unit = (1e3, "ms") if m.unit == "s" and abs(m.value) < 1 else (1.0, m.unit)
    value, low, high = m.value * scale, m.low * scale, m.high * scale
    decimals = _decimals(low, high)
    text = format_number(value, decimals) + (f" {unit}" if unit else "")
    if m.is_exact:
        return text
    return f"{text} [{format_number(low, decimals)}, {format_number(high, decimals)}] n={m.n:,}"


def _described(side: float | Measured | tuple[float, float]) -> str:
    if isinstance(side, tuple):
        return f"[{format_number(side[0])}, {format_number(side[1])}]"
    if isinstance(side, Measured):
        return f"{side.label} = {side}" if side.label else str(side)
    return format_number(side)
