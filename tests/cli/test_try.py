"""`sandbox try`: a load against manifests in the simulated world."""

import json
import re
import subprocess

import pytest

from sandbox.cli.main import run

KSVC = """\
apiVersion: serving.knative.dev/v1
kind: Service
metadata: {name: asr}
spec: {template: {spec: {containers: [{image: example.com/asr:1}]}}}
"""
DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: example.com/web:1}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80}]}
"""
TRANSFORMER = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: ranker, namespace: shop}
spec:
  predictor: {model: {modelFormat: {name: onnx}, storageUri: "s3://models/ranker"}}
  transformer: {containers: [{name: kserve-container, image: example.com/features:1}]}
"""
CACHED = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: cached}
spec:
  predictor: {containers: [{name: kserve-container, image: example.com/ranker:1}]}
  transformer:
    annotations:
      sandbox.dev/transformer-cache: "true"
      sandbox.dev/transformer-cache-config: cache
    containers: [{name: kserve-container, image: example.com/features:1}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cache}
data: {topology: sidecar}
"""
CONFIG_AUTOSCALER = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: config-autoscaler, namespace: knative-serving}
data: {%s}
"""
FAST = ("--service-time", "50ms", "--startup", "2s")
ROW = {
    "t_s",
    "offered_per_s",
    "answered_per_s",
    "errors_per_s",
    "desired_pods",
    "ready_pods",
    "concurrency",
    "p50_ms",
    "p99_ms",
    "cold_starts",
}


@pytest.fixture
def sandbox(project, monkeypatch, capsys):
    """`sandbox ARGUMENTS` in this process and the project; its manifests are ranker, asr, web and shop."""
    (project / "ranker.yaml").write_text((project / "scenarios" / "pods" / "ranker.yaml").read_text())
    (project / "asr.yaml").write_text(KSVC)
    (project / "web.yaml").write_text(DEPLOYMENT)
    (project / "shop.yaml").write_text(TRANSFORMER)
    monkeypatch.chdir(project)

    def call(*arguments):
        status = run(list(arguments))
        out, err = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, status, out, err)

    return call


