"""Trouble of a real Valkey: no request fails of it, and none waits longer for it than the time-out."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable

from redis.asyncio import Redis

from fixtures.transformer.valkey import Valkey
from sandbox.manifests.cache_config import CacheConfig
from sandbox.mechanisms.caching.circuit import FAILURES_IN_A_ROW
from sandbox.mechanisms.caching.redis_conf import redis_config
from tests.parts.transformer.bench_of_parts import Client, Got, transformer
from tests.parts.transformer.slow_link import slow_link
from tests.parts.transformer.stand_in_predictor import OLD, prediction, stand_in

TIMEOUT_S = 0.1
MARGIN_S = 0.09  # two cores that others use as well; below the time-out, so that a wait would show
MIB = 1024 * 1024
PADDING = 50_000
JUNK = (b"\xff\x00", b"{}\n{}", b'{"model_digest":"a","revision":"","pod":"x\\r\\ny"}\n{}', b"[" * 9999)


async def timed(client: Client, *instances: object) -> tuple[Got, float]:
    started = time.perf_counter()
    got = await client.predict(*instances)
    return got, time.perf_counter() - started


async def until(what: str, holds: Callable[[], Awaitable[bool]], within_s: float = 5.0) -> None:
    deadline = time.monotonic() + within_s
    while not await holds():
        assert time.monotonic() < deadline, f"waited {within_s:g} s until {what}"
        await asyncio.sleep(0.02)


async def adds_nothing_but_its_time_out(client: Client) -> tuple[list[float], list[float]]:
    """Seconds of requests until the cache is left alone, and of those after that; all must be right."""
    before, after = [], []
    for number in range(FAILURES_IN_A_ROW + 20):
        got, took = await timed(client, "trouble", number)

        assert got.status == 200
        assert got.body["predictions"] == [prediction(OLD, "trouble"), prediction(OLD, number)]
        (before if got.cache == "error" else after).append(took)
    # Stores fail as well, in the background: fewer look-ups than failures may be enough.
    assert 1 <= len(before) <= FAILURES_IN_A_ROW
    return before, after


def test_a_cache_that_stands_still_costs_its_time_out_and_then_nothing(valkey: Valkey) -> None:
    async def play() -> None:
        address = ("127.0.0.1", valkey.port)
        async with stand_in() as predictor, transformer(predictor.url, address, cache_timeout_s=TIMEOUT_S) as client:
            await client.predict("warm")
            await client.predict("connections")
            valkey.pause()

            before, after = await adds_nothing_but_its_time_out(client)
            print(f"added: {max(before):.3f} s while it was asked, median {sorted(after)[len(after) // 2]:.4f} s after")

            assert all(took <= TIMEOUT_S + MARGIN_S for took in before)
            assert sorted(after)[len(after) // 2] <= 0.02
            assert max(after) <= MARGIN_S  # probes go on meanwhile and hold nobody up
            assert await client.count("cache_circuit_open") == 1
            assert await client.count("cache_errors_total", operation="get", kind="timeout") == len(before)

            valkey.resume()

            async def closed() -> bool:
                return await client.count("cache_circuit_open") == 0

            await until("the cache is asked again", closed)
            assert (await client.predict("warm")).cache == "hit"  # it had only stood still

    asyncio.run(play())


def test_a_crowd_before_a_cache_that_stands_still_waits_no_longer_than_one(valkey: Valkey) -> None:
    """More requests than the client has connections."""

    async def play() -> None:
        address = ("127.0.0.1", valkey.port)
        async with stand_in() as predictor, transformer(predictor.url, address, cache_timeout_s=TIMEOUT_S) as client:
            await client.predict("warm")
            baseline = time.perf_counter()
            await asyncio.gather(*(client.predict("base", number) for number in range(200)))
            baseline = time.perf_counter() - baseline
            valkey.pause()

            got = await asyncio.gather(*(timed(client, "crowd", number) for number in range(200)))

            assert {one.status for one, _ in got} == {200}
            # All at once on one core: the slowest has all the others' work before it as well.
            assert max(took for _, took in got) <= TIMEOUT_S + MARGIN_S + 3 * baseline
            valkey.resume()

    asyncio.run(play())


def test_a_slow_cache_is_worth_its_delay_below_the_time_out_and_left_alone_above(valkey: Valkey) -> None:
    async def play() -> None:
        async with (
            slow_link(valkey.port, delay_s=0.0) as link,
            stand_in() as predictor,
            transformer(predictor.url, ("127.0.0.1", link.port), cache_timeout_s=TIMEOUT_S) as client,
        ):
            await client.predict("slow")
            await until("the answer is stored", lambda: _is(client, "cache_stores_total", 1, result="stored"))
            link.delay_s = TIMEOUT_S / 3
            slow, took = await timed(client, "slow")
            assert slow.cache == "hit"
            assert TIMEOUT_S / 3 <= took <= TIMEOUT_S + MARGIN_S

            link.delay_s = 3 * TIMEOUT_S
            before, after = await adds_nothing_but_its_time_out(client)
            assert all(took <= TIMEOUT_S + MARGIN_S for took in before)
            assert sorted(after)[len(after) // 2] <= 0.02

    asyncio.run(play())


def test_a_dead_cache_is_refused_at_once_and_found_again_empty_after_a_restart(valkey: Valkey) -> None:
    async def play() -> None:
        address = ("127.0.0.1", valkey.port)
        async with stand_in() as predictor, transformer(predictor.url, address, cache_timeout_s=TIMEOUT_S) as client:
            await client.predict("kept")
            await until("the answer is stored", lambda: _is(client, "cache_stores_total", 1, result="stored"))
            valkey.kill()

            before, after = await adds_nothing_but_its_time_out(client)
            assert max(before + after) <= MARGIN_S  # no time-out at all: the port is closed
            assert await client.count("cache_errors_total", operation="get", kind="connection") == len(before)

            valkey.start()
            await until("the cache is asked again", lambda: _is(client, "cache_circuit_open", 0))
            cold, warm = await client.predict("kept"), None
            await until("the answer is stored again", lambda: _is(client, "cache_stores_total", 2, result="stored"))
            warm = await client.predict("kept")
            assert (cold.cache, warm.cache) == ("miss", "hit")

    asyncio.run(play())


def test_a_restart_between_two_requests_costs_no_answer(valkey: Valkey) -> None:
    """The connections in the pool are broken, which shows when the next request takes one."""

    async def play() -> None:
        address = ("127.0.0.1", valkey.port)
        async with stand_in() as predictor, transformer(predictor.url, address) as client:
            await asyncio.gather(*(client.predict(number) for number in range(20)))
            valkey.stop()
            valkey.start()

            got = await asyncio.gather(*(client.predict(number) for number in range(20)))

            assert {one.status for one in got} == {200}
            assert {one.cache for one in got} <= {"miss", "error", "off"}
            await until("it is asked", lambda: _is(client, "cache_circuit_open", 0))

    asyncio.run(play())


def test_services_have_caches_of_their_own(valkey: Valkey) -> None:
    """B35: no hit across services, and the loss of one cache is not the other's."""

    async def play() -> None:
        with Valkey() as other:
            async with (
                stand_in() as predictor,
                transformer(predictor.url, ("127.0.0.1", valkey.port)) as one_service,
                transformer(predictor.url, ("127.0.0.1", other.port)) as other_service,
            ):
                await one_service.predict("k", key="k")
                await until("it is stored", lambda: _is(one_service, "cache_stores_total", 1, result="stored"))
                first = await other_service.predict("k", key="k")
                await until("it is stored", lambda: _is(other_service, "cache_stores_total", 1, result="stored"))
                valkey.kill()

                with_its_cache = [(await other_service.predict("k", key="k")).cache for _ in range(20)]
                without = [(await one_service.predict("k", key="k")).cache for _ in range(20)]

                assert first.cache == "miss"
                assert with_its_cache == ["hit"] * 20
                assert set(without) == {"error", "off"}

    asyncio.run(play())


