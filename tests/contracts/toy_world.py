"""The smallest second world: real HTTP on loopback, in real time, behind the same seam as every other world.

Comes in: a variant; goes out: a journal by the same JournalWriter. It knows InferenceServices whose predictor
answers after the profile's mean service time: one toy server with a path for each revision, an open-loop load
generator, a split by canaryTrafficPercent, a new revision for each applied or patched predictor. A run lasts as
long as its variant says, so variants for it are seconds long. It stands for a real cluster in the contract suite;
what a cluster does beyond that (pods that start, autoscaling, caches) is left out.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sandbox.errors import WorldError
from sandbox.journal.journal import Journal
from sandbox.journal.schema import COUNT, GAUGE, HIST, NO_POD, Gauge, RecordKind, Role, Series, What, bucket_of
from sandbox.journal.world import meta_of
from sandbox.journal.writer import JournalWriter
from sandbox.manifests.objects import InferenceService
from sandbox.scenario.model import Action, Arrivals, Flow, Step, Variant

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FAILURE = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno"


@dataclass
class Route:
    """The revisions of one InferenceService, oldest first, and the newest one's percent."""

    revisions: list[str] = field(default_factory=list)
    percent: int = 100

    def pick(self, draw: float) -> str:
        return self.revisions[-1] if draw * 100 < self.percent else self.revisions[-2]


class ToyWorld:
    """Plays variants against an HTTP server of its own."""

    name = "toy"

    def play(self, variant: Variant, seed: int, folder: Path) -> Journal:
        with JournalWriter(folder, meta_of(variant, seed, self.name)) as writer:
            asyncio.run(_Play(variant, seed, writer).run())
        return Journal.open(folder)


