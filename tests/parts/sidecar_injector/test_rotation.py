"""Two replicas in a cluster (a fake API server) replace certificates and CA while they are asked without a pause."""

from __future__ import annotations

import threading
import time

from cryptography import x509

from tests.parts.sidecar_injector.fake_api import WEBHOOK, FakeApi, config_map
from tests.parts.sidecar_injector.pods import patch_of, review, transformer_pod
from tests.parts.sidecar_injector.running import Caller, Injector, eventually, serving, trusting

SERVICE = "sidecar-injector.sandbox-injector.svc"
SHORT_LIVES = ["--certificate-life", "2s", "--authority-life", "12s", "--announce", "1s", "--check", "200ms"]


def asked(api: FakeApi, replica: Injector) -> tuple[bytes, str]:
    """One review as the API server makes it: its bundle, the Service's name. The certificate, and who issued it."""
    with Caller(replica, trusting(ca=api.bundle), SERVICE) as caller:
        shown = caller.shown()
        status, answer = caller.post(review(transformer_pod()))
    assert status == 200
    assert patch_of(answer)
    return shown, x509.load_der_x509_certificate(shown).issuer.rfc4514_string()


def test_no_review_fails_while_certificates_and_ca_are_replaced() -> None:
    with FakeApi() as api:
        api.config("warm", cpu="50m")
        with serving(*api.arguments, *SHORT_LIVES) as one, serving(*api.arguments, *SHORT_LIVES) as other:
            assert (one.ca, other.ca) == ("caBundle", "caBundle")
            with Caller(one, trusting(ca=api.bundle), SERVICE) as kept:
                first = kept.shown()
                certificates, issuers, reviews = set(), set(), 0
                end = time.monotonic() + 15.0
                while time.monotonic() < end:
                    for replica in (one, other):
                        certificate, issuer = asked(api, replica)
                        certificates.add(certificate)
                        issuers.add(issuer)
                    assert kept.post(review(transformer_pod()))[0] == 200
                    reviews += 3
                    time.sleep(0.02)

                assert kept.shown() == first  # the very same connection, all the time
            assert "Traceback" not in one.log + other.log
            conflicts = sum(
                replica.metric('sidecar_injector_cluster_writes_total{what="conflict"}') for replica in (one, other)
            )

    print(f"{reviews} reviews, {len(certificates)} certificates by {len(issuers)} CAs, {conflicts:g} conflicts")
    assert reviews > 100
    assert len(certificates) >= 8
    assert len(issuers) >= 2


def test_replicas_that_start_at_once_show_certificates_of_one_ca() -> None:
    with FakeApi() as api:
        api.config("warm")
        with serving(*api.arguments) as one, serving(*api.arguments) as other:
            issuers = {asked(api, replica)[1] for replica in (one, other)}

        assert len(issuers) == 1
        assert api.bundle.count("BEGIN CERTIFICATE") == 1


def test_a_replica_that_starts_again_takes_the_ca_that_is_there() -> None:
    with FakeApi() as api:
        api.config("warm")
        with serving(*api.arguments) as first:
            before = asked(api, first)
        with serving(*api.arguments) as again:
            after = asked(api, again)

    assert before[1] == after[1]
    assert before[0] != after[0]


def test_config_maps_come_from_the_api_and_are_kept() -> None:
    with FakeApi() as api:
        api.config("warm", cpu="30m")
        with serving(*api.arguments) as replica:
            for _ in range(5):
                asked(api, replica)

        assert api.asked(config_map("shop", "warm")) == 1


def test_a_slow_api_delays_a_pod_by_less_than_the_webhooks_time_out() -> None:
    with FakeApi() as api, serving(*api.arguments) as replica:
        api.delay_s = 30.0
        with Caller(replica, trusting(ca=api.bundle), SERVICE) as caller:
            started = time.monotonic()
            status, answer = caller.post(review(transformer_pod()))
            took_s = time.monotonic() - started
        api.delay_s = 0.0

    assert (status, answer["response"]["allowed"], patch_of(answer)) == (200, True, [])
    assert "did not come" in answer["response"]["warnings"][0]
    assert took_s < 2.0


def test_it_is_not_ready_before_its_ca_is_in_the_configuration_and_says_what_it_waits_for() -> None:
    with FakeApi() as api:
        configuration = api.objects.pop(WEBHOOK)
        putting = threading.Timer(3.0, lambda: api.put(WEBHOOK, configuration))
        putting.start()
        started = time.monotonic()
        with serving(*api.arguments) as replica:
            waited_s = time.monotonic() - started
            log = replica.log
        putting.join()

        assert api.bundle
    assert waited_s > 3.0
    assert "no certificate yet" in log
    assert "mutatingwebhookconfigurations/sidecar-injector" in log


def test_while_the_api_is_down_pods_get_what_was_known_and_certificates_go_on() -> None:
    with FakeApi() as api:
        api.config("warm")
        lives = ["--certificate-life", "2s", "--authority-life", "60s", "--announce", "1s", "--check", "200ms"]
        with serving(*api.arguments, *lives, "--config-ttl", "100ms") as replica:
            before = asked(api, replica)
            api.broken = True
            eventually("a renewed certificate", lambda: asked(api, replica)[0] != before[0])
            eventually("a failed renewal", lambda: replica.metric('sidecar_injector_renewals_total{result="failed"}'))
            stale = replica.metric('sidecar_injector_config_reads_total{result="stale"}')

    assert stale > 0


def test_the_log_holds_no_secret() -> None:
    with FakeApi() as api:
        api.config("warm")
        with serving(*api.arguments) as replica:
            asked(api, replica)
            api.broken = True
            with Caller(replica, trusting(ca=api.bundle), SERVICE) as caller:
                caller.post(review(transformer_pod(config="other")))
            log = replica.log

    assert "other" in log
    assert "t0ken" not in log
    assert "PRIVATE" not in log
