"""Intervals for what a window measured: shares, ratios, rates, and where a binomial count must lie.

Comes in: counts and per-second arrays from `window.py`; goes out: `Estimate` (a value and the interval around
it). Scenario files use `binomial_interval` for bounds on a split. Default confidence 0.99, everywhere.

Seconds that follow each other are not independent (queues, caches that fill), so everything that has a series
of seconds is estimated over batches of them, and the spread between batches is taken from successive
differences: that forgives a slow trend (a ramp, a cache warming up), which is no noise. A share gets the wider
of its Wilson interval and that one. Below MIN_BATCHES seconds only the textbook interval is left.

Leaves out: bootstrap, anything that needs scipy. Quantiles of latencies are in `histogram.py`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from sandbox.errors import UsageError

CONFIDENCE = 0.99
BATCHES = 20  # enough for a t-quantile near the normal one, few enough that batches are long
MIN_BATCHES = 5  # fewer say too little about their spread
_NORMAL_FROM = 10_000.0  # variance from which a binomial quantile is taken from the normal one (error under one count)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value and the interval that holds the true one with the stated confidence."""

    value: float
    low: float
    high: float


def z_quantile(confidence: float) -> float:
    """Two-sided normal quantile: z_quantile(0.95) is 1.96."""
    if not 0.0 < confidence < 1.0:
        raise UsageError("confidence must lie between 0 and 1", value=confidence, next_step="use e.g. 0.99")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def regularized_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b), by its continued fraction (on the side where that converges quickly).

    >>> round(regularized_beta(2, 3, 0.5), 6)
    0.6875
    """
    if x <= 0.0 or x >= 1.0:
        return 0.0 if x <= 0.0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - regularized_beta(b, a, 1.0 - x)
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(front) * _beta_fraction(a, b, x) / a


def _beta_fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of I_x(a, b), evaluated from the front by Lentz' method."""
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(1, 1_000_000):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        d, c = 1.0 / (1.0 + even * d), 1.0 + even / c
        value *= d * c
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        d, c = 1.0 / (1.0 + odd * d), 1.0 + odd / c
        value *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return value


def binomial_cdf(k: int, n: int, p: float) -> float:
    """P(X <= k) for X ~ Binomial(n, p)."""
    if k < 0 or k >= n:
        return 0.0 if k < 0 else 1.0
    return regularized_beta(n - k, k + 1, 1.0 - p)


def binomial_quantile(q: float, n: int, p: float) -> int:
    """The smallest k with P(X <= k) >= q."""
    mean, variance = n * p, n * p * (1.0 - p)
    if p <= 0.0 or p >= 1.0 or n == 0:
        return 0 if p <= 0.0 else n
    z = NormalDist().inv_cdf(q)
    middle = mean + z * math.sqrt(variance) + (1.0 - 2.0 * p) * (z * z - 1.0) / 6.0 - 0.5
    if variance > _NORMAL_FROM:
        return min(max(math.ceil(middle), 0), n)
    reach = 10.0 + 10.0 * math.sqrt(variance)
    low, high = max(math.floor(middle - reach), -1), min(math.ceil(middle + reach), n)
    while high - low > 1:  # invariant: cdf(low) < q <= cdf(high)
        half = (low + high) // 2
        low, high = (low, half) if binomial_cdf(half, n, p) >= q else (half, high)
    return high


