"""The schedule that real load generators send is what the simulated world plays, request by request."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from sandbox.errors import UsageError
from sandbox.journal.journal import Journal
from sandbox.journal.schema import Role, What
from sandbox.manifests.profile_file import parse_profiles
from sandbox.manifests.reader import Text, read_manifests
from sandbox.profiles import constant
from sandbox.requests import Request, requests_of
from sandbox.scenario.model import Arrivals, Flow, Keys, Trace, Variant
from sandbox.sim.world import SimWorld

DURATION_S = 40.0
INSTANT = """
platform: {gatewayHop: 0s, activatorHop: 0s}
default: {serviceTime: constant(1us), startup: 1s}
models:
  - match: {component: transformer}
    serviceTime: 0s
    cacheTime: 0s
    startup: 1s
"""
CACHED = """
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata: {name: NAME}
spec:
  predictor:
    minReplicas: 1
    maxReplicas: 1
    model: {modelFormat: {name: onnx}, storageUri: "s3://m/v1"}
  transformer:
    minReplicas: 1
    maxReplicas: 1
    annotations: {sandbox.dev/transformer-cache: "true", sandbox.dev/transformer-cache-config: NAME}
    containers: [{name: kserve-container, image: example.com/t:1}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: NAME}
data: {maxEntries: "100000", maxBytes: "0", topology: per-service}
"""
FLOWS = (
    Flow(
        to="ramp",
        arrivals=Arrivals.POISSON,
        rate=((0.0, 0.0), (10.0, 200.0), (20.0, 200.0), (20.0, 20.0), (30.0, 0.0), (35.0, 50.0)),
        keys=Keys(n=3000, s=0.7),
    ),
    Flow(to="even", arrivals=Arrivals.CONSTANT, rate=((0.0, 33.3), (40.0, 77.7)), keys=Keys(n=500), name="named"),
)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Journal:
    text = "\n---\n".join(CACHED.replace("NAME", name) for name in ("ramp", "even"))
    variant = Variant(
        scenario="test",
        name="only",
        objects=read_manifests(Text(text)).objects,
        flows=FLOWS,
        steps=(),
        duration_s=DURATION_S,
        profiles=parse_profiles(INSTANT),
    )
    return SimWorld().play(variant, 7, Path(tmp_path_factory.mktemp("run")))


def counted(journal: Journal, service: str, role: Role, what: What) -> dict[int, int]:
    """How many of what in each second, of one service."""
    wanted = [i for i, one in enumerate(journal.series) if one.service == service and one.role is role]
    rows = journal.counts[np.isin(journal.counts["series"], wanted) & (journal.counts["what"] == what)]
    found: Counter[int] = Counter()
    for second, n in zip(rows["second"].tolist(), rows["n"].tolist(), strict=True):
        found[second] += n
    return dict(found)


@pytest.mark.parametrize("flow", [0, 1], ids=["a Poisson flow over a bent rate", "an even flow that speeds up"])
def test_as_many_requests_in_every_second_as_the_simulated_world_plays(journal: Journal, flow: int) -> None:
    planned = Counter(int(one.at_s) for one in requests_of(FLOWS, 7, DURATION_S) if one.flow == flow)

    assert sum(planned.values()) > 1000
    assert counted(journal, FLOWS[flow].to, Role.ENTRY, What.ARRIVED) == dict(planned)


@pytest.mark.parametrize("flow", [0, 1], ids=["Zipf", "uniform"])
def test_the_same_keys_for_the_first_time_in_the_same_seconds(journal: Journal, flow: int) -> None:
    """A cache that forgets nothing misses exactly when a key is asked for the first time."""
    first: dict[int | None, int] = {}
    for one in requests_of(FLOWS, 7, DURATION_S):
        if one.flow == flow:
            first.setdefault(one.key, int(one.at_s))

    assert len(first) > 300
    assert counted(journal, FLOWS[flow].to, Role.ENTRY, What.MISS) == dict(Counter(first.values()))


def test_another_seed_plans_other_requests() -> None:
    assert [one.at_ns for one in requests_of(FLOWS, 7, 5.0)] != [one.at_ns for one in requests_of(FLOWS, 8, 5.0)]


def test_flows_are_merged_in_order_of_time() -> None:
    planned = list(requests_of(FLOWS, 7, DURATION_S))

    assert planned == sorted(planned, key=lambda one: (one.at_ns, one.flow))
    assert {0, 1} == {one.flow for one in planned}
    assert [one.number for one in planned if one.flow == 1] == list(range(sum(one.flow == 1 for one in planned)))


def test_a_trace_is_planned_as_it_was_recorded_up_to_the_end_of_the_run() -> None:
    trace = Trace(
        t_ns=np.array([0, 10**9, 3 * 10**9, 9 * 10**9]),
        service_ns=np.array([1, 2, 3, 4]),
        key=np.array([5, 6, 5, 7]),
        route=("a", "b", "a", "a"),
    )
    flow = Flow(to="a", arrivals=Arrivals.TRACE, trace=trace)

    assert [
        Request(at_ns=0, flow=0, number=0, to="a", key=5, service_ns=1),
        Request(at_ns=10**9, flow=0, number=1, to="b", key=6, service_ns=2),
        Request(at_ns=3 * 10**9, flow=0, number=2, to="a", key=5, service_ns=3),
    ] == list(requests_of((flow,), 1, 9.0))


def test_a_bare_trace_has_neither_keys_nor_service_times() -> None:
    flow = Flow(to="a", arrivals=Arrivals.TRACE, trace=Trace(t_ns=np.array([5])))

    assert [Request(at_ns=5, flow=0, number=0, to="a")] == list(requests_of((flow,), 1, 1.0))


def test_a_flow_without_keys_has_none_and_a_rate_that_ends_at_zero_ends() -> None:
    flow = Flow(to="a", arrivals=Arrivals.CONSTANT, rate=((0.0, 10.0), (2.0, 0.0)))

    planned = list(requests_of((flow,), 1, 1e6))
    assert 9 == len(planned)
    assert {None} == {one.key for one in planned}
    assert planned[-1].at_s < 2.0


def test_users_cannot_be_planned() -> None:
    flow = Flow(to="shop", arrivals=Arrivals.USERS, users=3, think=constant(1.0))

    with pytest.raises(UsageError, match="the users of shop cannot be scheduled"):
        list(requests_of((flow,), 1, 10.0))
