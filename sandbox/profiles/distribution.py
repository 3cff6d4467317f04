"""Distributions of seconds, as people write them: lognormal(median=100ms, sigma=0.5), uniform(low=1s, high=3s), 40ms.

Comes in: text; goes out: a `Distribution` with its quantiles, which the simulated world tabulates and the model
servers under fixtures/ draw from. Standard library only.

Leaves out: the gamma distribution, whose quantiles have no closed form.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from statistics import NormalDist

from sandbox.durations import parse_go_duration
from sandbox.errors import Location, UsageError

_STANDARD = NormalDist()

# Parameters of each kind; True: a duration, False: a plain number.
KINDS: Mapping[str, Mapping[str, bool]] = {
    "constant": {"value": True},
    "exponential": {"mean": True},
    "lognormal": {"median": True, "sigma": False},
    "uniform": {"low": True, "high": True},
}
RULE = "a duration (40ms), or one of " + ", ".join(
    f"{kind}({', '.join(f'{name}=…' for name in names)})" for kind, names in KINDS.items()
)
_CALL = re.compile(r"([A-Za-z_]+)\s*\((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Distribution:
    """A distribution of seconds: kind (constant, exponential, lognormal, uniform) and its parameters in seconds.

    >>> Distribution("uniform", {"low": 1.0, "high": 3.0}).mean_s
    2.0
    """

    kind: str
    params: Mapping[str, float]

    @property
    def mean_s(self) -> float:
        match self.kind:
            case "constant":
                return self.params["value"]
            case "exponential":
                return self.params["mean"]
            case "lognormal":
                return self.params["median"] * math.exp(self.params["sigma"] ** 2 / 2)
            case "uniform":
                return (self.params["low"] + self.params["high"]) / 2
        raise self._unknown()

    def quantile(self, u: float) -> float:
        """Seconds that a share `u` (0 to 1) stays at or below.

        >>> round(Distribution("lognormal", {"median": 0.1, "sigma": 0.5}).quantile(0.99), 4)
        0.32
        """
        if not 0.0 <= u <= 1.0:
            raise ValueError(f"a share is between 0 and 1, not {u}")
        match self.kind:
            case "constant":
                return self.params["value"]
            case "exponential":
                return math.inf if u == 1.0 else -self.params["mean"] * math.log1p(-u)
            case "lognormal":
                return self._lognormal_quantile(u)
            case "uniform":
                return self.params["low"] + (self.params["high"] - self.params["low"]) * u
        raise self._unknown()

    def cdf(self, x: float) -> float:
        """Share of draws at or below `x` seconds."""
        match self.kind:
            case "constant":
                return 1.0 if x >= self.params["value"] else 0.0
            case "exponential":
                return -math.expm1(-x / self.params["mean"]) if x > 0 else 0.0
            case "lognormal":
                return self._lognormal_cdf(x)
            case "uniform":
                return self._uniform_cdf(x)
        raise self._unknown()

    def _lognormal_quantile(self, u: float) -> float:
        median, sigma = self.params["median"], self.params["sigma"]
        if u in (0.0, 1.0):
            return median if sigma == 0 else (0.0, math.inf)[int(u)]
        return median * math.exp(sigma * _STANDARD.inv_cdf(u))

    def _lognormal_cdf(self, x: float) -> float:
        median, sigma = self.params["median"], self.params["sigma"]
        if x <= 0 or sigma == 0:
            return 1.0 if x >= median else 0.0
        return _STANDARD.cdf(math.log(x / median) / sigma)

    def _uniform_cdf(self, x: float) -> float:
        low, high = self.params["low"], self.params["high"]
        if high == low:
            return 1.0 if x >= low else 0.0
        return min(max((x - low) / (high - low), 0.0), 1.0)

    def _unknown(self) -> ValueError:
        return ValueError(f"there is no distribution {self.kind!r}: {', '.join(KINDS)}")

    def __str__(self) -> str:
        units = KINDS.get(self.kind, {})
        texts = {name: _written(value) if units.get(name) else f"{value:g}" for name, value in self.params.items()}
        return f"{self.kind}({', '.join(f'{name}={text}' for name, text in texts.items())})"


def constant(seconds: float) -> Distribution:
    """Always the same."""
    return Distribution("constant", {"value": seconds})


def parse_distribution(text: str, what: str = "distribution", where: Location | None = None) -> Distribution:
    """The distribution that a text names; UsageError with the rule if it names none.

    >>> parse_distribution("lognormal(median=100ms, sigma=0.5)").params
    {'median': 0.1, 'sigma': 0.5}
    >>> str(parse_distribution("40ms"))
    'constant(value=40ms)'
    """
    return _Parser(text, what, where).parse()


@dataclass(frozen=True, slots=True)
class _Parser:
    text: str
    what: str
    where: Location | None

    def parse(self) -> Distribution:
        call = _CALL.fullmatch(self.text.strip())
        if call is None:
            return constant(self._number(self.text.strip(), True, None))
        kind = call[1].lower()
        if kind not in KINDS:
            raise self._refuse(f"knows no distribution {call[1]!r}{_near(kind, KINDS)}")
        return Distribution(kind, self._checked(kind, self._params(kind, call[2])))

    def _params(self, kind: str, written: str) -> dict[str, float]:
        wanted = KINDS[kind]
        found: dict[str, float] = {}
        parts = [part.strip() for part in written.split(",")] if written.strip() else []
        for i, part in enumerate(parts):
            name, equals, value = (piece.strip() for piece in part.partition("="))
            if not equals and len(parts) == 1 == len(wanted):
                name, value = next(iter(wanted)), part  # constant(40ms): there is only one to mean
            elif not equals:
                raise self._refuse(f"has a parameter without a name, number {i + 1}")
            if name not in wanted:
                raise self._refuse(f"has no parameter {name!r}{_near(name, wanted)}: {kind} takes {', '.join(wanted)}")
            if name in found:
                raise self._refuse(f"has the parameter {name} twice")
            found[name] = self._number(value, wanted[name], name)
        missing = [name for name in wanted if name not in found]
        if missing:
            raise self._refuse(f"lacks {' and '.join(missing)}")
        return {name: found[name] for name in wanted}

    def _number(self, text: str, duration: bool, name: str | None) -> float:
        try:
            value = parse_go_duration(text) if duration else float(text)
        except ValueError:
            asked = "a duration with a unit, such as 100ms or 2s" if duration else "a plain number"
            unit = f': write "{text}s" or "{text}ms"' if duration and re.fullmatch(r"[0-9]*\.?[0-9]+", text) else ""
            raise self._refuse(f"needs {asked}{f' as {name}' if name else ''}{unit}") from None
        if not math.isfinite(value) or value < 0:
            raise self._refuse(f"needs {name or 'a duration'} of at least 0")
        return value

    def _checked(self, kind: str, params: dict[str, float]) -> dict[str, float]:
        if kind == "uniform" and params["low"] > params["high"]:
            raise self._refuse("has a low above its high")
        for name in ("mean", "median"):
            if params.get(name) == 0:
                raise self._refuse(f"needs a {name} above 0")
        if params.get("sigma", 0.0) > 10:
            raise self._refuse("needs a sigma of at most 10 (sigma is of the logarithm: 0.5 is usual)")
        return params

    def _refuse(self, what: str) -> UsageError:
        return UsageError(f"{self.what} {what}", where=self.where, value=self.text, rule=RULE)


def _written(seconds: float) -> str:
    return f"{1000 * seconds:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"


def _near(word: str, known: Mapping[str, object]) -> str:
    close = get_close_matches(word, list(known), n=1)
    return f" (did you mean {close[0]}?)" if close else ""
