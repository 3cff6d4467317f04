"""How many pods the autoscaler scrapes each second, and what it concludes from them.

A pod count or the chosen pods' reports come in, a sample size or an estimate of the revision's total goes out. Mirrors
knative/serving pkg/autoscaler/metrics/sample_size.go and stats_scraper.go. Which pods are chosen is the caller's
(those older than the stable window first): that needs randomness, and mechanisms have none.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from math import ceil
from operator import add

from sandbox.mechanisms.autoscaling.request_stats import Report

# Cochran's formula at 95 % confidence (z = 1.96), variance 100, margin of error 5.
_X = 1.96**2 * 100 / 5**2


def sample_size(population: int) -> int:
    """Pods to scrape out of `population` ready ones.

    >>> [sample_size(pods) for pods in (3, 10, 1000)]
    [3, 7, 16]
    """
    if population <= 3:
        return population
    return ceil(population * _X / (population + _X - 1))


def estimate_total(sample: Sequence[Report], population: int) -> Report:
    """The revision's total: each field is the sample's mean times the number of ready pods.

    >>> estimate_total([Report(1.0, 0.0, 2, 0), Report(3.0, 1.0, 4, 2)], 10)
    Report(avg_concurrency=20.0, avg_proxied_concurrency=5.0, requests=30.0, proxied_requests=10.0)
    """
    size = len(sample)
    # Not sum(): since Python 3.12 it compensates rounding, and estimates must be alike on every version.
    return Report._make(reduce(add, field) / size * population for field in zip(*sample, strict=True))
