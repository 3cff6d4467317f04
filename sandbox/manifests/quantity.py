"""Kubernetes quantities, exactly: 500m, 2Gi, 1e3, "2".

Comes in: text; goes out: an exact Fraction, or whole milli-units and whole units rounded up as the scheduler does.
Mirrors k8s.io/apimachinery pkg/api/resource (quantity.go, suffix.go), less its canonical output.
"""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil

RULE = "a quantity is a number with an optional suffix: n u m k M G T P E, Ki Mi Gi Ti Pi Ei, or an exponent (1e3)"
_FORM = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)(Ki|Mi|Gi|Ti|Pi|Ei|[numkMGTPE]|[eE][+-]?[0-9]+)?")
_DECIMAL = {"n": -9, "u": -6, "m": -3, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_LONGEST = 64  # characters: upstream keeps int64 or infinite decimals; nobody writes longer ones on purpose
_LARGEST_EXPONENT = 60


def parse_quantity(text: str) -> Fraction:
    """The exact value; ValueError where Kubernetes would refuse the text.

    >>> parse_quantity("500m"), parse_quantity("2Gi"), parse_quantity("1e3")
    (Fraction(1, 2), Fraction(2147483648, 1), Fraction(1000, 1))
    """
    match = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(f"{text!r} is not a quantity")
    sign, digits, suffix = match.groups()
    value = Fraction(digits) * (-1 if sign == "-" else 1)
    if suffix is None:
        return value
    if suffix in _BINARY:
        return value * (1 << _BINARY[suffix])
    exponent = _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    if abs(exponent) > _LARGEST_EXPONENT:
        raise ValueError(f"{text!r} is out of range")
    scale = Fraction(int(f"1{'0' * abs(exponent)}"))
    return value * scale if exponent >= 0 else value / scale


def milli(text: str) -> int:
    """Thousandths, rounded up: what a CPU quantity is counted in.

    >>> milli("0.5"), milli("100u")
    (500, 1)
    """
    return ceil(parse_quantity(text) * 1000)


def whole(text: str) -> int:
    """Whole units, rounded up: bytes of a memory quantity.

    >>> whole("1.5Ki")
    1536
    """
    return ceil(parse_quantity(text))
