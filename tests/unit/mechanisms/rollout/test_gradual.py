"""Gradual rollout: what the tables leave out, and whole rollouts from first percent to last."""

from __future__ import annotations

import pytest

from sandbox.mechanisms.rollout.gradual import (
    NS_PER_S,
    ConfigurationRollout,
    RevisionRollout,
    Rollout,
    StepParams,
    adjust_percentage,
    observe_ready,
    reconcile_rollout,
    step,
)


def rollout(*shares: tuple[str, int], name: str = "c", tag: str = "", pace: StepParams | None = None) -> Rollout:
    revisions = tuple(RevisionRollout(*share) for share in shares)
    percent = sum(share for _, share in shares)
    return Rollout(
        (
            ConfigurationRollout(
                configuration_name=name, tag=tag, percent=percent, revisions=revisions, step=pace or StepParams()
            ),
        )
    )


def shares(state: Rollout) -> list[tuple[str, int]]:
    return [(one.revision_name, one.percent) for one in state.configurations[0].revisions]


def test_a_whole_rollout_starts_with_one_percent_and_ends_after_its_duration() -> None:
    start_ns, duration_s = 100 * NS_PER_S, 30
    wanted = rollout(("r2", 100))
    state, again_ns = reconcile_rollout(rollout(("r1", 100)), wanted, start_ns, duration_s, ingress_became_ready=False)
    assert ([("r1", 99), ("r2", 1)], 0) == (shares(state), again_ns)

    ready_ns = start_ns + 5 * NS_PER_S  # m = 5, so 25 s remain for 5 steps of round(99 / 5) points
    state, again_ns = reconcile_rollout(state, wanted, ready_ns, duration_s, ingress_became_ready=True)
    assert ready_ns + 5 * NS_PER_S == again_ns
    seen = []
    while again_ns:
        now_ns = again_ns
        state, again_ns = reconcile_rollout(state, wanted, now_ns, duration_s, ingress_became_ready=False)
        seen.append((now_ns // NS_PER_S, dict(shares(state))["r2"]))
    assert [(110, 21), (115, 41), (120, 61), (125, 81), (130, 100)] == seen
    assert state.done
    assert StepParams() == state.configurations[0].step


def test_without_a_duration_the_new_revision_gets_everything_at_once() -> None:
    wanted = rollout(("r2", 100))
    assert (wanted, 0) == reconcile_rollout(rollout(("r1", 100)), wanted, 5, 0, ingress_became_ready=True)


def test_a_route_that_never_rolled_starts_where_the_traffic_block_says() -> None:
    wanted = rollout(("r1", 100))
    assert (wanted, 0) == reconcile_rollout(None, wanted, 5, 60, ingress_became_ready=True)


def test_a_rollout_is_done_only_when_all_its_configurations_are() -> None:
    running = rollout(("r1", 99), ("r2", 1))
    assert rollout(("r1", 100)).done
    assert not Rollout((*rollout(("r1", 100), name="a").configurations, *running.configurations)).done


def test_no_pace_is_computed_for_a_share_that_cannot_be_split() -> None:
    started = rollout(("r1", 1), pace=StepParams(start_ns=1))
    assert started == observe_ready(started, 5, 60)


@pytest.mark.parametrize("percent, kept", [(0, []), (1, ["c"])])
def test_a_share_of_zero_leaves_the_rollout_and_one_percent_is_not_split(percent: int, kept: list[str]) -> None:
    state, again_ns = step(rollout(("r1", 100)), rollout(("r2", percent)), 5)
    assert (kept, 0) == ([one.configuration_name for one in state.configurations], again_ns)


@pytest.mark.parametrize("percent, kept", [(0, ["b"]), (10, ["a", "b"])])
def test_a_new_configuration_is_kept_if_it_has_traffic(percent: int, kept: list[str]) -> None:
    wanted = Rollout(
        (*rollout(("r1", percent), name="a").configurations, *rollout(("r2", 90), name="b").configurations)
    )
    state, _ = step(rollout(("r2", 100), name="b"), wanted, 5)
    assert kept == [one.configuration_name for one in state.configurations]


def test_a_new_configuration_that_sorts_last_is_kept_too() -> None:
    wanted = Rollout((*rollout(("r1", 60), name="a").configurations, *rollout(("r2", 40), name="b").configurations))
    state, _ = step(rollout(("r1", 100), name="a"), wanted, 5)
    assert wanted == state


def test_a_tag_rolls_apart_from_the_default_route() -> None:
    before = Rollout((*rollout(("r1", 100)).configurations, *rollout(("r2", 100), tag="t").configurations))
    wanted = Rollout((*rollout(("r2", 100)).configurations, *rollout(("r2", 100), tag="t").configurations))
    state, _ = step(before, wanted, 5)
    assert [[("r1", 99), ("r2", 1)], [("r2", 100)]] == [
        [(share.revision_name, share.percent) for share in one.revisions] for one in state.configurations
    ]


def test_the_same_revision_with_no_other_left_is_simply_the_goal() -> None:
    stale_pace = StepParams(start_ns=3, size=4, duration_ns=5, next_step_ns=6)
    state, again_ns = step(rollout(("r1", 40), pace=stale_pace), rollout(("r1", 70)), 5)
    assert (rollout(("r1", 70)), 0) == (state, again_ns)


def test_before_the_ingress_is_ready_nothing_moves() -> None:
    started = rollout(("r1", 99), ("r2", 1), pace=StepParams(start_ns=3))
    assert (started, 0) == step(started, rollout(("r2", 100)), 5)


def test_a_share_that_shrinks_during_a_rollout_takes_it_from_the_oldest() -> None:
    running = rollout(("r1", 60), ("r2", 40), pace=StepParams(start_ns=3, size=5, duration_ns=10, next_step_ns=100))
    state, _ = step(running, rollout(("r2", 50)), 5)
    assert [("r1", 10), ("r2", 40)] == shares(state)


def test_a_share_that_shrinks_below_the_newest_ends_the_rollout() -> None:
    running = rollout(("r1", 60), ("r2", 40), pace=StepParams(start_ns=3, size=5, duration_ns=10, next_step_ns=100))
    state, again_ns = step(running, rollout(("r2", 30)), 5)
    assert (rollout(("r2", 30)), 0) == (state, again_ns)


def test_two_fast_new_revisions_pass_the_one_percent_on() -> None:
    first, _ = step(rollout(("r1", 100)), rollout(("r2", 100)), 5)
    second, _ = step(first, rollout(("r3", 100)), 6)
    assert [("r1", 99), ("r3", 1)] == shares(second)


def test_a_donor_is_the_newest_revision_that_has_any_percent() -> None:
    odd = rollout(("r1", 50), ("r2", 50), ("r3", 0))
    state, _ = step(odd, rollout(("r4", 100)), 5)
    assert [("r1", 50), ("r2", 49), ("r4", 1)] == shares(state)


def test_a_goal_of_zero_leaves_no_revision() -> None:
    assert () == adjust_percentage(0, 70, (RevisionRollout("r1", 70),))


def test_revisions_that_add_up_to_less_than_they_should_are_all_dropped_when_the_share_shrinks() -> None:
    assert () == adjust_percentage(20, 70, (RevisionRollout("r1", 10),))


def test_reduction_that_ends_between_two_revisions_keeps_the_rest_whole() -> None:
    revisions = (RevisionRollout("r1", 20), RevisionRollout("r2", 50))
    assert (RevisionRollout("r2", 50),) == adjust_percentage(50, 70, revisions)


def test_a_rollout_is_found_by_tag_and_name() -> None:
    state = Rollout((*rollout(("r1", 100)).configurations, *rollout(("r2", 100), tag="t").configurations))
    assert state.configurations[1] == state.find("t", "c")
    assert state.find("t", "other") is None
