"""Certificates are renewed before they end, and replicas agree on a CA that the API server trusts first."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import datetime
import ssl
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store

from fixtures.kubernetes_api.api import KubeApi
from fixtures.sidecar_injector.authority import Authority, issue, make_authority
from fixtures.sidecar_injector.cluster_trust import ATTEMPTS, ClusterTrust
from fixtures.sidecar_injector.metrics import Metrics
from fixtures.sidecar_injector.serving_certificate import ServingCertificate
from fixtures.sidecar_injector.trust import Life, OwnTrust, Trust, from_secret, step, to_secret
from sandbox.errors import WorldError
from tests.parts.sidecar_injector.fake_api import SECRET, WEBHOOK, FakeApi

NOW = 1_800_000_000.0
DAY = 86400.0
LIFE = Life(authority_s=90 * DAY, announce_s=600.0)
NAME = "sidecar-injector.sandbox-injector.svc"


def verified(trust_bundle: str, certificate: str, now: float = NOW, name: str = NAME) -> bool:
    """Whether a strict verifier (RFC 5280) takes a certificate for a name; cryptography's own, not OpenSSL's."""
    store = Store(x509.load_pem_x509_certificates(trust_bundle.encode()))
    at = datetime.datetime.fromtimestamp(now, datetime.UTC)
    verifier = PolicyBuilder().store(store).time(at).build_server_verifier(x509.DNSName(name))
    try:
        verifier.verify(x509.load_pem_x509_certificate(certificate.encode()), [])
    except x509.verification.VerificationError:
        return False
    return True


# -- certificates


def test_a_serving_certificate_is_for_its_names_while_it_lasts_and_by_its_ca() -> None:
    authority, stranger = make_authority(NOW, 90 * DAY), make_authority(NOW, 90 * DAY)
    serving = issue(authority, [NAME, "127.0.0.1"], NOW, DAY)

    assert verified(authority.certificate, serving.certificate)
    assert verified(authority.certificate, serving.certificate, NOW - 200)  # an API server whose clock is behind
    assert not verified(authority.certificate, serving.certificate, NOW + DAY + 1)
    assert not verified(authority.certificate, serving.certificate, name="other.svc")
    assert not verified(stranger.certificate, serving.certificate)
    assert serving.ends == NOW + DAY


def test_a_serving_certificate_ends_no_later_than_its_ca() -> None:
    authority = make_authority(NOW, DAY)

    assert issue(authority, [NAME], NOW, 30 * DAY).ends == authority.ends


# -- one state after another


def test_the_first_state_is_a_ca_of_ones_own() -> None:
    trust = step(None, NOW, LIFE, "")

    assert trust.bundle == trust.signing.certificate
    assert (trust.next, trust.retired) == (None, ())
    assert step(trust, NOW + DAY, LIFE, trust.bundle) is not None
    assert step(trust, NOW + DAY, LIFE, trust.bundle) == trust


def test_a_ca_is_announced_then_signs_then_is_forgotten() -> None:
    first = step(None, NOW, LIFE, "")

    announced = step(first, NOW + 61 * DAY, LIFE, first.bundle)
    assert announced.signing == first.signing
    assert announced.next is not None
    assert set(certificates(announced.bundle)) == {first.signing.certificate, announced.next.certificate}

    too_soon = step(announced, NOW + 61 * DAY + 599, LIFE, announced.bundle)
    unknown = step(announced, NOW + 61 * DAY + 700, LIFE, first.bundle)
    assert too_soon == unknown == announced

    promoted = step(announced, NOW + 61 * DAY + 600, LIFE, announced.bundle)
    assert promoted.signing == announced.next
    assert promoted.next is None
    assert set(certificates(promoted.bundle)) == set(certificates(announced.bundle))

    forgotten = step(promoted, NOW + 91 * DAY, LIFE, promoted.bundle)
    assert certificates(forgotten.bundle) == [promoted.signing.certificate]


def test_a_ca_that_has_ended_is_replaced_at_once() -> None:
    first = step(None, NOW, LIFE, "")

    assert step(first, NOW + 91 * DAY, LIFE, first.bundle).signing != first.signing


def test_at_every_instant_of_ten_years_the_shown_certificate_is_trusted() -> None:
    """The API server has the bundle of the state before: it hears of a new one a moment later."""
    trust, serving, now = step(None, NOW, LIFE, ""), None, NOW
    bundle, signers = trust.bundle, set()
    for _ in range(3650 * 4):
        now += DAY / 4
        trust = step(trust, now, LIFE, bundle)
        if serving is None or serving.signed_by != trust.signing.certificate or now > serving.ends - 20 * DAY:
            serving = issue(trust.signing, [NAME], now, 30 * DAY)
            signers.add(serving.signed_by)
            assert verified(bundle, serving.certificate, now)
        assert serving.ends > now
        assert serving.signed_by in bundle
        bundle = trust.bundle

    assert len(signers) > 50


def certificates(bundle: str) -> list[str]:
    return [one + "-----END CERTIFICATE-----\n" for one in bundle.split("-----END CERTIFICATE-----\n") if one]


def test_a_state_survives_its_secret() -> None:
    trust = Trust(
        make_authority(NOW, DAY), make_authority(NOW, DAY), tuple(make_authority(NOW, DAY).certificate for _ in "ab")
    )

    assert from_secret(to_secret(trust)) == trust
    assert from_secret(to_secret(Trust(trust.signing))) == Trust(trust.signing)


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"ca.crt": "not base64!"},
        {"ca.crt": base64.b64encode(b"not PEM").decode(), "ca.key": "eA=="},
        {"ca.crt": base64.b64encode(b"\xff").decode()},
        {"ca.crt": None},
    ],
)
def test_a_secret_that_holds_something_else_counts_as_empty(data: dict[str, Any]) -> None:
    assert from_secret(data) is None


def test_a_secret_without_the_key_counts_as_empty() -> None:
    assert from_secret({**to_secret(Trust(make_authority(NOW, DAY))), "ca.key": ""}) is None


# -- replicas


class Racing(KubeApi):
    """A replica that is overtaken: before its nth write, another one writes."""

    def __init__(self, api: FakeApi, overtaken: int, by: Any) -> None:
        super().__init__(api.access, 5.0)
        self.left, self.by = overtaken, by

    async def _call(self, verb: str, *args: Any, **more: Any) -> Any:
        if verb != "GET" and self.left:
            self.left -= 1
            await self.by()
        return await super()._call(verb, *args, **more)


def store(client: KubeApi, counted: list[str] | None = None) -> ClusterTrust:
    book = [] if counted is None else counted
    return ClusterTrust(client, "sandbox-injector", "sidecar-injector-ca", "sidecar-injector", LIFE, book.append)


def test_replicas_agree_on_the_ca_and_write_it_once() -> None:
    async def play(api: FakeApi) -> list[Trust]:
        async with KubeApi(api.access, 5.0) as client:
            return list(await asyncio.gather(*(store(client).agree(NOW) for _ in range(5))))

    with FakeApi() as api:
        states = asyncio.run(play(api))
        written = [call for call in api.calls if call[0] != "GET" and call[2] == 200]

        assert all(one == states[0] for one in states)
        assert api.bundle == states[0].bundle
        assert sorted(call[0] for call in written) == ["PATCH", "PUT"]


def test_a_replica_that_comes_second_takes_what_the_first_wrote() -> None:
    counted: list[str] = []

    async def play(api: FakeApi) -> tuple[Trust, Trust]:
        async with KubeApi(api.access, 5.0) as quick:
            winner = store(quick)

            async def overtake() -> None:
                states.append(await winner.agree(NOW))

            states: list[Trust] = []
            async with Racing(api, 1, overtake) as slow:
                return await store(slow, counted).agree(NOW), states[0]

    with FakeApi() as api:
        loser, winner = asyncio.run(play(api))

        assert loser == winner
        assert api.bundle == winner.bundle
    assert counted == ["conflict"]


def test_an_older_bundle_never_replaces_a_newer_one() -> None:
    """A replica reads a state and sleeps; meanwhile the next CA is announced; it would go on with the old bundle."""

    async def play(api: FakeApi) -> None:
        later = NOW + 61 * DAY
        async with KubeApi(api.access, 5.0) as quick:
            first = await store(quick).agree(NOW)
            webhook = api.objects[WEBHOOK]["webhooks"][0]["clientConfig"]
            del webhook["caBundle"]  # so that the sleeper has something to write

            async def overtake() -> None:
                await store(quick).agree(later)
                assert api.bundle != first.bundle

            async with Racing(api, 1, overtake) as slow:
                state = await store(slow).agree(NOW)
            assert state.next is not None
            assert api.bundle == state.bundle

    with FakeApi() as api:
        asyncio.run(play(api))


def test_a_replica_that_is_overtaken_for_ever_says_so() -> None:
    async def play(api: FakeApi) -> None:
        async def overtake() -> None:
            api.put(SECRET, api.objects[SECRET])
            api.put(WEBHOOK, api.objects[WEBHOOK])

        async with Racing(api, ATTEMPTS, overtake) as unlucky:
            await store(unlucky).agree(NOW)

    with FakeApi() as api, pytest.raises(WorldError, match="times in a row"):
        asyncio.run(play(api))


def test_someone_elses_bundle_is_put_right() -> None:
    async def play(api: FakeApi) -> Trust:
        async with KubeApi(api.access, 5.0) as client:
            await store(client).agree(NOW)
            api.objects[WEBHOOK]["webhooks"][0]["clientConfig"]["caBundle"] = "!!"
            return await store(client).agree(NOW)

    with FakeApi() as api:
        assert asyncio.run(play(api)).bundle == api.bundle


@pytest.mark.parametrize("missing", [SECRET, WEBHOOK])
def test_an_object_of_the_manifests_that_is_missing_is_named(missing: str) -> None:
    async def play(api: FakeApi) -> None:
        async with KubeApi(api.access, 5.0) as client:
            await store(client).agree(NOW)

    with FakeApi() as api:
        del api.objects[missing]
        with pytest.raises(WorldError, match=missing):
            asyncio.run(play(api))


# -- the certificate that is shown


class Failing:
    """A store that has been reached once and never again."""

    def __init__(self, authority: Authority) -> None:
        self.trust: Trust | None = Trust(authority)

    async def agree(self, now: float) -> Trust:
        if self.trust is None:
            raise WorldError("the API server did not answer")
        trust, self.trust = self.trust, None
        return trust


def test_a_certificate_is_replaced_two_thirds_into_its_life_even_without_the_api() -> None:
    clock = [NOW]
    certificate = ServingCertificate(
        Failing(make_authority(NOW, 90 * DAY)), [NAME], DAY, Metrics(), now=lambda: clock[0]
    )

    async def shown(at: float) -> str:
        clock[0] = at
        with contextlib.suppress(WorldError):
            await certificate.renew()
        assert certificate.serving is not None
        return certificate.serving.certificate

    async def play() -> None:
        first = await shown(NOW)
        assert await shown(NOW + DAY / 2) == first
        second = await shown(NOW + DAY * 2 / 3)
        assert second != first
        assert await shown(NOW + DAY) == second

    asyncio.run(play())


def test_without_any_ca_there_is_no_certificate() -> None:
    failing = Failing(make_authority(NOW, DAY))
    failing.trust = None
    certificate = ServingCertificate(failing, [NAME], DAY, Metrics())

    with pytest.raises(WorldError):
        asyncio.run(certificate.renew())
    assert certificate.serving is None


def test_old_protocols_are_not_spoken() -> None:
    certificate = ServingCertificate(OwnTrust(LIFE), [NAME], DAY, Metrics())

    assert certificate.context.minimum_version == ssl.TLSVersion.TLSv1_2
