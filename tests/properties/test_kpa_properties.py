"""Properties of scale decisions over random specifications and loads."""

from __future__ import annotations

from dataclasses import replace
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from sandbox.mechanisms.autoscaling.kpa import Autoscaler, DeciderSpec

loads = st.floats(min_value=0, max_value=1e6)
pods = st.integers(min_value=0, max_value=2000)
rates = st.floats(min_value=1.01, max_value=1000)


@st.composite
def specs(draw: st.DrawFn) -> DeciderSpec:
    target = draw(st.floats(min_value=0.01, max_value=1e4))
    return DeciderSpec(
        metric=draw(st.sampled_from(("concurrency", "rps"))),
        target=target,
        total=target / 0.7,
        target_burst_capacity=draw(st.sampled_from((-1.0, 0.0, 211.0))),
        panic_threshold=draw(st.floats(min_value=1.1, max_value=10)),
        max_scale_up_rate=draw(rates),
        max_scale_down_rate=draw(rates),
        stable_window_s=draw(st.integers(min_value=6, max_value=3600)),
        activation_scale=draw(st.sampled_from((0, 2, 5))),
    )


steps = st.lists(st.tuples(pods, loads, loads), min_size=1, max_size=20)


@given(specs(), pods, loads, loads, st.floats(min_value=0, max_value=1e6), st.booleans())
def test_more_load_never_asks_for_fewer_pods(
    spec: DeciderSpec, ready: int, stable: float, panic: float, more: float, reachable: bool
) -> None:
    less = Autoscaler(spec).decide(0, ready, stable, panic, reachable)
    stable_up = Autoscaler(spec).decide(0, ready, stable + more, panic, reachable)
    panic_up = Autoscaler(spec).decide(0, ready, stable, panic + more, reachable)

    assert stable_up.desired >= less.desired
    assert panic_up.desired >= less.desired
    assert panic_up.excess_burst_capacity <= less.excess_burst_capacity


@given(specs(), steps, st.booleans())
def test_a_panic_never_scales_down(spec: DeciderSpec, seen: list[tuple[int, float, float]], reachable: bool) -> None:
    autoscaler = Autoscaler(spec)
    before = None
    for tick, (ready, stable, panic) in enumerate(seen):
        decision = autoscaler.decide(2.0 * tick, ready, stable, panic, reachable)
        if before is not None and before.in_panic and decision.in_panic:
            assert decision.desired >= before.desired
        before = decision


@given(specs(), steps)
def test_one_decision_never_goes_below_the_scale_down_rate_while_reachable(
    spec: DeciderSpec, seen: list[tuple[int, float, float]]
) -> None:
    autoscaler = Autoscaler(spec)
    for tick, (ready, stable, panic) in enumerate(seen):
        decision = autoscaler.decide(2.0 * tick, ready, stable, panic)

        assert decision.desired >= floor(max(1, ready) / spec.max_scale_down_rate)


@given(specs(), steps, st.integers(min_value=1, max_value=60))
def test_scale_down_delay_only_ever_keeps_more_pods(
    spec: DeciderSpec, seen: list[tuple[int, float, float]], delay_s: int
) -> None:
    delayed = Autoscaler(replace(spec, scale_down_delay_s=delay_s))
    plain = Autoscaler(spec)
    for tick, (ready, stable, panic) in enumerate(seen):
        held = delayed.decide(2.0 * tick, ready, stable, panic)
        free = plain.decide(2.0 * tick, ready, stable, panic)

        assert held.desired >= free.desired
        assert held.undelayed == free.desired
        assert held.formula.endswith(f"→ {held.desired}")
