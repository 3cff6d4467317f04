"""Loading: a scenario file becomes variants, or a refusal that names the line at fault."""

import pytest

from sandbox.errors import UsageError
from sandbox.scenario.loader import load
from sandbox.scenario.model import Action, Form

ISVC = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {name}
spec:
  predictor:
    minReplicas: {least}
    containers:
      - name: kserve-container
        image: example.com/ranker:1
"""
CONFIG = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: config-autoscaler
  namespace: knative-serving
data:
  stable-window: {window}
"""
HEAD = '''"""About ranking.

More."""
from sandbox import Scenario, at, traffic
steady = Scenario(
    manifests=["ranker.yaml"],
    traffic=traffic.poisson(rate=150, to="ranker", keys=traffic.zipf(1000, s=1)),
    duration="20m",
    params={"threshold": 3},
    short={"rate": 30, "duration": "4m", "keys": 50, "manifests": ["small.yaml"], "params": {"threshold": 1}},
)
'''


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "ranking"
    folder.mkdir()
    (folder / "ranker.yaml").write_text(ISVC.format(name="ranker", least=1))
    (folder / "green.yaml").write_text(ISVC.format(name="green", least=1))
    (folder / "small.yaml").write_text(ISVC.format(name="ranker", least=3) + "---\n" + CONFIG.format(window="6s"))

    def write(text, head=HEAD):
        path = folder / "ranking.py"
        path.write_text(head + text)
        return path

    return write


TWO = (
    'variants = {"a": steady.then(at("8m", mark="cutover").delete("isvc/green"), at("5m").apply("green.yaml")),'
    ' "b": steady}\n'
)


def test_a_file_becomes_its_variants(file):
    scenario = load(file(TWO))

    assert (scenario.name, scenario.description, list(scenario.variants)) == ("ranking", "About ranking.", ["a", "b"])
    a = scenario.variants["a"]
    assert (a.scenario, a.name, a.duration_s, a.form, a.params) == ("ranking", "a", 1200.0, Form.FULL, {"threshold": 3})
    assert [one.metadata.name for one in a.objects] == ["ranker"]
    assert a.flows[0].rate == ((0.0, 150.0),)


def test_steps_are_sorted_by_time_and_hold_their_objects(file):
    steps = load(file(TWO)).variants["a"].steps

    assert [(step.at_s, step.action, step.mark) for step in steps] == [
        (300.0, Action.APPLY, ""),
        (480.0, Action.DELETE, "cutover"),
    ]
    assert [one.metadata.name for one in steps[0].objects] == ["green"]


def test_the_short_form_overrides_and_scales(file):
    a = load(file(TWO), Form.SHORT).variants["a"]

    assert (a.form, a.duration_s, a.params) == (Form.SHORT, 240.0, {"threshold": 1})
    assert [step.at_s for step in a.steps] == [60.0, 96.0]
    assert (a.flows[0].rate, a.flows[0].keys.n) == (((0.0, 30.0),), 50)


def test_an_object_of_the_short_form_replaces_the_one_of_its_name(file):
    a = load(file(TWO), Form.SHORT).variants["a"]

    assert [(one.kind, one.metadata.name) for one in a.objects] == [
        ("ConfigMap", "config-autoscaler"),
        ("InferenceService", "ranker"),
    ]
    assert a.objects[1].predictor.min_replicas == 3


def test_flows_keep_their_proportions_in_the_short_form(file):
    head = HEAD.replace(
        'to="ranker", keys=traffic.zipf(1000, s=1))', 'to="ranker") + traffic.constant(rate=15, to="ranker")'
    )
    flows = load(file(TWO, head), Form.SHORT).variants["a"].flows

    assert [flow.rate for flow in flows] == [((0.0, 30.0),), ((0.0, 3.0),)]


def test_a_trace_is_read_and_unused_columns_are_noted(file):
    path = file('variants = {"a": steady}\n', HEAD.replace("traffic.poisson(rate=150, ", 'traffic.replay("t.csv", '))
    path.with_name("t.csv").write_text("timestamp,tokens\n0,5\n1,6\n")

    scenario = load(path)

    assert scenario.variants["a"].flows[0].trace.t_ns.tolist() == [0, 1_000_000_000]
    assert "t.csv: columns not used: tokens" in scenario.notes


