"""Decisions the upstream table leaves out, and how a decision explains itself."""

from __future__ import annotations

from dataclasses import replace

from sandbox.mechanisms.autoscaling.kpa import Autoscaler, DeciderSpec, excess_burst_capacity

SPEC = DeciderSpec(
    metric="rps",
    target=105.0,
    total=150.0,
    target_burst_capacity=211.0,
    panic_threshold=2.0,
    max_scale_up_rate=1000.0,
    max_scale_down_rate=2.0,
    stable_window_s=60.0,
)


def test_the_formula_of_a_calm_decision() -> None:
    decision = Autoscaler(SPEC).decide(0, ready_pods=2, stable=152.3, panic=100)

    assert decision.formula == "ceil(152.3 rps / 105) = 2 → 2"


def test_the_formula_names_the_rate_that_kept_the_scale_from_growing() -> None:
    spec = replace(SPEC, metric="concurrency", max_scale_up_rate=1.5, panic_threshold=1000.0)

    decision = Autoscaler(spec).decide(0, ready_pods=3, stable=1000, panic=0)

    assert decision.formula == ("ceil(1000 in flight / 105) = 10, at most ceil(max-scale-up-rate 1.5 × 3 pods) = 5 → 5")


def test_the_formula_names_the_rate_that_kept_the_scale_from_shrinking() -> None:
    decision = Autoscaler(SPEC).decide(0, ready_pods=11, stable=105, panic=105)

    assert decision.formula == "ceil(105 rps / 105) = 1, at least floor(11 pods / max-scale-down-rate 2) = 5 → 5"


def test_where_the_rates_exclude_each_other_the_upper_one_holds_and_is_named() -> None:
    spec = replace(SPEC, max_scale_up_rate=1.0, max_scale_down_rate=1.0)
    over = Autoscaler(spec).decide(0, ready_pods=4, stable=105, panic=105)
    under = Autoscaler(replace(spec, max_scale_up_rate=0.5)).decide(0, ready_pods=4, stable=105, panic=105)

    assert over.formula == "ceil(105 rps / 105) = 1, at least floor(4 pods / max-scale-down-rate 1) = 4 → 4"
    assert under.formula == "ceil(105 rps / 105) = 1, at most ceil(max-scale-up-rate 0.5 × 4 pods) = 2 → 2"


def test_an_average_that_was_rounded_down_below_zero_is_shown_as_zero() -> None:
    decision = Autoscaler(SPEC).decide(0, ready_pods=1, stable=-1e-06, panic=-1e-06)

    assert decision.formula == "ceil(0 rps / 105) = 0 → 0"


def test_the_formula_ends_with_what_becomes_of_the_decision() -> None:
    decision = Autoscaler(SPEC).decide(0, ready_pods=2, stable=152.3, panic=100)

    assert decision.explained(3, "min-scale 3") == "ceil(152.3 rps / 105) = 2, min-scale 3 → 3"


def test_the_formula_of_a_panic_tells_both_windows_and_what_panic_holds() -> None:
    autoscaler = Autoscaler(SPEC)

    rising = autoscaler.decide(0, ready_pods=1, stable=105, panic=1050)
    falling = autoscaler.decide(2, ready_pods=10, stable=105, panic=210)

    assert rising.formula == "panic: max(ceil(105 rps / 105) = 1, ceil(1050 rps / 105) = 10) → 10"
    assert falling.formula == (
        "panic: max(ceil(105 rps / 105) = 1, ceil(210 rps / 105) = 2), "
        "at least floor(10 pods / max-scale-down-rate 2) = 5, not below 10 while in panic → 10"
    )


def test_the_formula_names_activation_scale_where_it_lifts_the_stable_want() -> None:
    decision = Autoscaler(replace(SPEC, activation_scale=3)).decide(0, ready_pods=3, stable=10, panic=10)

    assert decision.formula == "ceil(10 rps / 105) = 1, activation-scale 3 → 3"


def test_activation_scale_lifts_the_panic_want_alone_while_the_stable_window_is_still_empty() -> None:
    spec = replace(SPEC, activation_scale=3, panic_threshold=1.0)

    decision = Autoscaler(spec).decide(0, ready_pods=1, stable=0, panic=10)

    assert (decision.want_stable, decision.want_panic, decision.desired) == (0, 3, 3)
    assert "activation-scale 3" in decision.formula


def test_activation_scale_leaves_zero_alone() -> None:
    decision = Autoscaler(replace(SPEC, activation_scale=3)).decide(0, ready_pods=1, stable=0, panic=0)

    assert decision.desired == 0


def test_the_formula_names_the_delay_that_holds_a_decision() -> None:
    autoscaler = Autoscaler(replace(SPEC, scale_down_delay_s=300.0))

    autoscaler.decide(0, ready_pods=4, stable=420, panic=0)
    decision = autoscaler.decide(2, ready_pods=4, stable=105, panic=0)

    assert decision.formula == (
        "ceil(105 rps / 105) = 1, at least floor(4 pods / max-scale-down-rate 2) = 2, held for 300 s → 4"
    )


def test_a_failed_pod_count_leaves_the_scale_alone() -> None:
    decision = Autoscaler(SPEC).decide(0, ready_pods=None, stable=1, panic=1)

    assert not decision.valid
    assert decision.formula == "ready pods cannot be counted → the scale stays"


def test_missing_data_leaves_the_scale_and_the_panic_alone() -> None:
    autoscaler = Autoscaler(SPEC, ready_pods_at_start=5, now_s=10)

    decision = autoscaler.decide(200, ready_pods=5, stable=None, panic=None)

    assert not decision.valid
    assert (decision.in_panic, decision.panic_since_s) == (True, 10)
    assert decision.formula == "no data in the panic window → the scale stays"


def test_a_delay_that_comes_after_creation_has_no_effect() -> None:
    autoscaler = Autoscaler(SPEC)
    autoscaler.update(replace(SPEC, scale_down_delay_s=300.0))

    autoscaler.decide(0, ready_pods=4, stable=420, panic=0)
    decision = autoscaler.decide(2, ready_pods=4, stable=105, panic=0)

    assert decision.desired == 2


def test_panic_lasts_exactly_one_stable_window_after_the_last_excess() -> None:
    autoscaler = Autoscaler(SPEC)
    autoscaler.decide(0, ready_pods=1, stable=210, panic=210)

    at_its_end = autoscaler.decide(60, ready_pods=2, stable=105, panic=105)
    after_it = autoscaler.decide(60.1, ready_pods=2, stable=105, panic=105)

    assert (at_its_end.in_panic, at_its_end.desired) == (True, 2)
    assert (after_it.in_panic, after_it.desired) == (False, 1)


def test_with_the_defaults_the_activator_leaves_the_path_at_three_pods_and_89_in_flight() -> None:
    spec = replace(SPEC, metric="concurrency", target=70.0, total=100.0)

    assert [excess_burst_capacity(spec, pods, 89) for pods in (2, 3)] == [-100, 0]
    assert excess_burst_capacity(spec, 3, 90) == -1
