"""What a plain YAML scalar is, as kubectl reads it: YAML 1.1 words and numbers.

Comes in: the text of an unquoted scalar; goes out: str, int, float, bool or None. Mirrors the YAML library that
kubectl converts manifests to JSON with (kubernetes-sigs/yaml goyaml.v2/resolve.go): yes/no/on/off/y/n are
booleans, 010 is eight, 1_000 is a thousand, base 60 (1:30) and dates stay text. Whole floats become integers, as
they do on their way through JSON. Quoted scalars never come here: they are text.
"""

from __future__ import annotations

import math
import re

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_INTEGERS = (
    (re.compile(r"[-+]?0[xX][0-9a-fA-F]+"), 16),
    (re.compile(r"[-+]?0[bB][01]+"), 2),
    (re.compile(r"[-+]?0[oO]?[0-7]+"), 8),
    (re.compile(r"[-+]?(0|[1-9][0-9]*)"), 10),
)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 300  # digits; longer ones are no numbers that any field takes
_LARGEST_WHOLE_FLOAT = 1e15  # above it a float is not exact and stays one


def resolve_plain(text: str) -> Scalar:
    """The value of an unquoted scalar.

    >>> [resolve_plain(text) for text in ("on", "010", "1e3", "0.5", "1:30", "500m", "~")]
    [True, 8, 1000, 0.5, '1:30', '500m', None]
    """
    if text in _WORDS:
        return _WORDS[text]
    if not text or text[0] not in "+-.0123456789" or len(text) > _LONGEST_NUMBER:
        return text
    return _number(text if text.startswith(".") else text.replace("_", ""), text)


def _number(plain: str, text: str) -> Scalar:
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(plain):
            return _integer(plain, base)
    if _FLOAT.fullmatch(plain):
        value = float(plain)
        if math.isfinite(value):
            return int(value) if value.is_integer() and abs(value) < _LARGEST_WHOLE_FLOAT else value
    return text


def _integer(plain: str, base: int) -> int:
    sign = -1 if plain.startswith("-") else 1
    digits = plain.lstrip("+-").lower()
    if base != 10:
        digits = digits.removeprefix("0x" if base == 16 else "0b" if base == 2 else "0o")
    return sign * int(digits, base)
