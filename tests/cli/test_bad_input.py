"""Bad input gets a clear error: exit status, file, line and column, the value, the rule, and never a traceback.

What is accepted although it does not do what one may think is told as its real effect. And nothing is lost: Ctrl-C
leaves what was played so far, readable.
"""

import json
import os
import re
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from sandbox.cli.main import run
from sandbox.journal.journal import Journal

ISVC = "apiVersion: serving.kserve.io/v1beta1\nkind: InferenceService\nmetadata: {name: a}\n"
PREDICTOR = ISVC + "spec: {predictor: {%smodel: {modelFormat: {name: onnx}%s}}}\n"
GOOD = PREDICTOR % ("", "")
KSVC = (
    "apiVersion: serving.knative.dev/v1\nkind: Service\nmetadata: {name: a}\n"
    "spec: {template: {spec: {containers: [{image: x}]}}, traffic: [%s]}\n"
)
NODE = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {allocatable: {cpu: 2, memory: 4Gi}}\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcdef", "bcdefg", strict=True)
)


@pytest.fixture
def sandbox(tmp_path, monkeypatch, capsys):
    """`sandbox ARGUMENTS` in an empty folder, in this process."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        status = run(list(arguments))
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return subprocess.CompletedProcess(arguments, status, out, err)

    return call


@pytest.fixture
def refused(sandbox, tmp_path):
    """The message of `sandbox try m.yaml` with this manifest."""

    def call(text, *arguments):
        (tmp_path / "m.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
        done = sandbox("try", "m.yaml", *(arguments or ("--rate", "10", "--for", "1m")))
        assert (done.returncode, done.stdout) == (2, "")
        return done.stderr

    return call


# -- manifests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, message",
    [
        pytest.param(
            "apiVersion: v1\nkind: [oops\nmetadata: {name: a}\n",
            """\
            error: m.yaml:3:9: not YAML: expected ',' or ']', but got ':'
              value: metadata: {name: a}
              rule:  the file must be YAML (or JSON)
              next:  correct this line, or the one it continues
            """,
            id="malformed YAML",
        ),
        pytest.param(
            ISVC + "spec:\n\tpredictor: {}\n",
            """\
            error: m.yaml:5:1: not YAML: found character '\\t' that cannot start any token
              value: \tpredictor: {}
              rule:  YAML is indented with spaces, never with tabs
              next:  replace the tab by spaces
            """,
            id="tabs",
        ),
        pytest.param(
            PREDICTOR % ("minReplicas: many, ", ""),
            """\
            error: m.yaml:4:33: InferenceService: spec.predictor.minReplicas must be a whole number, \
