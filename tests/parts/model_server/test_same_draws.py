"""With the same seed, flow and request number a server draws what the simulated world draws, and takes that long."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

import numpy as np
import pytest

from sandbox.journal.journal import Journal
from sandbox.journal.schema import bucket_bounds_ns
from sandbox.manifests.profile_file import parse_profiles
from sandbox.manifests.reader import Text, read_manifests
from sandbox.mechanisms.serving.work import ServiceTimes, draw_number
from sandbox.profiles import default_book
from sandbox.requests.schedule import stream_name
from sandbox.scenario.model import Arrivals, Flow, Variant
from sandbox.sim.world import SimWorld
from tests.parts.model_server.processes import KINDS, MODEL, make_model, model_server

SEED = 2021
N = 40
FLOW = Flow(to=MODEL, arrivals=Arrivals.CONSTANT, rate=((0.0, 1.0),))
PROFILE = """\
platform: {gatewayHop: 0s, activatorHop: 0s}
default: {serviceTime: "lognormal(median=30ms, sigma=0.5)", load: 0s, failureRate: %s}
models: [{match: {component: transformer}, serviceTime: 0s}]
"""
PREDICTOR = """\
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: ranker}
spec:
  predictor: {minReplicas: 1, model: {modelFormat: {name: sandbox}, storageUri: "s3://m/v1"}}
"""
WITH_TRANSFORMER = PREDICTOR + "  transformer: {minReplicas: 1, containers: [{name: t, image: dev.local/t}]}\n"


def played(manifests: str, failure_rate: float, folder: Path) -> Journal:
    """One request a second, so that a second of the journal is a request."""
    variant = Variant(
        scenario="draws",
        name="draws",
        objects=read_manifests(Text(manifests)).objects,
        flows=(FLOW,),
        steps=(),
        duration_s=float(N + 2),
        profiles=parse_profiles(PROFILE % failure_rate),
    )
    return SimWorld().play(variant, SEED, folder)


def draws_of(failure_rate: float) -> ServiceTimes:
    profile = parse_profiles(PROFILE % failure_rate).of({"name": MODEL, "component": "predictor"})
    return ServiceTimes.of(profile.service_time, profile.failure_rate, SEED, stream_name(FLOW, 0))


@pytest.mark.parametrize(
    ("manifests", "inner"), [(PREDICTOR, 0), (WITH_TRANSFORMER, 1)], ids=["direct", "behind a transformer"]
)
def test_the_simulated_world_s_latencies_are_the_server_s_draws(manifests: str, inner: int, tmp_path: Path) -> None:
    journal = played(manifests, 0.0, tmp_path)
    draws = draws_of(0.0)

    rows = {int(row["second"]): int(row["bucket"]) for row in journal.hist if row["series"] == entry_of(journal)}
    bounds = [bucket_bounds_ns(rows[second]) for second in sorted(rows)][:N]

    own = [draws.service_ns(draw_number(index, inner)) for index in range(N)]
    assert len(bounds) == N
    assert [low <= takes < high for takes, (low, high) in zip(own, bounds, strict=True)] == [True] * N


def entry_of(journal: Journal) -> int:
    """The series of what clients saw."""
    return int(np.unique(journal.hist["series"])[0])


def test_the_simulated_world_fails_the_requests_that_the_server_fails(tmp_path: Path) -> None:
    journal = played(PREDICTOR, 0.4, tmp_path)
    draws = draws_of(0.4)

    failed = sorted(int(row["second"]) for row in journal.counts if row["what"] == 500)
    answered = sorted(int(row["second"]) for row in journal.counts if row["what"] in (200, 500))

    first = answered[0]
    assert [second - first for second in failed if second < first + N] == [
        index for index in range(N) if draws.failing(draw_number(index, 0))
    ]
    assert 5 < len(failed) < N


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("inner", [0, 1], ids=["direct", "behind a transformer"])
def test_a_request_with_a_number_takes_its_draw(kind: str, inner: int, tmp_path: Path) -> None:
    arguments = ["--seed", str(SEED), *(["--inner"] if inner else [])]
    model = make_model(tmp_path / "model")
    draws = draws_of(0.0)
    with model_server(kind, tmp_path, *arguments, profile=PROFILE % 0.0, model_dir=model) as server:
        server.ready()
        server.predict(0)  # the first request of a process is slower
        over = []
        for index in range(N):
            began = time.perf_counter()
            answer = server.predict(index, headers={"x-request-number": str(index)})
            took_s = time.perf_counter() - began
            assert 200 == answer.status
            over.append(took_s - draws.service_ns(draw_number(index, inner)) / 1e9)

    assert min(over) > 0
    assert statistics.median(over) < 0.02  # a connection, a request and an answer; the draws differ by much more
    assert statistics.pstdev(draws.service_ns(draw_number(index, inner)) / 1e9 for index in range(N)) > 0.01


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_with_a_number_fails_by_its_draw(kind: str, tmp_path: Path) -> None:
    profile = (PROFILE % 0.4).replace("lognormal(median=30ms, sigma=0.5)", "0s")
    draws = draws_of(0.4)
    with model_server(
        kind, tmp_path, "--seed", str(SEED), profile=profile, model_dir=make_model(tmp_path / "model")
    ) as server:
        server.ready()
        answers = [server.predict(index, headers={"x-request-number": str(index)}) for index in range(N)]

    assert [500 if draws.failing(draw_number(index, 0)) else 200 for index in range(N)] == [a.status for a in answers]
    assert {"failureRate" in str(a.body["error"]) for a in answers if a.status == 500} == {True}


def test_without_a_profile_a_server_and_the_simulated_world_have_the_same_defaults() -> None:
    facts = {"name": MODEL, "component": "predictor"}

    assert default_book().of(facts) == parse_profiles("{}").of(facts)