@pytest.mark.parametrize(
    "text, message, line",
    [
        ("1 / 0\n", "the scenario raised ZeroDivisionError: division by zero", 1),
        ("def broken(:\n", "the scenario is not valid Python", 1),
        ("raise SystemExit(3)\n", "the scenario raised SystemExit: 3", 1),
        ("import does_not_exist\n", "the scenario raised ModuleNotFoundError", 1),
        ("\nat('soon')\n", "at is not a duration", 2),
        ("", "the scenario has no variants", 0),
        ("variants = {}\n", "the scenario has no variants", 0),
        ("variants = {'a': 3}\n", "the variant 'a' is no Scenario", 0),
        ("variants = {'a/b': steady}\n", "a variant's name is a word", 0),
        ("variants = {'a': steady.then(\nat('5m').apply('absent.yaml'))}\n", "there is no file 'absent.yaml'", 2),
        ("variants = {'a': steady.then(\nat('25m', mark='x'))}\n", "a step after the end of the run", 2),
        ("variants = {'a': steady.then(at('1m', mark='x'),\nat('2m', mark='x'))}\n", "two instants are marked 'x'", 2),
        ("variants = {'a': steady.then(\nat('5m').delete('isvc/rankr'))}\n", "there is no isvc/rankr", 2),
        ("variants = {'a': steady.then(\nat('5m').delete('isvx/ranker'))}\n", "there is no kind 'isvx'", 2),
        ("variants = {'a': steady.then(\nat('5m').scale('isvc/ranker', replicas=3))}\n", "this cannot be scaled", 2),
    ],
)
def test_a_wrong_scenario_is_refused_at_its_line(file, text, message, line):
    path = file(text)

    with pytest.raises(UsageError, match=message) as error:
        load(path)

    expected = HEAD.count("\n") + line if line else 0  # counted from the end of HEAD; 0: the file as a whole
    assert (error.value.where.file, error.value.where.line) == (str(path), expected)


def test_a_target_must_exist_by_the_time_of_the_step(file):
    text = "variants = {'a': steady.then(at('5m').delete('isvc/green'), at('8m').apply('green.yaml'))}\n"

    with pytest.raises(UsageError, match="there is no isvc/green"):
        load(file(text))


def test_a_target_of_another_namespace_is_named_with_it(file):
    text = "variants = {'a': steady.then(at('1m').apply('b.yaml'), at('2m').get('isvc/ranker.b', as_='alice'))}\n"
    path = file(text)
    path.with_name("b.yaml").write_text(ISVC.format(name="ranker\n  namespace: b", least=1))

    step = load(path).variants["a"].steps[1]

    assert (step.action, step.target, step.as_user) == (Action.GET, "isvc/ranker.b", "alice")


def test_what_is_not_there_cannot_be_asked_for_even_by_who_may_not_see_it(file):
    text = "variants = {'a': steady.then(at('2m').get('isvc/ranker.b', as_='alice'))}\n"

    with pytest.raises(UsageError, match=r"there is no isvc/ranker\.b"):
        load(file(text))


def test_traffic_to_nobody_is_refused(file):
    with pytest.raises(UsageError, match="traffic goes to 'rankr', which nobody serves") as error:
        load(file('variants = {"a": steady}\n', HEAD.replace('to="ranker"', 'to="rankr"')))

    assert "did you mean 'ranker'?" in str(error.value)


def test_two_objects_of_one_name_are_refused(file):
    path = file('variants = {"a": steady}\n', HEAD.replace('["ranker.yaml"]', '["ranker.yaml", "twin.yaml"]'))
    path.with_name("twin.yaml").write_text(ISVC.format(name="ranker", least=1))

    with pytest.raises(UsageError, match="two objects are called InferenceService ranker in namespace default"):
        load(path)


def test_a_patch_must_make_a_valid_object(file):
    patch = 'steady.then(\nat("5m").patch("isvc/ranker", {"spec": {"predictor": {"minReplicas": "many"}}}))'

    with pytest.raises(UsageError, match="minReplicas") as error:
        load(file(f'variants = {{"a": {patch}}}\n'))

    assert error.value.where.file.endswith("ranking.py")
    assert error.value.where.line == HEAD.count("\n") + 2


def test_what_was_deleted_cannot_be_deleted_again(file):
    text = 'variants = {"a": steady.then(at("5m").delete("isvc/ranker"), at("6m").delete("isvc/ranker"))}\n'

    with pytest.raises(UsageError, match="there is no isvc/ranker"):
        load(file(text))
