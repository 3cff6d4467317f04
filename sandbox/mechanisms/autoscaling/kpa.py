"""The Knative Pod Autoscaler's decision: how many pods one revision should have.

Ready pods and the metric's stable and panic averages come in every 2 s (and when the activator pokes), a `Decision`
goes out. Mirrors knative/serving pkg/autoscaler/scaling/autoscaler.go (v0.47), state included: panic, and the
delay window. Bounds and scale to zero come later (scale_to_zero.py), and `explained` takes what they made of the
decision. It names only limits that moved the number, and is spelled out only when asked for: a simulated day has
43,200 decisions per revision.

Worked example (test_the_formula_of_a_calm_decision): 152.3 rps at a target of 105 with two ready pods gives
`ceil(152.3 rps / 105) = 2 → 2`.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor
from typing import NamedTuple

from sandbox.mechanisms.autoscaling.max_window import TimedMaxWindow

TICK_S = 2.0  # pkg/autoscaler/scaling/multiscaler.go, also the width of the delay window's buckets


@dataclass(frozen=True, slots=True)
class DeciderSpec:
    """What a decision goes by. Rates and the panic threshold are ratios."""

    metric: str  # "concurrency" or "rps"
    target: float  # per pod, after utilisation
    total: float  # per pod, its capacity
    target_burst_capacity: float  # 0 = none, -1 = no limit
    panic_threshold: float
    max_scale_up_rate: float
    max_scale_down_rate: float
    stable_window_s: float
    activation_scale: int = 0  # in force from 2 on
    scale_down_delay_s: float = 0.0  # in force if set when the autoscaler is created


class Decision(NamedTuple):
    """One decision with what led to it. Not valid: leave the scale alone."""

    valid: bool
    desired: int
    excess_burst_capacity: int
    in_panic: bool
    panic_since_s: float | None
    want_stable: int  # within the limits, activation scale applied
    want_panic: int
    raw_stable: int  # ceil(stable / target)
    raw_panic: int
    lower: int  # limits of this decision by the scale rates
    upper: int
    undelayed: int  # before scale-down-delay
    ready_pods: int | None
    stable: float | None
    panic: float | None
    now_s: float
    spec: DeciderSpec

    @property
    def formula(self) -> str:
        """The decision in one line, with the numbers filled in."""
        return self.explained(self.desired)

    def explained(self, outcome: int, bound: str = "") -> str:
        """The formula up to the pods that come of it; `bound` is what the decision met afterwards ("min-scale 3")."""
        if self.ready_pods is None:
            return "ready pods cannot be counted → the scale stays"
        if self.stable is None or self.panic is None:
            return "no data in the panic window → the scale stays"
        text = self._want(self.stable, self.raw_stable)
        if self.in_panic:
            text = f"panic: max({text}, {self._want(self.panic, self.raw_panic)})"
        text += self._limit(max(self.ready_pods, 1))
        if self._lifted_by_activation():
            text += f", activation-scale {self.spec.activation_scale}"
        if self.in_panic and self.undelayed > max(self.want_stable, self.want_panic):
            text += f", not below {self.undelayed} while in panic"
        if self.desired != self.undelayed:
            text += f", held for {self.spec.scale_down_delay_s:g} s"
        if bound:
            text += f", {bound}"
        return f"{text} → {outcome}"

    def _limit(self, pods: int) -> str:
        """The scale rate that moved what the windows asked for, if one did."""
        wanted = max(self.raw_stable, self.raw_panic) if self.in_panic else self.raw_stable
        limited = min(max(wanted, self.lower), self.upper)
        if limited == wanted:
            return ""
        if wanted < limited == self.lower:
            return (
                f", at least floor({_pods(pods)} / max-scale-down-rate {self.spec.max_scale_down_rate:g}) = {limited}"
            )
        return f", at most ceil(max-scale-up-rate {self.spec.max_scale_up_rate:g} × {_pods(pods)}) = {limited}"

    def _want(self, value: float, wanted: int) -> str:
        unit = "rps" if self.spec.metric == "rps" else "in flight"
        shown = max(
            value, 0.0
        )  # an average is rounded down at the sixth digit, and an empty window's sum is not quite 0
        return f"ceil({shown:g} {unit} / {self.spec.target:g}) = {wanted}"

    def _lifted_by_activation(self) -> bool:
        lower, upper = self.lower, self.upper
        lifted_panic = self.in_panic and self.want_panic > min(max(self.raw_panic, lower), upper)
        return lifted_panic or self.want_stable > min(max(self.raw_stable, lower), upper)


def _pods(count: int) -> str:
    return f"{count} pod" if count == 1 else f"{count} pods"


class Autoscaler:
    """The autoscaler of one revision.

    Created with more than one ready pod it starts in panic, so that losing its history (a restart) never scales down.
    """

    __slots__ = ("_delay", "max_panic_pods", "panic_since_s", "spec")

    def __init__(self, spec: DeciderSpec, ready_pods_at_start: int = 0, now_s: float = 0.0) -> None:
        self.spec = spec
        self.max_panic_pods = ready_pods_at_start
        self.panic_since_s: float | None = now_s if ready_pods_at_start > 1 else None
        # Upstream creates the window once: a delay that config-autoscaler adds later has no effect.
        self._delay = TimedMaxWindow(spec.scale_down_delay_s, TICK_S) if spec.scale_down_delay_s > 0 else None

    def update(self, spec: DeciderSpec) -> None:
        """Another specification from the next decision on; the state stays."""
        self.spec = spec

    def decide(
        self,
        now_s: float,
        ready_pods: int | None,
        stable: float | None,
        panic: float | None,
        reachable: bool = True,
    ) -> Decision:
        """`ready_pods` None: the count failed; `stable` or `panic` None: no data."""
        spec = self.spec
        if ready_pods is None or stable is None or panic is None:
            return self._invalid(now_s, ready_pods, stable, panic)
        ready = ready_pods if ready_pods > 1 else 1
        upper = ceil(spec.max_scale_up_rate * ready)
        lower = floor(ready / spec.max_scale_down_rate) if reachable else 0
        raw_stable = ceil(stable / spec.target)
        raw_panic = ceil(panic / spec.target)
        # The upper limit is applied last: a rate that allows no growth would otherwise be overruled by the lower one.
        want_stable = min(max(raw_stable, lower), upper)
        want_panic = min(max(raw_panic, lower), upper)
        if spec.activation_scale > 1:
            if raw_stable > 0:
                want_stable = max(want_stable, spec.activation_scale)
            if raw_panic > 0:
                want_panic = max(want_panic, spec.activation_scale)
        self._update_panic(now_s, raw_panic / ready >= spec.panic_threshold)
        in_panic = self.panic_since_s is not None
        undelayed = want_stable
        if in_panic:
            self.max_panic_pods = undelayed = max(want_stable, want_panic, self.max_panic_pods)
        desired = undelayed
        if self._delay is not None and reachable:
            self._delay.record(now_s, undelayed)
            desired = self._delay.current
        return Decision(
            True,
            desired,
            excess_burst_capacity(spec, ready_pods, panic),
            in_panic,
            self.panic_since_s,
            want_stable,
            want_panic,
            raw_stable,
            raw_panic,
            lower,
            upper,
            undelayed,
            ready_pods,
            stable,
            panic,
            now_s,
            spec,
        )

    def _update_panic(self, now_s: float, over_threshold: bool) -> None:
        if over_threshold:
            self.panic_since_s = now_s
        elif self.panic_since_s is not None and self.panic_since_s + self.spec.stable_window_s < now_s:
            self.panic_since_s = None
            self.max_panic_pods = 0

    def _invalid(self, now_s: float, ready_pods: int | None, stable: float | None, panic: float | None) -> Decision:
        since_s = self.panic_since_s
        zeros = (0, 0, 0, 0, 0, 0, 0)
        return Decision(False, 0, 0, since_s is not None, since_s, *zeros, ready_pods, stable, panic, now_s, self.spec)


def excess_burst_capacity(spec: DeciderSpec, ready_pods: int, panic: float) -> int:
    """Capacity left after the present load and the wanted burst; negative puts the activator into the path."""
    burst = spec.target_burst_capacity
    if burst > 0:
        return floor(ready_pods * spec.total - burst - panic)
    return 0 if burst == 0 else -1