def binomial_interval(n: int, p: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Where the observed share of n independent draws of probability p must lie, ends included.

    >>> binomial_interval(100, 0.5, 0.95)
    (0.4, 0.6)
    """
    if n < 1 or not 0.0 <= p <= 1.0:
        raise UsageError("a share needs n >= 1 draws and a probability", value=(n, p), rule="n >= 1, 0 <= p <= 1")
    tail = (1.0 - confidence) / 2
    return binomial_quantile(tail, n, p) / n, binomial_quantile(1.0 - tail, n, p) / n


def wilson(hits: float, n: float, confidence: float = CONFIDENCE) -> Estimate:
    """Wilson's score interval of a share; its ends stay inside [0, 1] even at 0 or n hits."""
    z = z_quantile(confidence)
    share, spread = hits / n, 1.0 + z * z / n
    centre = (share + z * z / (2 * n)) / spread
    half = z / spread * math.sqrt(share * (1.0 - share) / n + z * z / (4 * n * n))
    low = 0.0 if hits <= 0 else max(centre - half, 0.0)
    return Estimate(share, low, 1.0 if hits >= n else min(centre + half, 1.0))


@lru_cache(maxsize=256)
def t_quantile(confidence: float, freedom: float) -> float:
    """Two-sided quantile of Student's t; `freedom` may be fractional.

    >>> round(t_quantile(0.95, 10), 3)
    2.228
    """
    low, high = 0.0, 1.0
    while _t_inside(high, freedom) < confidence:
        high *= 2.0
    while high - low > 1e-10 * high:
        half = (low + high) / 2
        low, high = (low, half) if _t_inside(half, freedom) >= confidence else (half, high)
    return high


def _t_inside(t: float, freedom: float) -> float:
    """P(-t < T < t)."""
    return 1.0 - regularized_beta(freedom / 2, 0.5, freedom / (freedom + t * t))


def batch_sums(per_second: Floats, batches: int = BATCHES) -> Floats:
    """Sums over at most `batches` runs of neighbouring seconds, as even as whole seconds allow."""
    count = min(batches, len(per_second))
    starts = np.arange(count) * len(per_second) // count
    return np.asarray(np.add.reduceat(per_second, starts), dtype=np.float64)


def half_width(numerators: Floats, denominators: Floats, confidence: float = CONFIDENCE) -> float | None:
    """Half the interval of sum(numerators) / sum(denominators), from batches; None with too few of them.

    The residuals e = numerator - ratio * denominator have mean 0; half the mean square of e[i+1] - e[i] estimates
    their variance. That estimator has (for normal e) the spread of one with 2(k-1)^2/(3k-4) degrees of freedom.
    """
    tops, bottoms = batch_sums(numerators), batch_sums(denominators)
    k, total = len(tops), float(bottoms.sum())
    if k < MIN_BATCHES:
        return None
    residuals = tops - bottoms * (float(tops.sum()) / total)
    variance = float(np.square(np.diff(residuals)).sum()) / (2 * (k - 1))
    freedom = 2.0 * (k - 1) ** 2 / (3 * k - 4)
    return t_quantile(confidence, freedom) * math.sqrt(k * variance) / total


def ratio_of_sums(numerators: Floats, denominators: Floats, confidence: float = CONFIDENCE) -> Estimate | None:
    """sum(numerators) / sum(denominators) with its interval over batches; None with too few seconds."""
    half = half_width(numerators, denominators, confidence)
    if half is None:
        return None
    value = float(numerators.sum()) / float(denominators.sum())
    return Estimate(value, value - half, value + half)


def share_of(hits: Floats, tries: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """A share from per-second counts: Wilson's interval, widened where neighbouring seconds hang together."""
    plain = wilson(float(hits.sum()), float(tries.sum()), confidence)
    half = half_width(hits, tries, confidence)
    if half is None:
        return plain
    low, high = min(plain.low, plain.value - half), max(plain.high, plain.value + half)
    return Estimate(plain.value, max(low, 0.0), min(high, 1.0))


def rate_of(per_second: Floats, confidence: float = CONFIDENCE) -> Estimate:
    """Events a second. With too few seconds for batches, as if the count were Poisson (score interval)."""
    batched = ratio_of_sums(per_second, np.ones(len(per_second)), confidence)
    if batched is not None:
        return Estimate(batched.value, max(batched.low, 0.0), batched.high)
    seconds, events, z = len(per_second), float(per_second.sum()), z_quantile(confidence)
    centre, half = events + z * z / 2, z * math.sqrt(events + z * z / 4)
    return Estimate(events / seconds, max(centre - half, 0.0) / seconds, (centre + half) / seconds)
