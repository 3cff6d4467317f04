"""The load generator sends what was planned when it was planned, whatever the server does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest
from aiohttp import web

from sandbox.kind.load import Client, Outcome, Planned, play, punctuality

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def steady(n: int, gap_s: float) -> list[Planned]:
    return [Planned(at_s=0.05 + i * gap_s, number=i, key=i % 7) for i in range(n)]


def played(handler: Handler, plan: list[Planned], timeout_s: float = 10.0) -> list[Outcome]:
    async def run() -> list[Outcome]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handler)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            async with Client(f"http://{host}:{port}", timeout_s=timeout_s) as client:
                return await play(client, plan)
        finally:
            await runner.cleanup()

    return asyncio.run(run())


async def answer(_: web.Request) -> web.Response:
    return web.Response(text="ok", headers={"x-revision": "r-1", "x-pod": "p-1", "x-cache": "hit"})


def test_every_request_leaves_at_its_instant_and_tells_who_answered() -> None:
    outcomes = played(answer, steady(300, 0.004))

    kept = punctuality(300, outcomes)
    assert (300, 300) == (kept.asked, kept.sent)
    assert abs(kept.rate_error) < 0.02
    assert all(one.started_s >= one.intended_s for one in outcomes)
    assert {(200, "r-1", "p-1", "hit")} == {(one.status, one.revision, one.pod, one.cache) for one in outcomes}
    assert [i % 7 for i in range(300)] == [one.key for one in outcomes]


def test_a_server_that_stalls_delays_no_request_and_its_stall_is_seen_by_all_that_met_it() -> None:
    """Closed-loop tools send one request into a stall and report one slow answer; here all 100 of the second see it."""
    begun: list[float] = []

    async def stall(_: web.Request) -> web.Response:
        now = asyncio.get_running_loop().time()
        begun.append(now)
        await asyncio.sleep(max(begun[0] + 1.0 - now, 0))
        return web.Response()

    outcomes = played(stall, steady(150, 0.01))

    waiting = [one for one in outcomes if one.intended_s < 1.0]
    assert 150 == len(outcomes)
    assert max(one.started_s - one.intended_s for one in outcomes) < 0.5  # a closed loop would be a second late
    assert all(one.ended_s >= 1.0 for one in waiting)
    assert all(first.latency_s > second.latency_s - 0.05 for first, second in pairwise(waiting))
    assert max(one.latency_s for one in outcomes if one.intended_s > 1.2) < 0.3


def test_no_answer_is_an_outcome_with_its_reason_and_nothing_is_asked_twice() -> None:
    asked: list[str] = []

    async def hang(request: web.Request) -> web.Response:
        asked.append(request.path)
        await asyncio.sleep(2)
        return web.Response()

    outcomes = played(hang, steady(5, 0.01), timeout_s=0.3)

    assert [(0, "no answer within 0.3 s")] * 5 == [(one.status, one.error) for one in outcomes]
    assert 5 == len(asked)


def test_a_refused_connection_is_told() -> None:
    async def run() -> list[Outcome]:
        async with Client("http://127.0.0.1:1") as client:
            return await play(client, steady(1, 1))

    (outcome,) = asyncio.run(run())

    assert 0 == outcome.status
    assert "Connect" in outcome.error


def test_redirects_are_not_followed() -> None:
    async def away(_: web.Request) -> web.Response:
        raise web.HTTPFound("/elsewhere")

    assert [302] == [one.status for one in played(away, steady(1, 1))]


@pytest.mark.parametrize(
    ("delays_s", "sent", "says"),
    [
        ([0.0] * 1000, 990, "only 990 of 1,000 planned requests were sent"),
        ([i * 0.0011 for i in range(1000)], 1000, "the achieved rate is -9.9% off"),
        ([0.06 if i % 50 == 7 else 0.0 for i in range(1000)], 1000, "20 of 1,000 requests left more than 50 ms late"),
    ],
    ids=["not all", "too slow", "late"],
)
def test_a_generator_that_cannot_keep_up_says_that_nothing_can_be_concluded(
    delays_s: list[float], sent: int, says: str
) -> None:
    outcomes = [
        Outcome(number=i, flow=0, intended_s=i / 100, started_s=i / 100 + late, ended_s=i / 100 + late, status=200)
        for i, late in enumerate(delays_s)
    ][:sent]

    assert says in punctuality(1000, outcomes).why_not
