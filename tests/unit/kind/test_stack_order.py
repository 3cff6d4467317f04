"""The stack comes up in order, behind gates, and a killed `up` goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from fake_cluster import FakeClock, FakeKube, Toy

from sandbox.errors import WorldError
from sandbox.kind.stack.bring_up import BroughtUp, bring_up
from sandbox.kind.stack.component import Component, Waiting
from sandbox.kind.stack.gate import NotReady

LATE = [Waiting("deployment toys/top", "0 of 1 pods available")]


class Watching:
    def __init__(self) -> None:
        self.told: list[str] = []

    def there(self, name: str) -> None:
        self.told.append(f"{name} there")

    def installing(self, name: str) -> None:
        self.told.append(f"{name} installing")

    def waiting(self, name: str, waiting: Sequence[Waiting]) -> None:
        self.told.append(f"{name} waits for {waiting[0]}")

    def ready(self, name: str, seconds: float) -> None:
        self.told.append(f"{name} ready")


def up(
    components: list[Toy],
    kube: FakeKube,
    clock: FakeClock | None = None,
    watching: Watching | None = None,
    reported: list[str] | None = None,
) -> BroughtUp:
    def report(component: Component, error: WorldError) -> None:
        if reported is not None:
            reported.append(component.name)

    return bring_up(components, kube, clock or FakeClock(), watching or Watching(), report)


def test_one_comes_up_after_the_other_is_ready() -> None:
    watching, clock = Watching(), FakeClock()
    slow = Toy("slow", wants=list(LATE), gets_ready=False)
    clock.then[3.0] = slow.wants.clear
    done = up([slow, Toy("next")], FakeKube(), clock, watching)

    assert BroughtUp(there=(), installed=("slow", "next")) == done
    expected = ["slow installing", "slow waits for deployment toys/top: 0 of 1 pods available", "slow ready"]
    assert [*expected, "next installing", "next ready"] == list(dict.fromkeys(watching.told))


def test_what_is_finished_is_left_alone() -> None:
    kube, components = FakeKube(), [Toy("a"), Toy("b")]
    up(components, kube)
    again = up(components, kube)

    assert BroughtUp(there=("a", "b"), installed=()) == again
    assert [1, 1] == [one.installs for one in components]


def test_killed_in_the_middle_it_goes_on_with_what_was_not_finished() -> None:
    kube = FakeKube()

    def killed() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        up([Toy("a"), Toy("b", wants=list(LATE), gets_ready=False)], kube, FakeClock(then={2.0: killed}))
    done = up([Toy("a"), Toy("b"), Toy("c")], kube)

    assert BroughtUp(there=("a",), installed=("b", "c")) == done


def test_what_changed_or_broke_since_is_installed_again() -> None:
    kube = FakeKube()
    up([Toy("changed"), Toy("broke"), Toy("fine")], kube)
    done = up([Toy("changed", identity="2"), Toy("broke", wants=list(LATE)), Toy("fine")], kube)

    assert BroughtUp(there=("fine",), installed=("changed", "broke")) == done


def test_a_gate_that_runs_out_says_what_it_waited_for_and_stops_there() -> None:
    reported: list[str] = []
    stuck, after = Toy("stuck", wants=list(LATE), gets_ready=False), Toy("after")
    with pytest.raises(NotReady) as error:
        up([stuck, after], FakeKube(), reported=reported)

    assert "stuck is not ready after 10 s" in str(error.value)
    assert "deployment toys/top: 0 of 1 pods available" in str(error.value)
    assert "sandbox up" in str(error.value)
    assert ["stuck"] == reported
    assert 0 == after.installs


def test_a_component_that_ran_out_is_not_recorded_as_finished() -> None:
    kube, stuck = FakeKube(), Toy("stuck", wants=list(LATE), gets_ready=False)
    with pytest.raises(NotReady):
        up([stuck], kube)
    stuck.wants = []

    assert BroughtUp(there=(), installed=("stuck",)) == up([stuck], kube)


def test_an_install_that_a_webhook_refuses_is_tried_again() -> None:
    watching, toy = Watching(), Toy("refused", refusals=2)
    up([toy], FakeKube(), watching=watching)

    assert 3 == toy.installs
    assert any("no endpoints available" in one for one in watching.told)


def test_an_install_that_never_works_ends_with_the_last_refusal() -> None:
    toy = Toy("refused", refusals=10**6)
    with pytest.raises(WorldError, match="kubectl failed") as error:
        up([toy], FakeKube())

    assert "no endpoints available" in str(error.value)
    assert 1 < toy.installs < 100


def test_an_api_server_that_does_not_answer_is_what_is_waited_for() -> None:
    kube, clock, watching = FakeKube(), FakeClock(), Watching()

    class Asking(Toy):
        def waiting(self, cluster: object) -> list[Waiting]:
            kube.items("pods")
            return []

        def install(self, cluster: object) -> None:
            kube.broken = "connection refused"

    def mended() -> None:
        kube.broken = ""

    clock.then[4.0] = mended
    up([Asking("asks")], kube, clock, watching)

    assert "asks waits for the API server: kubectl failed: connection refused" in watching.told
    assert watching.told[-1] == "asks ready"
