"""What people write, and what is refused with the line where they wrote it."""

import pytest

from sandbox import Scenario, at, traffic
from sandbox.errors import UsageError
from sandbox.scenario.model import Action

TRAFFIC = traffic.poisson(rate=150, to="ranker")


def scenario(**changes):
    return Scenario(**{"manifests": ["a.yaml"], "traffic": TRAFFIC, "duration": "20m", **changes})


def test_then_leaves_the_scenario_it_was_called_on_alone():
    steady = scenario()

    longer = steady.then(at("5m").apply("green.yaml")).then(at("8m", mark="cutover"))

    assert [step.action for step in longer.steps] == [Action.APPLY, Action.NOTHING]
    assert steady.steps == ()


def test_every_step_says_what_kubectl_would():
    assert at("5m").apply("a.yaml", "b.yaml").files == ("a.yaml", "b.yaml")
    assert at("5m").patch("isvc/ranker", {"spec": {}}).patched == {"spec": {}}
    assert at("5m").delete("isvc/ranker").target == "isvc/ranker"
    assert at("5m").scale("deployment/x", replicas=3).replicas == 3
    assert at("5m").get("secret/keys.b", as_="alice").as_user == "alice"
    assert at("5m").fault("kill-pod", of="isvc/ranker", count=0).count == 0


def test_a_step_keeps_its_mark_and_its_short_time():
    step = at("5m", mark="x", short="1m").delete("isvc/ranker")

    assert (step.at_s, step.mark, step.short_s) == (300.0, "x", 60.0)
    assert step.written.file == __file__


@pytest.mark.parametrize(
    "write, message",
    [
        (lambda: at("5m").apply(), "apply needs a file"),
        (lambda: at("5m").patch("isvc/ranker", {}), "a patch is a mapping"),
        (lambda: at("5m").patch("ranker", {"a": 1}), "a target is kind/name"),
        (lambda: at("5m").delete("isvc/"), "a target is kind/name"),
        (lambda: at("5m").get("isvc/ranker", as_=None), "as_ is a user"),
        (lambda: at("5m").scale("deployment/x", replicas=-1), "replicas must be"),
        (lambda: at("5m").fault("rain", of="isvc/ranker"), "there is no fault 'rain'"),
        (lambda: at("5m").fault("kill-pod", of="isvc/ranker", count=-1), "count must be"),
        (lambda: at("5m").delete("a/b").delete("a/c"), r"one at\(…\) takes one step"),
        (lambda: at("soon"), "at is not a duration"),
        (lambda: at("5m", mark=3), "a mark is a name"),
        (lambda: scenario(manifests="a.yaml"), "manifests is a list of file names"),
        (lambda: scenario(traffic=None), "traffic is not what it should be"),
        (lambda: scenario(duration=0), "duration must be longer than zero"),
        (lambda: scenario(params={"a": "b"}), "params is a mapping of names to numbers"),
        (lambda: scenario(short={"rates": 3}), "short has no 'rates'"),
        (lambda: scenario(short={"rate": 0}), r"short\['rate'\] must be a number above zero"),
        (lambda: scenario(short={"rate": float("nan")}), r"short\['rate'\] must be a number above zero"),
        (lambda: scenario(short={"duration": "0s"}), "must be longer than zero"),
        (lambda: scenario(short={"params": {"a": 1}}), "overrides nothing: 'a'"),
        (lambda: scenario(short=[]), "short is a mapping"),
        (lambda: scenario().then("5m"), "then takes steps"),
    ],
)
def test_what_cannot_be_is_refused_with_the_line_that_wrote_it(write, message):
    with pytest.raises(UsageError, match=message) as error:
        write()

    assert error.value.where.file == __file__


def test_a_misspelt_short_key_is_guessed():
    with pytest.raises(UsageError) as error:
        scenario(short={"rates": 3})

    assert "did you mean 'rate'?" in str(error.value)