found the text 'many'
              value: many
              rule:  spec.predictor.minReplicas is a whole number
            """,
            id="wrong type",
        ),
        pytest.param(
            KSVC % "{latestRevision: true, percent: 60}, {revisionName: a-1, percent: 60}",
            """\
            error: m.yaml:4:63: Service: spec.traffic adds up to 120
              value: 60 + 60 = 120
              rule:  the percents of a traffic block add up to 100; a target without percent has 0
            """,
            id="percents that do not add up",
        ),
        pytest.param(
            PREDICTOR % ("", ", resources: {requests: {cpu: 4}, limits: {cpu: 2}}"),
            """\
            error: m.yaml:4:83: InferenceService: spec.predictor.model.resources.requests.cpu is above its limit
              value: 4
              rule:  cpu: the request is at most the limit (2)
            """,
            id="request above its limit",
        ),
        pytest.param(
            GOOD + "---\n" + GOOD,
            """\
            error: m.yaml:6:1: two objects are called InferenceService a in namespace default
              value: a
              rule:  kind, namespace and name are unique in a cluster; the first is at m.yaml:1:1
              next:  rename one, or apply the second later in the timeline
            """,
            id="two objects of one name",
        ),
        pytest.param(
            GOOD + "# padding\n" * 5_000_000,
            """\
            error: m.yaml: the file is too large
              value: 50000137 bytes
              rule:  manifests are at most 8388608 bytes (8 MiB); a cluster itself takes objects of 1.5 MiB
              next:  split the file, or check whether it is a manifest at all
            """,
            id="50 MB",
        ),
        pytest.param(
            BOMB,
            """\
            error: m.yaml:6:11: aliases expand to too many nodes
              value: *e
              rule:  the aliases of a document repeat at most 200000 nodes
              next:  write the values out
            """,
            id="anchors that expand without end",
        ),
        pytest.param(
            "a: &a\n  b: *a\n",
            """\
            error: m.yaml:2:6: the anchor &a contains itself
              value: *a
              rule:  aliases must come to an end
            """,
            id="an anchor that contains itself",
        ),
        pytest.param(
            "",
            """\
            error: m.yaml: there is no object in this file
              rule:  a manifest has at least one object with apiVersion, kind and metadata.name
              next:  check that the file was written and is the one that was meant
            """,
            id="empty",
        ),
    ],
)
def test_a_manifest_that_cannot_be_accepted_is_refused_where_it_is_wrong(refused, text, message):
    start = time.monotonic()

    assert refused(text) == textwrap.dedent(message)
    assert time.monotonic() - start < 5


def test_bytes_that_are_no_text_are_refused(refused):
    assert refused(bytes(range(128, 256))).startswith("error: m.yaml:1:1: ")


def test_a_manifest_that_is_not_there_is_refused(sandbox):
    done = sandbox("try", "absent.yaml", "--rate", "1")

    assert done.returncode == 2
    assert done.stderr.startswith("error: absent.yaml: there is no such file\n")


# -- accepted, with its real effect --------------------------------------------------------------------------


@pytest.fixture
def told(sandbox, tmp_path):
    """The outcome of a played minute: (notes of the JSON, totals, stderr)."""

    def call(text, *arguments):
        (tmp_path / "m.yaml").write_text(text)
        done = sandbox("try", "m.yaml", "--rate", "10", "--for", "1m", "--json", *arguments)
        assert done.returncode == 0, done.stderr
        played = json.loads(done.stdout)
        return played["notes"], played["totals"], done.stderr

    return call


def test_an_unknown_revision_in_a_traffic_block_leaves_the_route_unready(told):
    notes, totals, _ = told(KSVC % "{latestRevision: true, percent: 60}, {revisionName: a-9, percent: 40}")

    assert (
        'route/a: AllTrafficAssigned is False, RevisionMissing: Revision "a-9" referenced in traffic not found. '
        "(from the start)"
    ) in notes
    assert f"{totals['offered']} requests met no ready route and were answered 404" in notes
    assert totals["statuses"] == {"404": totals["offered"]}
    assert totals["offered"] > 400


def test_a_canary_percent_on_a_first_deploy_has_no_effect(told):
    _, totals, err = told(PREDICTOR % ("canaryTrafficPercent: 10, ", ""))

    assert err == (
        "note: m.yaml:4:20: InferenceService a: canaryTrafficPercent 10 of the predictor is ignored until a revision "
        "has been rolled out: this deploy gets 100 %\n"
    )
    assert totals["statuses"] == {"200": totals["answered"]}
    assert totals["answered"] > 400


def test_pods_that_fit_no_node_are_told_in_the_schedulers_words(told, tmp_path):
    (tmp_path / "node.yaml").write_text(NODE)
    asks = ", resources: {requests: {cpu: 40, memory: 1Gi}, limits: {cpu: 40, memory: 1Gi}}"

    notes, totals, _ = told(PREDICTOR % ("", asks), "--config", "node.yaml")
    scheduler = [note for note in notes if note.startswith("FailedScheduling")]

    assert len(scheduler) == 1
    assert re.match(r"FailedScheduling.* pod/a-predictor-00001-\S+ before the load: ", scheduler[0])
    assert scheduler[0].endswith(": 0/1 nodes are available: 1 Insufficient cpu.")
    assert any("revision/a-predictor-00001: Ready is False, ProgressDeadlineExceeded" in note for note in notes)
    assert "200" not in totals["statuses"]


# -- load ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "flag, value, message",
    [
        ("--rate", "1e12", "more requests a second than can be played\n  value: 1e12\n  rule:  at most 10,000,000"),
        ("--rate", "0..2e7", "more requests a second than can be played\n  value: 0..2e7\n  rule:  at most 10,000,000"),
        ("--users", "2000000", "too many users\n  value: 2000000\n  rule:  at most 1,048,576"),
    ],
)
def test_a_load_that_no_memory_holds_is_refused(refused, flag, value, message):
    assert refused(GOOD, flag, value).startswith(f"error: {flag}: {message}")


@pytest.mark.parametrize("rate", ["-5", "5..-1"])
def test_a_negative_rate_is_refused(refused, rate):
    assert refused(GOOD, "--rate", rate) == (
        f"error: --rate: a rate cannot be negative\n  value: {rate}\n"
        "  rule:  requests per second: a number (150), or a ramp over the whole time (0..1500)\n"
        "  next:  --rate 150\n"
    )


@pytest.mark.parametrize(
    "text, message",
    [
        ("", "error: t.csv: the trace is empty\n"),
        ("timestamp\n", "error: t.csv:1: the trace is empty: a header and no request\n"),
        (
            "timestamp,service_ms\n1,5\n3,5\n2,5\n",
            "error: t.csv:4:1: timestamp: the trace is not sorted\n  value: 2\n"
            "  rule:  sorted by timestamp; the row before has 3\n"
            "  next:  sort the rows by time, the header stays first\n",
        ),
        ("time\n1\n", "error: t.csv:1:1: the trace has no timestamp column\n  value: time\n"),
        ("timestamp,service_ms\n1,5\n2,-5\n", "error: t.csv:3:3: service_ms: a negative number\n  value: -5\n"),
        ("timestamp\n1\nsoon\n", "error: t.csv:3:1: timestamp: not a number\n  value: soon\n"),
        (
            "timestamp,route\n1,b\n",
            "error: t.csv: the trace sends requests to a service that is not there\n  value: b\n",
        ),
    ],
)
def test_a_trace_that_cannot_be_played_is_refused_where_it_is_wrong(refused, tmp_path, text, message):
    (tmp_path / "t.csv").write_text(text)

    assert refused(GOOD, "--trace", "t.csv").startswith(message)


# -- scenarios -----------------------------------------------------------------------------------------------

SCENARIO = '''"""About bad input."""
from sandbox import Scenario, at, traffic

{before}
load = traffic.poisson(rate={rate}, to="a")
variants = {{"one": Scenario(manifests=["m.yaml"], traffic=load, duration="{duration}")}}


def test_all_is_answered(runs):
    assert runs["one"].whole.error_ratio <= 0.01
'''


@pytest.fixture
def scenario(tmp_path):
    """Writes bad.py and m.yaml."""

    def write(text=GOOD, before="", rate="10", duration="1m"):
        (tmp_path / "m.yaml").write_text(text)
        (tmp_path / "bad.py").write_text(SCENARIO.format(before=before, rate=rate, duration=duration))

    return write


@pytest.mark.parametrize(
    "change, message",
    [
        ({"before": "{}['x']"}, "error: {}/bad.py:4: the scenario raised KeyError: 'x'\n"),
        ({"before": "raise SystemExit(0)"}, "error: {}/bad.py:4: the scenario raised SystemExit: 0\n"),
        ({"before": "def broken("}, "error: {}/bad.py:4:11: the scenario is not valid Python: '(' was never closed\n"),
        ({"rate": "-1"}, "error: {}/bad.py:5: a rate cannot be negative\n  value: -1\n"),
        ({"text": ISVC + "spec:\n\tx: 1\n"}, "error: {}/m.yaml:5:1: not YAML: found character '\\t' that cannot"),
    ],
)
def test_a_scenario_that_raises_is_refused_with_its_line(sandbox, scenario, tmp_path, change, message):
    scenario(**change)

    done = sandbox("run", "bad.py")

    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message.format(tmp_path))


# -- Ctrl-C --------------------------------------------------------------------------------------------------


def interrupted(command, journal, folder):
    """Start `sandbox COMMAND`, press Ctrl-C once some simulated minutes are in the journal: (status, out, err)."""
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", *command],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while not (journal / "counts.bin").exists() or (journal / "counts.bin").stat().st_size < 10_000:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_ctrl_c_in_the_middle_of_try_shows_what_was_played_so_far(tmp_path):
    (tmp_path / "m.yaml").write_text(GOOD)
    command = ["try", "m.yaml", "--rate", "2000", "--for", "1000h", "--out", "kept"]

    status, out, err = interrupted(command, tmp_path / "kept" / "journal", tmp_path)
    journal = Journal.open(tmp_path / "kept" / "journal")
    kept = json.loads((tmp_path / "kept" / "try.json").read_text())

    assert status == 130
    assert err.endswith("journal: kept/journal\ninterrupted\n")
    assert "Traceback" not in err
    assert journal.ended == "interrupted"
    assert 60 < journal.duration_s < 3_600_000
    assert journal.digest == journal.digest_of_files()
    assert f"totals over {journal.duration_s:g} s\n" in out
    assert out.endswith("  interrupted: this is what was played so far\n")
    assert kept["totals"]["ended"] == "interrupted"
    assert kept["totals"]["answered"] > 60 * 1000


def test_ctrl_c_in_the_middle_of_run_keeps_what_was_played_so_far(scenario, tmp_path):
    scenario(rate="2000", duration="1000h")

    folder = tmp_path / "kept" / "bad" / "one"
    status, out, err = interrupted(["run", "bad.py", "--out", "kept", "--json"], folder, tmp_path)
    journal = Journal.open(folder)
    [report] = json.loads(out)

    assert status == 130
    assert err.endswith("interrupted\n")
    assert "Traceback" not in err
    assert (report["interrupted"], report["variants"]["one"]["ended"]) == (True, "interrupted")
    assert journal.ended == "interrupted"
    assert 60 < journal.duration_s < 3_600_000
    assert journal.digest == journal.digest_of_files()
