"""What is answered from where, with the same bodies against fakeredis and a real Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from sandbox.manifests.cache_config import CacheConfig
from tests.parts.transformer.bench_of_parts import Client, transformer
from tests.parts.transformer.stand_in_predictor import NEW, OLD, prediction, stand_in

Redises = Callable[[], Redis | tuple[str, int]]
VERSIONED = CacheConfig(key_includes_version=True)


async def stored(client: Client, count: int) -> None:
    """Stores run beside the requests: wait for them."""
    for _ in range(200):
        if await client.count("cache_stores_total", result="stored") >= count:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"waited 2 s for {count} answers to be stored")


def test_a_miss_asks_the_predictor_and_a_hit_does_not(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis()) as client:
            first = await client.predict({"user": 7})
            await stored(client, 1)
            second = await client.predict({"user": 7})

            expected = [prediction(OLD, {"user": 7})]
            assert (first.status, first.cache, first.body["predictions"]) == (200, "miss", expected)
            assert (second.status, second.cache, second.body["predictions"]) == (200, "hit", expected)
            assert predictor.asked == [{"instances": [{"user": 7}]}]
            assert await client.count("predictor_calls_total", status="200") == 1
            assert await client.count("cache_looks_total", result="hit") == 1
            assert await client.count("cache_looks_total", result="miss") == 1

    asyncio.run(play())


def test_an_answer_says_who_gave_it_in_headers_and_body(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis()) as client:
            v1 = await client.predict(1)
            v2 = await client.infer(1.5, id="mine")

            facts = {
                "model_digest": OLD,
                "revision": "ranker-transformer-00001",
                "pod": "transformer-1",
                "cache": "miss",
                "predictor_revision": "ranker-predictor-00001",
                "predictor_pod": "predictor-1",
            }
            assert v1.body["served_by"] == facts
            assert v2.body["parameters"] == {"from": "predictor", **facts}
            assert v2.body["id"] == "mine"
            assert v1.digest == v2.digest == OLD

    asyncio.run(play())


def test_both_protocols_have_answers_of_their_own_under_one_key(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis()) as client:
            await client.infer(1.5, id="first")
            await stored(client, 1)
            again = await client.infer(1.5)
            v1 = await client.predict(1.5)

            assert (again.cache, again.body["outputs"][0]["data"]) == ("hit", [prediction(OLD, 1.5)])
            assert "id" not in again.body  # neither the first one's nor the predictor's
            assert v1.cache == "miss"

    asyncio.run(play())


def test_what_is_equal_shares_a_key(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis()) as client:
            await client.predict({"a": 1.0, "b": "\u00e9"})
            await stored(client, 1)
            same = await client.predict({"b": "e\u0301", "a": 1})
            other = await client.predict({"b": "e", "a": 1})

            assert (same.cache, other.cache) == ("hit", "miss")

    asyncio.run(play())


def test_the_clients_key_wins_over_the_instances(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis()) as client:
            await client.predict({"user": 7, "at": 1}, key="user-7")
            await stored(client, 1)
            later = await client.predict({"user": 7, "at": 2}, key="user-7")

            assert later.cache == "hit"

    asyncio.run(play())


def test_entries_age(any_redis: Redises) -> None:
    async def play() -> None:
        cache = CacheConfig(ttl_s=0.3)
        async with stand_in() as predictor, transformer(predictor.url, any_redis(), cache) as client:
            await client.predict(1)
            await stored(client, 1)
            young = await client.predict(1)
            await asyncio.sleep(0.4)
            old = await client.predict(1)

            assert (young.cache, old.cache) == ("hit", "miss")

    asyncio.run(play())


@pytest.mark.parametrize("status", [400, 500, 503])
def test_failures_are_not_kept(any_redis: Redises, status: int) -> None:
    async def play() -> None:
        async with stand_in(statuses=[status]) as predictor, transformer(predictor.url, any_redis()) as client:
            first = await client.predict(1)
            second = await client.predict(1)

            assert (first.status, first.body) == (status, {"error": "predictor: as the test wants it"})
            assert (second.status, second.cache) == (200, "miss")

    asyncio.run(play())


def test_without_a_cache_every_request_is_a_call() -> None:
    async def play() -> None:
        async with stand_in(delay_s=0.05) as predictor, transformer(predictor.url) as client:
            got = await asyncio.gather(*(client.predict(1) for _ in range(5)))

            assert [one.cache for one in got] == ["off"] * 5
            assert len(predictor.asked) == 5

    asyncio.run(play())


# ---- I27: stale predictions after a model change


def test_without_the_version_in_its_key_the_cache_answers_for_the_old_model(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis(), poll_s=0.05) as client:
            for user in range(10):
                await client.predict(user)
            await stored(client, 10)
            predictor.digest = NEW
            await client.predict("news")  # its answer says that there is a new model

            got = [await client.predict(user) for user in range(10)]

            assert [one.cache for one in got] == ["hit"] * 10
            assert {one.digest for one in got} == {OLD}  # visible by digest,
            assert await client.count("cache_stale_total") == 10  # and counted
            assert [one.body["predictions"] for one in got] == [[prediction(OLD, user)] for user in range(10)]
            assert await client.count("model_changes_total") == 1

    asyncio.run(play())


def test_with_the_version_in_its_key_the_cache_starts_empty_and_is_right(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis(), VERSIONED) as client:
            for user in range(10):
                await client.predict(user)
            await stored(client, 10)
            warm = [await client.predict(user) for user in range(10)]
            predictor.digest = NEW
            await client.predict("news")

            got = [await client.predict(user) for user in range(10)]

            assert [one.cache for one in warm] == ["hit"] * 10
            assert [one.cache for one in got] == ["miss"] * 10
            assert [one.body["predictions"] for one in got] == [[prediction(NEW, user)] for user in range(10)]
            assert await client.count("cache_stale_total") == 0

    asyncio.run(play())


def test_hits_alone_hear_of_a_new_model_within_two_polls(any_redis: Redises) -> None:
    async def play() -> None:
        poll_s = 0.1
        async with stand_in() as predictor, transformer(predictor.url, any_redis(), VERSIONED, poll_s=poll_s) as client:
            await client.predict(1)
            await stored(client, 1)
            assert (await client.predict(1)).cache == "hit"
            predictor.digest = NEW
            await asyncio.sleep(2 * poll_s)

            after_silence = await client.predict(1)

            assert (after_silence.cache, after_silence.digest) == ("miss", NEW)

    asyncio.run(play())


def test_nobody_asks_for_the_model_while_there_are_no_requests(any_redis: Redises) -> None:
    """A poll would keep the predictor from scaling to zero."""

    async def play() -> None:
        async with stand_in() as predictor, transformer(predictor.url, any_redis(), VERSIONED, poll_s=0.02) as client:
            await client.predict(1)
            await asyncio.sleep(0.1)
            before = predictor.polled
            await asyncio.sleep(0.3)

            assert predictor.polled == before

    asyncio.run(play())


def test_a_predictor_that_never_tells_its_digest_leaves_a_versioned_cache_unused(any_redis: Redises) -> None:
    async def play() -> None:
        async with (
            stand_in(tells_digest=False) as predictor,
            transformer(predictor.url, any_redis(), VERSIONED) as client,
        ):
            got = [await client.predict(1) for _ in range(3)]

            assert [(one.status, one.cache) for one in got] == [(200, "off")] * 3
            assert predictor.polled == 1  # asked in vain, not again within the interval

    asyncio.run(play())
