"""What the kubelet's clocks say about one container: when it is seen ready, and when it is started again.

Comes in: probes and instants, seconds; goes out: instants and waits. Called by pods.py. Mirrors kubernetes/kubernetes
pkg/kubelet (crash loop back-off) and pkg/kubelet/prober.
"""

from __future__ import annotations

import math

from sandbox.manifests.objects import Probe

BACK_OFF_FIRST_S, BACK_OFF_MOST_S = 10.0, 300.0  # restarts of a crashing container
BACK_OFF_RESET_S = 600.0


def back_off_s(restarts: int) -> float:
    """How long the kubelet waits before it starts a container again.

    >>> [back_off_s(restarts) for restarts in (0, 1, 2, 9)]
    [0.0, 10.0, 20.0, 300.0]
    """
    return 0.0 if restarts == 0 else min(BACK_OFF_FIRST_S * 2 ** (restarts - 1), BACK_OFF_MOST_S)


def seen_ready_s(probe: Probe | None, load_s: float) -> float:
    """From a container's start until it is seen ready, if it would be after `load_s`.

    Knative's own polling is aggressive (50 ms): readiness is seen at once. A declared probe is asked once a period.
    """
    if probe is None:
        return load_s
    polls = max(0, -(-(load_s - probe.initial_delay_s) // probe.period_s)) if probe.period_s > 0 else 0
    return max(load_s, probe.initial_delay_s + polls * probe.period_s)


def restarted_at_s(probe: Probe, started_s: float, hangs_s: float) -> float:
    """When a container that hangs is restarted by its liveness probe.

    That it fails is seen at the next period, and after failureThreshold of them in a row, the last one with its
    time-out, the container restarts.
    """
    first_s = started_s + probe.initial_delay_s
    if first_s < hangs_s:
        first_s += math.ceil((hangs_s - first_s) / probe.period_s) * probe.period_s
    return first_s + (probe.failure_threshold - 1) * probe.period_s + probe.timeout_s
