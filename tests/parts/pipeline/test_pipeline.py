"""The pipeline as a whole, as its command runs it: kfp's local runner against a real S3 server."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.parts.object_store.running import RunningStore
from tests.parts.part import CHECKOUT, part

RUN_S = 180.0  # four steps, each a Python that imports kfp
BUCKET = "pipeline"
LOG = f"s3://{BUCKET}/log"
SMALL = ("--days", "2", "--requests", "300")


@dataclass(frozen=True)
class Place:
    """A store and what to say of it in the environment, and a folder to run in. All objects are in one new bucket."""

    store: RunningStore
    environment: dict[str, str]
    folder: Path

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "fixtures.pipeline", *arguments],
            cwd=self.folder,
            env={**os.environ, **self.environment, "PYTHONPATH": str(CHECKOUT)},
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
        )

    def attempt(self, *options: str) -> subprocess.CompletedProcess[str]:
        return self.command("run", "--models", "s3://pipeline/models", "--log", LOG, *options)

    def run(self, *options: str) -> dict[str, Any]:
        done = self.attempt(*options)
        assert done.returncode == 0, done.stderr[-3000:]
        answer = json.loads(done.stdout)
        assert isinstance(answer, dict)
        return answer

    def objects(self, prefix: str) -> dict[str, bytes]:
        """Name below the prefix → content."""
        client, found = self.store.client(), {}
        for one in client.list_objects(BUCKET, prefix, recursive=True):
            with client.get_object(BUCKET, str(one.object_name)) as answer:
                found[str(one.object_name).removeprefix(prefix)] = answer.read()
        assert found
        return found

    def stamps(self) -> set[tuple[object, ...]]:
        """What would differ if an object were written again, even with the same bytes."""
        listed = self.store.client().list_objects(BUCKET, recursive=True)
        return {(one.object_name, one.etag, one.last_modified) for one in listed}


def manifest(place: Place, answer: dict[str, Any]) -> dict[str, Any]:
    document = YAML(typ="safe", pure=True).load((place.folder / answer["manifest"]).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@contextmanager
def served(place: Place, uri: str, *arguments: str) -> Iterator[str]:
    """The slim model server with the model at uri; what it says of being ready: `ready URL …` or `… not ready: …`."""
    options = ("--slim", "--port", "0", "--model-name", "ranker", *arguments)
    with part("model_server", *options, environment={**place.environment, "STORAGE_URI": uri}) as server:
        yield server.wait_for("(ready |model server: not ready: ).*")[0]


@pytest.fixture(scope="module")
def place(store: RunningStore, tmp_path_factory: pytest.TempPathFactory) -> Place:
    return Place(store, store.environment, tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def first(place: Place) -> dict[str, Any]:
    """The answer of the first run, on a store with nothing in it."""
    return place.run(*SMALL)


@pytest.fixture(scope="module")
def other(place: Place, first: dict[str, Any]) -> dict[str, Any]:
    """The answer of a later run that trains otherwise on the same log."""
    return place.run("--regularisation", "30", "--canary-percent", "25", "--manifest", "other.yaml")


# -- AI FEATURE, AI TRAINING


def test_every_row_of_the_log_is_accounted_for(place: Place, first: dict[str, Any]) -> None:
    log = place.objects("log/")
    rows = sum(content.count(b"\n") for name, content in log.items() if name.endswith(".jsonl"))
    accounting = dict(first["accounting"])

    assert rows > 2000
    assert rows == accounting.pop("rows_in") == sum(accounting.values())
    metrics = first["record"]["metrics"]
    assert accounting["impressions"] == metrics["rows_trained"] + metrics["rows_held_out"]


def test_the_model_is_stored_under_its_digest_with_its_record(place: Place, first: dict[str, Any]) -> None:
    record = first["record"]
    stored = place.objects("models/")
    name, version = record["name"], record["version"]

    assert record == json.loads(stored[f"registry/{name}/{version}.json"])
    assert record["digest"] == json.loads(stored[f"{name}/{version}/.model.json"])["digest"]
    assert record["digest"] == "sha256:" + sha256(stored[f"{name}/{version}/ranker.json"]).hexdigest()
    assert record["digest"].startswith(f"sha256:{version}")
    assert json.loads(stored[f"{name}/{version}/ranker.json"])["trained_on"] == record["data"]["features"]


# -- again


def test_a_second_run_with_the_same_log_gives_the_same_model_and_registers_nothing(
    place: Place, first: dict[str, Any]
) -> None:
    before = place.stamps()
    again = place.run()

    assert before == place.stamps()
    assert {**first, "registered": False} == again
    assert first["registered"]


def test_another_training_is_another_version_beside_the_first(
    place: Place, first: dict[str, Any], other: dict[str, Any]
) -> None:
    stored = place.objects("models/")

    assert other["registered"]
    assert first["record"]["data"] == other["record"]["data"]
    assert first["record"]["digest"] != other["record"]["digest"]
    assert {f"registry/ranker/{one['record']['version']}.json" for one in (first, other)} == {
        name for name in stored if name.startswith("registry/")
    }


# -- AI SERVING


def test_the_served_model_has_the_recorded_digest(place: Place, first: dict[str, Any]) -> None:
    """B7, with the server's arguments and storageUri taken from the manifest, as KServe would take them."""
    model = manifest(place, first)["spec"]["predictor"]["model"]
    with served(place, model["storageUri"], *model["args"]) as line:
        request = urllib.request.Request(
            f"{line.split()[1]}/v1/models/ranker:predict",
            b'{"instances": [[0.5, 2.0, 1.0, 0.1, 0]]}',
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            body = json.load(answer)

    assert first["record"]["digest"] == answer.headers["x-model-digest"]
    assert 1 == len(body["predictions"])


def test_a_server_asked_for_one_record_does_not_serve_the_model_of_another(
    place: Place, first: dict[str, Any], other: dict[str, Any]
) -> None:
    args = manifest(place, first)["spec"]["predictor"]["model"]["args"]

    with served(place, other["record"]["uri"], *args) as line:
        assert line.startswith("model server: not ready: ")
    assert first["record"]["digest"] in line
    assert other["record"]["digest"] in line


def test_the_manifest_says_the_canarys_share_and_the_digest(place: Place, first: dict[str, Any]) -> None:
    document = manifest(place, first)

    assert 10 == document["spec"]["predictor"]["canaryTrafficPercent"]
    assert first["record"]["digest"] == document["metadata"]["annotations"]["sandbox.dev/model-digest"]
    assert first["record"]["uri"] == document["spec"]["predictor"]["model"]["storageUri"]


def sandbox(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    return subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=RUN_S, check=False)


def test_the_manifest_plays_in_the_simulated_world(place: Place, first: dict[str, Any]) -> None:
    done = sandbox("try", str(place.folder / first["manifest"]), "--rate", "20", "--for", "1m", "--json")

    assert done.returncode == 0, done.stderr
    totals = json.loads(done.stdout)["totals"]
    assert totals["offered"] > 1000
    assert 0 == totals["errors"]
    assert 1 == totals["peak_ready_pods"]


SCENARIO = '''"""The second model is a canary beside the first."""
from sandbox import Scenario, at, traffic, within

first = Scenario(manifests=["first.yaml"], traffic=traffic.poisson(rate=50, to="ranker"), duration="5m")
variants = {"canary": first.then(at("1m").apply("second.yaml"), at("2m", mark="rolled out"))}


def test_the_canary_gets_its_share(runs):
    after = runs["canary"].after("rolled out")
    assert within(after.share("ranker-predictor-00002"), 0.22, 0.28)
    assert runs["canary"].whole.errors == 0
'''


def test_a_later_runs_manifest_plays_as_a_canary_beside_the_first(
    place: Place, first: dict[str, Any], other: dict[str, Any], tmp_path: Path
) -> None:
    for name, answer in (("first.yaml", first), ("second.yaml", other)):
        (tmp_path / name).write_text((place.folder / answer["manifest"]).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "canary.py").write_text(SCENARIO, encoding="utf-8")

    done = sandbox("run", str(tmp_path / "canary.py"))

    assert done.returncode == 0, done.stdout + done.stderr


# -- what goes wrong


def test_a_log_that_lost_rows_is_refused_and_nothing_registered(place: Place, first: dict[str, Any]) -> None:
    client, log = place.store.client(), place.objects("log/")
    log["2026-11-01.jsonl"] = log["2026-11-01.jsonl"].rsplit(b"\n", 10)[0] + b"\n"
    for name, content in log.items():
        client.put_object(BUCKET, f"lossy/{name}", io.BytesIO(content), len(content))
    before = place.stamps()

    done = place.attempt("--log", f"s3://{BUCKET}/lossy")

    assert 7 == done.returncode
    assert "" == done.stdout
    assert "2026-11-01.jsonl is not what was registered" in done.stderr
    assert before == place.stamps()


@pytest.mark.parametrize(
    "options, step, message",
    [
        (("--canary-percent", "101"), "deploy", "canaryTrafficPercent"),
        (("--regularisation", "0"), "train", "regularisation is above 0"),
    ],
)
def test_a_step_that_fails_says_why_and_ends_the_run(
    place: Place, first: dict[str, Any], options: tuple[str, ...], step: str, message: str
) -> None:
    done = place.attempt(*options)

    assert 7 == done.returncode
    assert "" == done.stdout
    assert message in done.stderr
    end = done.stderr[done.stderr.index("error: a step failed") :]
    assert f"'{step}'" in end
    assert "\x1b" not in end
    assert "its own message is above" in end


def test_without_a_store_or_its_keys_the_message_says_what_to_export(place: Place, tmp_path: Path) -> None:
    done = Place(place.store, dict.fromkeys(place.environment, ""), tmp_path).command("run")

    assert 2 == done.returncode
    assert "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, SANDBOX_S3_ENDPOINT" in done.stderr


def test_a_store_that_is_not_there_is_a_message_and_no_traceback(place: Place, tmp_path: Path) -> None:
    done = Place(place.store, place.environment, tmp_path).command("generate", "--store", "http://127.0.0.1:9")

    assert 7 == done.returncode
    assert "did not answer" in done.stderr
    assert "Traceback" not in done.stderr


def test_no_key_is_in_what_a_run_leaves_behind(place: Place, first: dict[str, Any]) -> None:
    left = b"".join(path.read_bytes() for path in place.folder.rglob("*") if path.is_file())

    assert first["record"]["digest"].encode() in left
    assert place.store.secret_key.encode() not in left
