"""Whatever comes in, the injector answers with a reason, goes on, and shows no traceback."""

from __future__ import annotations

import json
import random
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.parts.sidecar_injector.pods import patch_of, review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, Injector, trusting

GOOD = json.dumps(review(transformer_pod())).encode()


@pytest.fixture(autouse=True)
def _still_well(injector: Injector) -> Iterator[None]:
    """After each of these tests the injector still works and has logged no defect."""
    yield
    with Caller(injector) as caller:
        status, answer = caller.post(review(transformer_pod()))
    assert status == 200
    assert patch_of(answer)
    assert "Traceback" not in injector.log
    assert "defect" not in injector.log


def deep(levels: int) -> bytes:
    return (
        b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview","request":'
        + b"[" * levels
        + b"]" * levels
        + b"}"
    )


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        (b" " * 2_000_000, 413, "at most 1572864 bytes"),
        (GOOD[:-2], 400, "not JSON"),
        (GOOD[: len(GOOD) // 2], 400, "not JSON"),
        (b"", 400, "not JSON"),
        (deep(10_000), 400, "nested too deep"),
        (deep(500_000), 400, "nested too deep"),
        (b"\xff\xfe\x00", 400, "not JSON"),
        (b'{"a": NaN}', 400, "NaN is no JSON value"),
        (b'{"a": ' + b"9" * 100_000 + b"}", 400, "not JSON"),
        (b"[]", 400, "not an AdmissionReview"),
        (b"null", 400, "not an AdmissionReview"),
        (b"{}", 400, "not admission.k8s.io/v1 AdmissionReview"),
        (GOOD.replace(b"admission.k8s.io/v1", b"admission.k8s.io/v1beta1"), 400, "admission.k8s.io/v1beta1"),
        (GOOD.replace(b'"AdmissionReview"', b'"Pod"'), 400, "not admission.k8s.io/v1 AdmissionReview"),
        (b'{"apiVersion":"admission.k8s.io/v1","kind":"AdmissionReview"}', 400, "no request with a uid"),
        (json.dumps(review(transformer_pod(), uid="")).encode(), 400, "no request with a uid"),
        (json.dumps(review(transformer_pod(), uid=7)).encode(), 400, "no request with a uid"),
        (json.dumps(review(transformer_pod(), namespace=7)).encode(), 400, "namespace is not text"),
        (json.dumps(review("a pod")).encode(), 400, "is not an object"),
        (json.dumps(review(None)).encode(), 400, "is not an object"),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else None,
)
def test_what_is_no_review_is_refused_with_a_reason(caller: Caller, body: bytes, status: int, reason: str) -> None:
    answered, answer = caller.post(body)

    assert (answered, list(answer)) == (status, ["error"])
    assert reason in answer["error"]


@contextmanager
def by_hand(injector: Injector) -> Iterator[ssl.SSLSocket]:
    """A connection on which half a request can be sent."""
    with (
        socket.create_connection((injector.host, injector.port), timeout=10) as raw,
        trusting(path=injector.ca).wrap_socket(raw, server_hostname=injector.host) as connection,
    ):
        connection.sendall(b"POST /mutate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n")
        yield connection


def test_a_body_in_chunks_is_held_to_the_same_size(injector: Injector) -> None:
    """Without a Content-Length nothing is known in advance."""
    with by_hand(injector) as connection:
        connection.sendall(b"transfer-encoding: chunked\r\n\r\n")
        with suppress(ConnectionError, ssl.SSLError):  # it has answered and hung up
            for _ in range(40):
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_not_waited_for(injector: Injector) -> None:
    with by_hand(injector) as connection:
        started = time.monotonic()
        connection.sendall(b"content-length: 100\r\n\r\n{")
        answer = connection.recv(1000)

    assert answer.startswith(b"HTTP/1.1 408 ")
    assert time.monotonic() - started < 2.0


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD"])
def test_another_method_than_post_is_refused(caller: Caller, method: str) -> None:
    status, answer = caller.call(method, "/mutate", GOOD)

    assert status == 405
    assert method == "HEAD" or "Method Not Allowed" in answer["error"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/yaml", "application/json-patch+json", ""])
def test_another_content_type_than_json_is_refused(caller: Caller, content_type: str) -> None:
    assert caller.post(GOOD, content_type=content_type)[0] == 415


def test_a_charset_beside_the_content_type_is_fine(caller: Caller) -> None:
    assert caller.post(GOOD, content_type="application/json; charset=utf-8")[0] == 200


def test_an_unknown_path_is_not_found(caller: Caller) -> None:
    assert caller.call("POST", "/", GOOD)[0] == 404


def test_plain_http_gets_nowhere(injector: Injector) -> None:
    with socket.create_connection((injector.host, injector.port), timeout=10) as connection:
        connection.sendall(b"POST /mutate HTTP/1.1\r\nhost: x\r\n\r\n")

        assert b"200" not in connection.recv(1000)


def test_a_client_that_does_not_know_the_ca_refuses_the_certificate(injector: Injector) -> None:
    with Caller(injector, ssl.create_default_context()) as caller, pytest.raises(ssl.SSLCertVerificationError):
        caller.post(GOOD)


def test_random_damage_never_becomes_a_defect(caller: Caller) -> None:
    rng = random.Random(7)
    seen = set()
    for _ in range(300):
        damaged = bytearray(GOOD)
        for _ in range(rng.randrange(1, 6)):
            damaged[rng.randrange(len(damaged))] = rng.randrange(256)
        seen.add(caller.post(bytes(damaged))[0])

    assert seen <= {200, 400}
    assert 400 in seen


def test_refusals_are_counted(injector: Injector, caller: Caller) -> None:
    before = injector.metric('sidecar_injector_reviews_total{outcome="refused"}')
    caller.post(b"{")

    assert injector.metric('sidecar_injector_reviews_total{outcome="refused"}') == before + 1
