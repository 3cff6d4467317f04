"""Drives the per-request part of knative_activator_and_formulas.json: balancing policies and the breaker."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sandbox.mechanisms.routing import balancing
from sandbox.mechanisms.routing.breaker import Breaker, BreakerRefused
from sandbox.sim.draws import mix64, stream

Case = Mapping[str, Any]
Table = Mapping[str, Any]


class _Pods:
    """Pods in a fixed order, the number of requests each has, and one policy over them."""

    def __init__(self, case: Case) -> None:
        self.load = [0] * case["pods"]
        self.pods = list(range(case["pods"]))
        self.slots = case.get("slots_per_pod", 0)
        self.start = 0
        self.bits = map(mix64, itertools.repeat(stream(1, "conformance")), itertools.count())
        self.choose: Callable[[int], int] = getattr(self, case["policy"])

    def first_available(self, n: int) -> int:
        return balancing.first_available(self.load, 0, self.pods, 0, n, self.slots)

    def round_robin(self, n: int) -> int:
        position = balancing.round_robin(self.load, 0, self.pods, 0, n, self.slots, self.start)
        if position != balancing.NO_POD:
            self.start = position + 1
        return position

    def random_choice_2(self, n: int) -> int:
        return balancing.random_choice_2(self.load, 0, self.pods, 0, n, next(self.bits))

    def acquire(self, n: int) -> int | None:
        pod = self.choose(n)
        if pod == balancing.NO_POD:
            return None
        self.load[pod] += 1
        return pod

    def release(self, pod: int) -> None:
        self.load[pod] -= 1


def policy(case: Case, table: Table) -> None:
    pods = _Pods(case)
    if "property" in case:
        assert case["property"] == "100 acquire+release pairs hit both pods at least once"
        hit = set()
        for _ in range(100):
            pod = pods.acquire(case["pods"])
            assert pod is not None
            hit.add(pod)
            pods.release(pod)
        assert hit == set(range(case["pods"]))
        return
    for op, argument in case["ops"]:
        if op == "release":
            pods.release(argument)
        elif op == "acquire":
            assert (op, argument) == (op, pods.acquire(case["pods"]))
        else:
            n = int(op.removeprefix("acquire_first_").removesuffix("_pods"))
            assert (op, argument) == (op, pods.acquire(n))


def _breaker(params: Case) -> Breaker:
    return Breaker(params["queue_depth"], params["max_concurrency"], params["initial_capacity"])


def _cancelled(breaker: Breaker) -> str:
    """A request whose client is gone before it runs: refused or given up, it has failed."""
    state = breaker.request()
    if state == "queued":
        breaker.cancel()
    return state if state == "running" else "failed"


def breaker(case: Case, table: Table) -> None:
    for params in case.get("invalid", []):
        with pytest.raises(BreakerRefused):
            _breaker(params)
    if "params" not in case:
        return
    one = _breaker(case["params"])
    for op, *arguments in case["ops"]:
        if op == "request":
            assert [one.request()] == arguments
        elif op == "request_cancelled":
            assert [_cancelled(one)] == arguments
        elif op == "reserve":
            assert ["ok" if one.reserve() else "fail"] == arguments
        elif op in ("finish", "release_reserved"):
            one.finish()
        elif op == "set_capacity":
            one.set_capacity(*arguments)
        else:
            assert op == "capacity"
            assert [one.capacity] == arguments


DRIVERS = {"lb_policy_cases": policy, "breaker_cases": breaker}
