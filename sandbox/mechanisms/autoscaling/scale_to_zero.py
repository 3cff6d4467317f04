"""From a decision to the Deployment: bounds, initial scale, and the way down to zero.

What the reconciler of a PodAutoscaler sees comes in as a `ScaleInput`, what it does goes out as a `ScaleOutcome`: the
scale, whether the Deployment is patched, and when to look again. Afterwards `active_condition` says what becomes of the
PodAutoscaler's Active condition. Mirrors knative/serving pkg/reconciler/autoscaling/kpa/{scaler,kpa}.go (v0.47).
The background probe (every 1 s for up to 45 s, then look again) is the caller's to run.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from sandbox.mechanisms.autoscaling.activators import SksMode
from sandbox.mechanisms.autoscaling.annotations import RevisionScaling

SCALE_UNKNOWN = -1
ACTIVATION_TIMEOUT_BUFFER_S = 30.0  # added to the progress deadline
RECHECK_IN_PROXY_MODE_S = 3.0
PROBE_PERIOD_S = 1.0
PROBE_TIMEOUT_S = 45.0
LOOK_AGAIN_AFTER_PROBE_S = 1.0


class Active(Enum):
    """The PodAutoscaler's condition Active."""

    TRUE = "True"  # enough pods are ready
    FALSE = "False"  # scaled to zero, or on the way there
    UNKNOWN = "Unknown"  # activating


class Reachability(Enum):
    """Whether any route leads to the revision."""

    REACHABLE = "Reachable"
    UNREACHABLE = "Unreachable"  # minimum, initial scale, retention and delays no longer hold
    UNKNOWN = ""  # treated as reachable


@dataclass(frozen=True, slots=True)
class ScaleInput:
    """What the reconciler sees. Ages and durations in seconds."""

    scaling: RevisionScaling
    desired: int  # the autoscaler's decision, -1 = none yet
    current_replicas: int
    active: Active = Active.UNKNOWN
    active_for_s: float = 0.0  # since the condition's last transition
    reachability: Reachability = Reachability.UNKNOWN
    initialized: bool = False  # the initial scale was reached once
    sks_mode: SksMode = SksMode.SERVE
    proxy_for_s: float = 0.0  # since the activators became the service's endpoints
    activator_answers: bool = False  # the probe through the revision's service; not looked at where not needed


class ScaleOutcome(NamedTuple):
    """What the reconciler does."""

    scale: int  # the scale wanted now, -1 = unknown
    patched: bool  # the Deployment gets `scale` replicas
    look_again_after_s: float | None
    background_probe: bool
    reason: str


class Activity(NamedTuple):
    """The Active condition after reconciling."""

    active: Active
    reason: str  # "", "NoTraffic", "TimedOut" or "Queued"
    initialized: bool


class Bounded(NamedTuple):
    """What the bounds make of a decision."""

    pods: int
    bound: str  # the one that moved the decision, "" = none did


def bounds(scaling: RevisionScaling, reachability: Reachability, initialized: bool) -> tuple[int, int]:
    """(least, most) pods; most 0 is no maximum. The initial scale may exceed the maximum."""
    if reachability is Reachability.UNREACHABLE:
        return 0, scaling.max_scale
    if scaling.initial_scale > 1 and not initialized:
        return max(scaling.min_scale, scaling.initial_scale), scaling.max_scale
    return scaling.min_scale, scaling.max_scale


def bounded(desired: int, scaling: RevisionScaling, reachability: Reachability, initialized: bool) -> Bounded:
    """A decision within the revision's bounds, and never 0 where scale to zero is disabled."""
    least, most = bounds(scaling, reachability, initialized)
    pods, bound = desired, ""
    if desired < least:
        initial = least > scaling.min_scale
        pods, bound = least, f"{'initial-scale' if initial else 'min-scale'} {least}"
    elif most != 0 and desired > most:
        pods, bound = most, f"max-scale {most}"
    if pods == 0 and not scaling.enable_scale_to_zero:
        return Bounded(1, "scale to zero is disabled")
    return Bounded(pods, bound)


