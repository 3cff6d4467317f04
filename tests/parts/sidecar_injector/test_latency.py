"""How long a review takes on loopback, over TLS, with a pod of the size that Knative makes."""

from __future__ import annotations

import json
import statistics
import time

from tests.parts.sidecar_injector.pods import patch_of, review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, Injector

REVIEWS = 500
WARM_UP = 50
MEDIAN_S = 0.010


def test_the_median_review_takes_less_than_ten_milliseconds(injector: Injector) -> None:
    """The client's own time is in it: from before the body is sent until the answer is parsed.

    One connection, kept, as the API server keeps its own; every review is another pod, and every answer has a patch.
    """
    bodies = [json.dumps(review(transformer_pod(service=f"s-{i}"))).encode() for i in range(REVIEWS + WARM_UP)]
    took_s = []
    with Caller(injector) as caller:
        for body in bodies:
            started = time.perf_counter()
            status, answer = caller.post(body)
            took_s.append(time.perf_counter() - started)
            assert status == 200
            assert patch_of(answer)

    measured = sorted(took_s[WARM_UP:])
    median_s, p99_s = statistics.median(measured), measured[int(len(measured) * 0.99)]
    size = len(bodies[0])
    print(f"{REVIEWS} reviews of {size} bytes: median {median_s * 1e3:.2f} ms, p99 {p99_s * 1e3:.2f} ms")
    assert len(measured) == REVIEWS
    assert median_s < MEDIAN_S


def test_a_review_on_a_new_connection_takes_less_than_the_webhooks_time_out(injector: Injector) -> None:
    took_s = []
    for i in range(30):
        started = time.perf_counter()
        with Caller(injector) as caller:
            assert caller.post(review(transformer_pod(service=f"n-{i}")))[0] == 200
        took_s.append(time.perf_counter() - started)

    print(f"30 reviews with a TLS handshake each: median {statistics.median(took_s) * 1e3:.2f} ms")
    assert statistics.median(took_s) < 2.0 / 10
