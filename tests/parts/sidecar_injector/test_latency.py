"""How long a review takes on loopback, over TLS, with a pod of the size that Knative makes."""

from __future__ import annotations

import json
import statistics
import time

from tests.parts.sidecar_injector.pods import patch_of, review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, Injector

ROUNDS = 3
REVIEWS = 200
WARM_UP = 50
MEDIAN_S = 0.010


def test_the_median_review_takes_less_than_ten_milliseconds(injector: Injector) -> None:
    """The client's own time is in it: from before the body is sent until the answer is parsed.

    One connection, kept, as the API server keeps its own; every review is another pod, and every answer has a patch.
    Whatever else this machine does only adds to it, so of three rounds the quickest is held to the bound; all are told.
    """
    with Caller(injector) as caller:
        measured_s(caller, WARM_UP)
        rounds = [measured_s(caller, REVIEWS) for _ in range(ROUNDS)]

    medians_s = [statistics.median(one) for one in rounds]
    told = ", ".join(f"{statistics.median(one) * 1e3:.2f} (p99 {sorted(one)[-3] * 1e3:.2f})" for one in rounds)
    print(f"{ROUNDS} rounds of {REVIEWS} reviews of {len(body(0))} bytes, median in ms: {told}")
    assert [len(one) for one in rounds] == [REVIEWS] * ROUNDS
    assert min(medians_s) < MEDIAN_S


def body(number: int) -> bytes:
    return json.dumps(review(transformer_pod(service=f"s-{number}"))).encode()


def measured_s(caller: Caller, count: int) -> list[float]:
    took_s = []
    for asked in [body(number) for number in range(count)]:
        started = time.perf_counter()
        status, answer = caller.post(asked)
        took_s.append(time.perf_counter() - started)
        assert status == 200
        assert patch_of(answer)
    return took_s


def test_a_review_on_a_new_connection_takes_less_than_the_webhooks_time_out(injector: Injector) -> None:
    took_s = []
    for i in range(30):
        started = time.perf_counter()
        with Caller(injector) as caller:
            assert caller.post(review(transformer_pod(service=f"n-{i}")))[0] == 200
        took_s.append(time.perf_counter() - started)

    print(f"30 reviews with a TLS handshake each: median {statistics.median(took_s) * 1e3:.2f} ms")
    assert statistics.median(took_s) < 2.0 / 10