def apply_scale(seen: ScaleInput) -> ScaleOutcome:
    """The reconciler's step after a decision."""
    if seen.desired < 0 and seen.active is not Active.UNKNOWN:
        return _keep(seen.desired, None, "no metrics yet")
    want, bound = bounded(seen.desired, seen.scaling, seen.reachability, seen.initialized)
    if want != 0:
        return _scale(seen, want, None, bound or "as decided")
    if seen.active is Active.UNKNOWN:
        return _while_activating(seen)
    if seen.active is Active.TRUE:
        return _while_active(seen)
    return _while_inactive(seen)


def _keep(scale: int, look_again_after_s: float | None, reason: str, probe: bool = False) -> ScaleOutcome:
    return ScaleOutcome(scale, False, look_again_after_s, probe, reason)


def _scale(seen: ScaleInput, scale: int, look_again_after_s: float | None, reason: str) -> ScaleOutcome:
    return ScaleOutcome(scale, scale != seen.current_replicas, look_again_after_s, False, reason)


def _while_activating(seen: ScaleInput) -> ScaleOutcome:
    timeout_s = seen.scaling.progress_deadline_s + ACTIVATION_TIMEOUT_BUFFER_S
    if seen.active_for_s >= timeout_s:
        return _scale(seen, 0, None, f"not active after {timeout_s:g} s")
    return _keep(SCALE_UNKNOWN, timeout_s, "activating")


def _while_active(seen: ScaleInput) -> ScaleOutcome:
    """Zero is only announced: the PodAutoscaler turns inactive, the activator enters the path, pods stay."""
    window_s = seen.scaling.stable_window_s
    if seen.active_for_s < window_s:
        reason = f"active for less than the stable window of {window_s:g} s"
        return _scale(seen, 1, window_s - seen.active_for_s, reason)
    # Where the mode does not change, nothing else would wake the reconciler.
    look_again_after_s = RECHECK_IN_PROXY_MODE_S if seen.sks_mode is SksMode.PROXY else None
    return _keep(0, look_again_after_s, "no traffic for the stable window: deactivating")


def _while_inactive(seen: ScaleInput) -> ScaleOutcome:
    scaling = seen.scaling
    if scaling.target_burst_capacity != -1 and not seen.activator_answers:
        return _keep(0, None, "the activator is not in the path yet", probe=True)
    retention_s = 0.0 if seen.reachability is Reachability.UNREACHABLE else scaling.retention_s
    if seen.active_for_s >= max(scaling.grace_period_s, retention_s):
        return _scale(seen, 0, None, "grace period is over")
    if seen.active_for_s < retention_s:
        return _keep(0, retention_s - seen.active_for_s, "the last pod is retained")
    remaining_s = scaling.grace_period_s - seen.proxy_for_s
    if remaining_s <= 0:
        return _scale(seen, 0, None, "the activator has been in the path for the grace period")
    return _keep(0, remaining_s, "waiting for the grace period")


def active_threshold(scaling: RevisionScaling, reachability: Reachability, initialized: bool) -> int:
    """Ready pods from which on the revision counts as active."""
    least = 0 if reachability is Reachability.UNREACHABLE else scaling.min_scale
    return max(least, 1 if initialized else scaling.initial_scale)


def active_condition(
    active: Active, want: int, ready_pods: int, threshold: int, initialized: bool, service_exists: bool = True
) -> Activity:
    """The condition after applying scale `want`, from the one before and `active_threshold`."""
    initialized = initialized or (ready_pods >= threshold and service_exists)
    if want == 0 or threshold == 0:
        # Zero while activating means that activation took longer than the progress deadline.
        timed_out = active is Active.UNKNOWN and threshold > 0
        return Activity(Active.FALSE, "TimedOut" if timed_out else "NoTraffic", initialized)
    if want < 0 and active is Active.FALSE:
        return Activity(Active.FALSE, "NoTraffic", initialized)
    if ready_pods < threshold:
        return Activity(Active.UNKNOWN, "Queued", initialized)
    return Activity(Active.TRUE, "", initialized)