# ---- full memory


def small(*more: str) -> Valkey:
    """8 MiB of room for data: an empty server has about 1 MiB."""
    return Valkey((*redis_config(CacheConfig(max_bytes=8 * MIB, topology="per-service")), *more))


async def fill(client: Client, numbers: Iterable[int]) -> None:
    for number in numbers:
        assert (await client.predict("filling", number)).status == 200


def test_a_full_cache_evicts_and_stays_useful() -> None:
    async def play() -> None:
        cache = CacheConfig(max_bytes=8 * MIB, topology="per-service")
        with small() as server:
            async with (
                stand_in(padding=PADDING) as predictor,
                transformer(predictor.url, ("127.0.0.1", server.port), cache) as client,
            ):
                await client.count("cache_evictions_total")  # from here on
                await client.predict("hot")
                await fill(client, range(120))
                await asyncio.sleep(2.1)  # the server's clock for recency counts whole seconds
                assert (await client.predict("hot")).cache == "hit"
                await fill(client, range(120, 240))

                hot = await client.predict("hot")
                recent = [(await client.predict("filling", number)).cache for number in range(200, 240)]

                assert await client.count("cache_evictions_total") > 0
                assert await client.count("cache_stores_total", result="refused") == 0
                # The server may be over its bound by what it writes out just now.
                assert await client.count("cache_used_bytes") <= 8 * MIB + 0.5 * MIB
                assert hot.cache == "hit"  # as old as those that went, but asked for since
                assert recent == ["hit"] * 40

    asyncio.run(play())


