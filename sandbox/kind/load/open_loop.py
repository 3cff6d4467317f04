"""An open-loop load generator: each request leaves at its planned instant, whatever became of those before it.

Comes in: a plan sorted by time, and where to send it; goes out: an `Outcome` for every request that left, in order
of the plan. Called by the real worlds and by the parts' own demonstration. Every request is a task of its own with
its own connection if no idle one is there, so a slow answer delays nobody, and latency counts from the planned
instant, so a late generator cannot hide its lateness (coordinated omission). The client never retries, never
follows a redirect and keeps no cookies.

Leaves out: HTTP/2 and gRPC; several processes (one keeps up with some 1,000 requests a second; outcome.py says when
it did not).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

import aiohttp

from sandbox.kind.load.outcome import NO_ANSWER, Outcome
from sandbox.kind.load.plan import Planned

TIMEOUT_S = 60.0
_SPIN_S = 0.0005  # asyncio's timers are late by about as much as this


class Client:
    """Sends planned requests to one address, for instance a gateway's. An asynchronous context manager."""

    def __init__(self, address: str, *, timeout_s: float = TIMEOUT_S) -> None:
        self._address = address.rstrip("/")
        self._timeout_s = timeout_s
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60, force_close=False),
            timeout=aiohttp.ClientTimeout(total=self._timeout_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._session is not None
        await self._session.close()

    async def send(self, one: Planned, clock: Callable[[], float]) -> Outcome:
        """One request and what came back; whatever goes wrong is an outcome, too."""
        assert self._session is not None
        started_s = clock()
        headers, status, error = {}, NO_ANSWER, ""
        try:
            async with self._session.request(
                one.method, self._address + one.path, data=one.body, headers=one.headers, allow_redirects=False
            ) as answer:
                await answer.read()
                status = answer.status
                headers = {name.lower(): value for name, value in answer.headers.items()}
        except TimeoutError:
            error = f"no answer within {self._timeout_s:g} s"
        except (aiohttp.ClientError, OSError) as failure:
            error = f"{type(failure).__name__}: {failure}"
        return Outcome(
            number=one.number,
            flow=one.flow,
            intended_s=one.at_s,
            started_s=started_s,
            ended_s=clock(),
            status=status,
            key=one.key,
            revision=headers.get("x-revision", ""),
            pod=headers.get("x-pod", ""),
            model=headers.get("x-model-digest", ""),
            inner_revision=headers.get("x-predictor-revision", ""),
            inner_pod=headers.get("x-predictor-pod", ""),
            cache=headers.get("x-cache", ""),
            error=error,
        )


async def play(
    client: Client, plan: Sequence[Planned], done: Callable[[Outcome], None] | None = None, *, begin_s: float = 0.0
) -> list[Outcome]:
    """Send a plan; returns when the last answer is in. `done` is told each outcome at once, in order of answers.

    `begin_s`: what the loop's clock shows at the plan's instant 0; 0 for now. Cancelled, it cancels what is in flight.
    """
    loop = asyncio.get_running_loop()
    begin_s = begin_s or loop.time()

    def clock() -> float:
        return loop.time() - begin_s

    async def ask(one: Planned) -> Outcome:
        outcome = await client.send(one, clock)
        if done is not None:
            done(outcome)
        return outcome

    async with asyncio.TaskGroup() as tasks:
        sent = []
        for one in plan:
            await _until(one.at_s, clock)
            sent.append(tasks.create_task(ask(one)))
    return [task.result() for task in sent]


async def _until(at_s: float, clock: Callable[[], float]) -> None:
    """Sleep to shortly before the instant, then let others run until it is there."""
    left_s = at_s - clock()
    if left_s > _SPIN_S:
        await asyncio.sleep(left_s - _SPIN_S)
    while clock() < at_s:
        await asyncio.sleep(0)