@pytest.fixture
def tried(sandbox):
    """`sandbox try ARGUMENTS --json`, parsed."""

    def call(*arguments):
        done = sandbox("try", *arguments, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_json_has_a_row_for_every_second(tried):
    played = tried("ranker.yaml", "--rate", "20", "--for", "30s", *FAST)
    rows = played["rows"]

    assert [row["t_s"] for row in rows] == list(range(30))
    assert set(rows[0]) == ROW
    assert {"rows", "totals", "decisions"} <= set(played)
    assert played["target"] == "ranker"
    assert 450 < played["totals"]["offered"] < 750
    assert sum(row["offered_per_s"] for row in rows) == played["totals"]["offered"]
    assert played["totals"]["offered"] == played["totals"]["answered"] + played["totals"]["in_flight_at_end"]
    assert played["totals"]["statuses"] == {"200": played["totals"]["answered"]}
    assert {row["ready_pods"] for row in rows} == {1}
    assert rows[10]["p50_ms"] == pytest.approx(52, rel=0.01)  # 50 ms and two hops of 1 ms: gateway and activator


def test_seconds_without_requests_give_null(tried):
    played = tried("ranker.yaml", "--rate", "0", "--for", "5s")

    assert [(row["p50_ms"], row["p99_ms"], row["offered_per_s"]) for row in played["rows"]] == [(None, None, 0)] * 5
    assert (played["totals"]["offered"], played["totals"]["error_ratio"]) == (0, None)


def test_the_same_seed_plays_the_same(tried):
    digests = [
        tried("asr.yaml", "--rate", "20", "--for", "20s", "--seed", seed)["totals"]["journal_digest"]
        for seed in ("3", "3", "4")
    ]

    assert digests[0] == digests[1] != digests[2]


def test_a_ramp_scales_up_and_the_decisions_say_why(tried):
    played = tried("ranker.yaml", "--rate", "0..400", "--for", "2m", "--service-time", "1s", "--startup", "2s")
    rows, decisions = played["rows"], played["decisions"]

    assert rows[0]["offered_per_s"] < 20 < 350 < rows[-1]["offered_per_s"]
    assert rows[0]["ready_pods"] == 1
    assert rows[-1]["ready_pods"] >= 4
    assert all(row["desired_pods"] >= row["ready_pods"] or row["t_s"] > 60 for row in rows)
    assert re.search(r"ceil\([0-9.]+ in flight / 70\) = \d+ → \d+$", decisions[-1]["formula"])
    assert {"t_s", "formula", "outcome"} <= set(decisions[-1])
    assert decisions[-1]["outcome"] == int(decisions[-1]["formula"].rsplit("→ ")[-1])


SLOW = ("--for", "2m", "--service-time", "1s", "--startup", "2s")  # a target of 70 in flight: 70 requests/s a pod


def test_a_formula_names_the_bound_that_holds_it(tried, project):
    bounds = "metadata: {annotations: {autoscaling.knative.dev/min-scale: '3', autoscaling.knative.dev/max-scale: '4'}}"
    (project / "bounded.yaml").write_text(KSVC.replace("{template: {", f"{{template: {{{bounds}, "))
    decisions = tried("bounded.yaml", "--rate", "0..400", *SLOW)["decisions"]
    formulas = [one["formula"] for one in decisions]

    assert {one["outcome"] for one in decisions} == {3, 4}
    assert any(re.fullmatch(r"ceil\(.* in flight / 70\) = 2, min-scale 3 → 3", one) for one in formulas)
    assert any(re.fullmatch(r"ceil\(.* in flight / 70\) = 4 → 4", one) for one in formulas)
    assert re.fullmatch(r"ceil\(.* in flight / 70\) = 5, max-scale 4 → 4", formulas[-1])


def test_a_formula_names_the_rate_that_holds_it(tried, project):
    (project / "slow.yaml").write_text(CONFIG_AUTOSCALER % 'max-scale-up-rate: "2.0"')
    decisions = tried("asr.yaml", "--rate", "800", *SLOW, "--config", "slow.yaml")["decisions"]

    assert any(", at most ceil(max-scale-up-rate 2 × 1 pod) = 2 → 2" in one["formula"] for one in decisions)


def test_start_up_is_the_whole_time_from_creation_to_ready(tried, project):
    """Scaled to zero, woken by a request at 150 s: it waits 4 s for the pod, then takes 50 ms and two hops of 1 ms."""
    (project / "two.csv").write_text("timestamp\n0\n150\n")
    timing = ("--service-time", "50ms", "--startup", "4s")

    played = tried("asr.yaml", "--trace", "two.csv", "--for", "160s", *timing, "--out", "kept")
    rows = played["rows"]
    records = map(json.loads, (project / "kept" / "journal" / "records.jsonl").read_text().splitlines())
    woken = {one["phase"]: one["t_s"] for one in records if one["kind"] == "pod" and one["t_s"] >= 150}

    assert rows[140]["ready_pods"] == 0
    assert woken["Ready"] - woken["Pending"] == pytest.approx(4, abs=1e-6)
    assert [row["t_s"] for row in rows if row["cold_starts"]] == [154]
    assert played["totals"]["cold_starts"] == 1
    assert rows[154]["p50_ms"] == pytest.approx(4052, rel=0.008)  # the middle of a bucket


def test_closed_loop_users(tried):
    """20 users, 1 s of thought and 0.05 s of service: 19 a second."""
    played = tried("web.yaml", "--users", "20", "--for", "60s", "--service-time", "50ms", "--startup", "1s")

    assert played["target"] == "web"
    assert played["totals"]["offered"] / 60 == pytest.approx(20 / 1.05, rel=0.1)
    assert {(row["desired_pods"], row["ready_pods"]) for row in played["rows"]} == {(3, 3)}
    assert played["decisions"] == []


def test_a_trace_lasts_as_long_as_it_does_and_its_service_times_count(tried, project):
    (project / "trace.csv").write_text("TIMESTAMP,service_ms\n0.5,200\n1.5,300\n9.5,100\n")

    played = tried("ranker.yaml", "--trace", "trace.csv", "--startup", "1s")

    assert [row["offered_per_s"] for row in played["rows"]] == [1, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    assert [row["p50_ms"] for row in played["rows"] if row["p50_ms"]] == pytest.approx([202, 302, 102], rel=0.01)


def test_a_transformer_stands_in_front_of_its_predictor(tried):
    played = tried("shop.yaml", "--to", "ranker", "--rate", "20", "--for", "20s", *FAST)

    assert played["target"] == "ranker.shop"
    assert {row["ready_pods"] for row in played["rows"]} == {1}
    assert played["totals"]["p50_ms"] == pytest.approx(56, rel=0.01)  # 2 ms of its own, 50 ms, four hops
    assert any("transformer's own time constant(value=2ms)" in one for one in played["assumptions"])


def test_a_folder_of_manifests_and_config_of_the_platform(tried, project):
    folder = project / "all"
    folder.mkdir()
    (folder / "asr.yaml").write_text(KSVC)
    (project / "platform.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: config-autoscaler, namespace: knative-serving}\n"
        'data: {container-concurrency-target-default: "10", container-concurrency-target-percentage: "100"}\n'
        "---\napiVersion: v1\nkind: Node\nmetadata: {name: n1}\nstatus: {allocatable: {cpu: 8, memory: 8Gi}}\n"
    )

    played = tried("all", "--config", "platform.yaml", "--rate", "50", "--for", "30s", *FAST)

    assert "in flight / 10)" in played["decisions"][-1]["formula"]
    assert not any("unlimited" in note for note in played["notes"])


def test_keys_of_a_trace_are_what_a_cache_looks_up(tried, project):
    """Two distinct keys in six requests, far enough apart: two misses, four hits."""
    (project / "keys.csv").write_text(
        "timestamp,service_ms,key\n" + "".join(f"{t_s},100,{key}\n" for t_s, key in enumerate("abaabb"))
    )
    (project / "cached.yaml").write_text(CACHED)

    played = tried("cached.yaml", "--trace", "keys.csv", "--startup", "1s")

    assert played["totals"]["answered"] == 6
    assert played["totals"]["cache_hit_ratio"] == pytest.approx(4 / 6)


def test_a_public_inference_trace_is_played_as_it_is(sandbox, project):
    (project / "azure.csv").write_text(
        "TIMESTAMP,ContextTokens,GeneratedTokens\n"
        "2023-11-16 18:17:03.9799600,4808,10\n"
        "2023-11-16 18:17:04.0319600,110,27\n"
        "2023-11-16 18:17:07.5,3180,8\n"
    )

    done = sandbox("try", "asr.yaml", "--trace", "azure.csv", *FAST, "--json")

    assert done.returncode == 0
    assert done.stderr == "note: azure.csv: columns not used: ContextTokens, GeneratedTokens\n"
    assert [row["offered_per_s"] for row in json.loads(done.stdout)["rows"]] == [2, 0, 0, 1]


def test_pods_that_fit_no_node_are_told_in_the_words_of_the_scheduler(tried, project):
    """Three pods of 3 CPU each, on nodes with 4 and 2: one runs."""
    (project / "large.yaml").write_text(
        DEPLOYMENT.replace("example.com/web:1", 'example.com/web:1, resources: {requests: {cpu: "3"}}')
    )
    (project / "nodes.yaml").write_text(
        "".join(
            f"---\napiVersion: v1\nkind: Node\nmetadata: {{name: {name}}}\n"
            f'status: {{allocatable: {{cpu: "{cpu}", memory: 16Gi, pods: "110"}}}}\n'
            for name, cpu in (("n1", 4), ("n2", 2))
        )
    )

    played = tried("large.yaml", "--config", "nodes.yaml", "--users", "2", "--for", "10s", *FAST)

    assert {(row["desired_pods"], row["ready_pods"]) for row in played["rows"]} == {(3, 1)}
    [told] = [note for note in played["notes"] if note.startswith("FailedScheduling")]
    assert told.endswith("0/2 nodes are available: 2 Insufficient cpu.")
    assert not any("unlimited" in note for note in played["notes"])


def test_the_terminal_shows_table_charts_decisions_and_totals(sandbox):
    done = sandbox("try", "ranker.yaml", "--rate", "50", "--for", "1m")
    lines = done.stdout.splitlines()

    assert done.returncode == 0
    assert lines[0] == "ranker: 50 requests/s for 60 s, seed 1"
    assert "  service time lognormal(median=100ms, sigma=0.5) (--service-time, --profile)" in lines
    assert "  no Node objects: the cluster's capacity is unlimited" in lines
    assert [line.split()[0] for line in lines if re.match(r" +\d+ s   ", line)][:30] == [
        str(t_s) for t_s in range(0, 60, 2)
    ]
    assert "offered, requests/s" in lines
    assert "pods: █ ready, ░ wanted beyond that" in lines
    assert any(re.match(r"  t=\S+ s.*  ranker-predictor-00001  ceil\(.* → \d+$", line) for line in lines)
    assert "totals over 60 s" in lines
    assert done.stderr == ""


def test_what_the_reader_has_to_say_is_told_once_on_stderr(sandbox, project):
    text = (project / "ranker.yaml").read_text()
    (project / "odd.yaml").write_text(
        text + "    enableServiceLinks: false\n---\napiVersion: acme.io/v1\nkind: Robot\nmetadata: {name: r}\n"
    )

    done = sandbox("try", "odd.yaml", "--rate", "1", "--for", "5s")

    assert done.returncode == 0
    assert done.stderr.count("enableServiceLinks") == 1
    assert "not modelled" in done.stderr
    assert done.stderr.count("acme.io/v1 Robot r is a kind the sandbox does not know") == 1


def test_out_keeps_the_journal_and_the_json(sandbox, project):
    done = sandbox("try", "ranker.yaml", "--rate", "5", "--for", "5s", "--out", "kept")

    assert done.stderr == "journal: kept/journal\n"
    assert json.loads((project / "kept" / "journal" / "meta.json").read_text())["ended"] == "completed"
    assert len(json.loads((project / "kept" / "try.json").read_text())["rows"]) == 5


def test_several_services_need_to(tried, sandbox):
    refused = sandbox("try", "ranker.yaml", "asr.yaml", "--rate", "5", "--for", "5s")
    chosen = tried("ranker.yaml", "asr.yaml", "--to", "asr", "--rate", "5", "--for", "5s")

    assert refused.returncode == 2
    assert "there are 2 services that requests could go to\n  value: ranker, asr" in refused.stderr
    assert "next:  say which: --to ranker" in refused.stderr
    assert chosen["target"] == "asr"


@pytest.mark.parametrize(
    "arguments, message",
    [
        ([], "error: no load is given\n  rule:  exactly one of"),
        (["--rate", "5", "--users", "3"], "error: --rate and --users exclude each other"),
        (["--rate", "fast"], "error: --rate: not a rate\n  value: fast"),
        (["--rate", "5", "--to", "rankr"], "error: --to: nobody answers to that name\n  value: rankr"),
        (["--rate", "5", "--for", "0s"], "error: --for: the time to play must be longer than zero"),
        (["--rate", "5", "--for", "soon"], "error: --for: the time to play is not a duration\n  value: soon"),
        (["--users", "0"], "error: --users: there must be at least one user\n  value: 0"),
        (["--rate", "5", "--think", "1s"], "error: --think says how long users think, and there are none"),
        (["--rate", "5", "--zipf", "1"], "error: --zipf needs to know how many keys there are"),
        (["--rate", "5", "--keys", "0"], "error: --keys: there must be at least one key"),
        (["--rate", "5", "--service-time", "gauss(1)"], "error: --service-time: the service time knows no distrib"),
        (["--rate", "5", "--startup", "2"], 'such as 100ms or 2s: write "2s" or "2ms"'),
        (["--rate", "5", "--profile", "no.yaml"], "error: no.yaml: there is no such file"),
        (["--rate", "5", "--config", "no.yaml"], "error: no.yaml: there is no such file"),
    ],
)
def test_flags_that_make_no_sense_are_refused(sandbox, arguments, message):
    done = sandbox("try", "ranker.yaml", *arguments)

    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bare_deployment_cannot_be_asked(sandbox, project):
    (project / "alone.yaml").write_text(DEPLOYMENT.partition("---")[0])

    done = sandbox("try", "alone.yaml", "--rate", "1")

    assert done.returncode == 2
    assert "alone.yaml: there is nothing here to send requests to\n  value: Deployment web" in done.stderr
