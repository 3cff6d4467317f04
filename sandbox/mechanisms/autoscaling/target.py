"""How much of the metric one pod is meant to take.

Mirrors knative/serving pkg/reconciler/autoscaling/resources/target.go. `total` is a pod's capacity, `target` what the
autoscaler aims at after utilisation: a single-slot pod (concurrency 1, 70 %) has the target 0.7, so one that is
always busy asks for ceil(1 / 0.7) = 2 pods.
"""

from __future__ import annotations

from typing import NamedTuple

from sandbox.mechanisms.autoscaling.collector import CONCURRENCY
from sandbox.mechanisms.autoscaling.config import TARGET_MIN, AutoscalerConfig


class Target(NamedTuple):
    """Per pod, in units of the metric."""

    target: float
    total: float


def per_pod_target(
    metric: str,
    container_concurrency: int,
    config: AutoscalerConfig,
    target: float | None = None,
    utilization: float | None = None,
) -> Target:
    """`target` and `utilization` (a fraction) are the revision's annotations, None where it has none.

    >>> per_pod_target("rps", 0, AutoscalerConfig(), target=150)
    Target(target=105.0, total=150)
    """
    if metric == CONCURRENCY:
        total = container_concurrency or config.container_concurrency_target_default
        fraction = config.container_concurrency_target_fraction
    else:
        total = config.rps_target_default
        fraction = config.target_utilization
    if target is not None:
        total = target
        if metric == CONCURRENCY and container_concurrency:
            total = min(target, container_concurrency)
    if utilization is not None:
        fraction = utilization
    return Target(max(TARGET_MIN, total * fraction), total)