class _Play:
    """One run: the server, the load, the timeline and the book-keeping."""

    def __init__(self, variant: Variant, seed: int, writer: JournalWriter) -> None:
        self.variant = variant
        self.random = random.Random(seed)
        self.writer = writer
        self.routes: dict[str, Route] = {}
        self.series: dict[str, int] = {}
        self.counts: Counter[tuple[int, int]] = Counter()  # (series, what) since the last full second
        self.latencies: Counter[tuple[int, int]] = Counter()  # (series, bucket)
        self.in_flight: Counter[int] = Counter()
        self.idle: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self.serving: set[asyncio.Task[None]] = set()
        self.start = 0.0
        self.port = 0

    async def run(self) -> None:
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            self.start = time.monotonic()
            for one in self.variant.objects:
                if isinstance(one, InferenceService):
                    self._deploy(one.metadata.name, one.predictor.canary_traffic_percent)
            try:
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._timeline())
                    for flow in self.variant.flows:
                        tasks.create_task(self._load(flow, tasks))
                    await self._seconds()
            finally:
                await self._hang_up()

    async def _hang_up(self) -> None:
        """No connection outlives the run: the clients close theirs, and so the server's handlers end."""
        for _, connection in self.idle:
            connection.close()
            await connection.wait_closed()
        for task in self.serving:
            task.cancel()
        await asyncio.gather(*self.serving, return_exceptions=True)

    @property
    def now_s(self) -> float:
        return time.monotonic() - self.start

    async def _until(self, t_s: float) -> None:
        await asyncio.sleep(max(t_s - self.now_s, 0))

    # -- the platform ------------------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.serving.add(task)
        profile = self.variant.profiles.default
        service_s = profile.service_time.mean_s
        try:
            while await _head(reader):
                await asyncio.sleep(service_s)
                writer.write(FAILURE if self.random.random() < profile.failure_rate else ANSWER)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.serving.discard(task)
            writer.close()

    def _deploy(self, service: str, percent: int | None) -> None:
        route = self.routes.setdefault(service, Route())
        revision = f"{service}-predictor-{len(route.revisions) + 1:05d}"
        route.revisions.append(revision)
        route.percent = 100 if percent is None or len(route.revisions) == 1 else percent
        self.series[revision] = self.writer.series(Series(revision, Role.ENTRY, service, "predictor"))
        self._record(RecordKind.POD, pod=len(self.series) - 1, name=f"{revision}-0", revision=revision, phase="Ready")

    async def _timeline(self) -> None:
        for step in self.variant.steps:
            await self._until(step.at_s)
            self._do(step)
            if step.mark:
                self._record(RecordKind.MARK, name=step.mark)

    def _do(self, step: Step) -> None:
        if step.action is Action.APPLY:
            for one in step.objects:
                if isinstance(one, InferenceService):
                    self._deploy(one.metadata.name, one.predictor.canary_traffic_percent)
        elif step.action is Action.PATCH:
            predictor = step.patch.get("spec", {}).get("predictor", {})
            self.routes[step.target.split("/")[1]].percent = int(predictor["canaryTrafficPercent"])
        elif step.action is not Action.NOTHING:
            raise WorldError("the toy world knows only apply, patch and marks", value=step.action.value)
        self._record(RecordKind.STEP, action=step.action.value, target=step.target, mark=step.mark)

    def _record(self, kind: RecordKind, **fields: object) -> None:
        self.writer.record(round(self.now_s, 3), kind, **fields)

    # -- the load ----------------------------------------------------------------------------------------------

    async def _load(self, flow: Flow, tasks: asyncio.TaskGroup) -> None:
        if flow.arrivals not in (Arrivals.POISSON, Arrivals.CONSTANT):
            raise WorldError("the toy world plays open loops only", value=flow.arrivals.value)
        times = [t for t, _ in flow.rate]
        rates = [rate for _, rate in flow.rate]
        t_s = 0.0
        while True:
            rate = float(np.interp(t_s, times, rates))
            t_s += self.random.expovariate(rate) if flow.arrivals is Arrivals.POISSON else 1 / rate
            if t_s >= self.variant.duration_s:
                return
            await self._until(t_s)
            # late or not, the next request never waits for this answer
            tasks.create_task(self._ask(self.routes[flow.to].pick(self.random.random())))

    async def _ask(self, revision: str) -> None:
        series, asked_s = self.series[revision], self.now_s
        self.counts[series, What.ARRIVED] += 1
        self.counts[series, What.STARTED] += 1
        self.in_flight[series] += 1
        status = await self._status(revision)
        self.counts[series, status] += 1
        self.in_flight[series] -= 1
        self.latencies[series, bucket_of(int((self.now_s - asked_s) * 1e9))] += 1

    async def _status(self, revision: str) -> int:
        reader, writer = self.idle.pop() if self.idle else await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET /{revision} HTTP/1.1\r\nHost: {revision}\r\n\r\n".encode())
        head = await _head(reader)
        await reader.readexactly(2)
        self.idle.append((reader, writer))
        return int(head.split()[1])

    # -- the journal -------------------------------------------------------------------------------------------

    async def _seconds(self) -> None:
        for second in range(int(self.variant.duration_s)):
            await self._until(second + 1)
            self._write(second)

    def _write(self, second: int) -> None:
        counts = [(second, series, what, NO_POD, n) for (series, what), n in sorted(self.counts.items())]
        hist = [(second, series, bucket, n) for (series, bucket), n in sorted(self.latencies.items())]
        self.counts.clear()
        self.latencies.clear()
        gauges = [
            (second, series, gauge, value)
            for series in self.series.values()
            for gauge, value in ((Gauge.READY, 1), (Gauge.PODS, 1), (Gauge.IN_FLIGHT, self.in_flight[series]))
        ]
        self.writer.counts(np.array(counts, dtype=COUNT))
        self.writer.hist(np.array(hist, dtype=HIST))
        self.writer.gauges(np.array(gauges, dtype=GAUGE))


async def _head(reader: asyncio.StreamReader) -> bytes:
    """Everything up to the empty line; nothing when the other side has gone."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