def test_a_full_cache_that_may_not_evict_refuses_writes_and_still_answers_reads() -> None:
    """I26: Redis' default policy, noeviction. Requests fall through to the predictor."""

    async def play() -> None:
        cache = CacheConfig(max_bytes=8 * MIB, topology="per-service")
        with small("maxmemory-policy noeviction") as server:
            async with (
                stand_in(padding=PADDING) as predictor,
                transformer(predictor.url, ("127.0.0.1", server.port), cache) as client,
            ):
                await client.predict("early")
                await fill(client, range(300))
                refused = await client.count("cache_stores_total", result="refused")
                early = await client.predict("early")
                late = await client.predict("late")
                await asyncio.sleep(0.1)  # its store was refused meanwhile
                later = await client.predict("late")

                assert refused > 50
                assert await client.count("cache_errors_total", operation="set", kind="full") >= refused
                assert early.cache == "hit"  # reads work
                assert (late.status, late.cache) == (later.status, later.cache) == (200, "miss")  # no request fails
                assert await client.count("cache_circuit_openings_total") == 0
                assert await client.count("cache_evictions_total") == 0

    asyncio.run(play())


def test_an_answer_larger_than_the_cache_is_not_sent_to_it(valkey: Valkey) -> None:
    async def play() -> None:
        cache = CacheConfig(max_bytes=1000)
        async with stand_in() as predictor, transformer(predictor.url, ("127.0.0.1", valkey.port), cache) as client:
            large = [(await client.predict(*range(200))).cache for _ in range(2)]
            await client.predict(1)
            await until("the small one is stored", lambda: _is(client, "cache_stores_total", 1, result="stored"))

            assert large == ["miss", "miss"]
            assert await client.count("cache_stores_total", result="too_large") == 2

    asyncio.run(play())


def test_another_programs_value_under_a_key_is_a_miss_and_gets_replaced(valkey: Valkey) -> None:
    async def play() -> None:
        async with (
            Redis(port=valkey.port) as redis,
            stand_in() as predictor,
            transformer(predictor.url, ("127.0.0.1", valkey.port)) as client,
        ):
            for junk in (
                b"\xff\x00",
                b"{}\n{}",
                b'{"model_digest":"a","revision":"","pod":"x\\r\\ny"}\n{}',
                b"[" * 9999,
            ):
                await redis.set("ranker:v1/any/k", junk)
                got = await client.predict("k", key="k")
                assert (got.status, got.cache) == (200, "miss")

                async def replaced() -> bool:
                    return (await client.predict("k", key="k")).cache == "hit"

                await until("it was replaced", replaced)
            await redis.delete("ranker:v1/any/k")
            await redis.lpush("ranker:v1/any/k", "not even a string")
            assert (await client.predict("k", key="k")).status == 200
            assert await client.count("cache_errors_total", operation="get", kind="corrupt") == 4

    asyncio.run(play())


async def _is(client: Client, name: str, value: float, **labels: str) -> bool:
    return await client.count(name, **labels) == value
