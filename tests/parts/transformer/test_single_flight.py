"""Concurrent misses of one key make one call to the predictor; a failed leader is not everybody's failure."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from fixtures.transformer.answers import OK, Answer, failure
from fixtures.transformer.flights import Flights
from tests.parts.transformer.bench_of_parts import transformer
from tests.parts.transformer.stand_in_predictor import stand_in

Redises = Callable[[], Redis | tuple[str, int]]
CROWD = 200


def test_a_crowd_that_misses_one_key_makes_one_call(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in(delay_s=0.1) as predictor, transformer(predictor.url, any_redis()) as client:
            got = await asyncio.gather(*(client.predict("hot") for _ in range(CROWD)))

            states = Counter(one.cache for one in got)
            assert len(predictor.asked) == 1
            assert {one.status for one in got} == {200}
            assert states["miss"] == 1
            # Whoever came after the answer was stored had a hit of its own.
            assert states["shared"] + states["hit"] == CROWD - 1
            assert await client.count("shared_total") == states["shared"] > 0

    asyncio.run(play())


def test_keys_do_not_share(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in(delay_s=0.05) as predictor, transformer(predictor.url, any_redis()) as client:
            await asyncio.gather(*(client.predict(number % 10) for number in range(50)))

            assert len(predictor.asked) == 10

    asyncio.run(play())


def test_a_leader_that_fails_fails_alone(any_redis: Redises) -> None:
    async def play() -> None:
        async with (
            stand_in(delay_s=0.1, statuses=[503]) as predictor,
            transformer(predictor.url, any_redis()) as client,
        ):
            got = await asyncio.gather(*(client.predict("hot") for _ in range(50)))

            assert Counter(one.status for one in got) == {200: 49, 503: 1}
            assert len(predictor.asked) == 2  # and its crowd made one more call, not 49

    asyncio.run(play())


def test_a_crowd_with_a_failing_predictor_makes_two_calls(any_redis: Redises) -> None:
    async def play() -> None:
        statuses = [503] * 100
        async with (
            stand_in(delay_s=0.1, statuses=statuses) as predictor,
            transformer(predictor.url, any_redis()) as client,
        ):
            got = await asyncio.gather(*(client.predict("hot") for _ in range(50)))

            assert {one.status for one in got} == {503}
            assert len(predictor.asked) == 2

    asyncio.run(play())


def test_a_client_that_goes_away_does_not_end_the_flight_of_the_others(any_redis: Redises) -> None:
    async def play() -> None:
        async with stand_in(delay_s=0.3) as predictor, transformer(predictor.url, any_redis()) as client:
            leader = asyncio.create_task(client.predict("hot"))
            await asyncio.sleep(0.1)
            follower = asyncio.create_task(client.predict("hot"))
            await asyncio.sleep(0.05)
            leader.cancel()
            got = await follower

            assert (got.status, got.cache) == (200, "shared")
            assert len(predictor.asked) == 1

    asyncio.run(play())


def test_it_can_be_turned_off(any_redis: Redises) -> None:
    async def play() -> None:
        async with (
            stand_in(delay_s=0.1) as predictor,
            transformer(predictor.url, any_redis(), most_flights=0) as client,
        ):
            got = await asyncio.gather(*(client.predict("hot") for _ in range(5)))

            assert [one.cache for one in got] == ["miss"] * 5
            assert len(predictor.asked) == 5

    asyncio.run(play())


# ---- the table of flights itself


async def never_kept(_: Answer) -> bool:
    return False


def test_the_table_is_bounded_and_empties_itself() -> None:
    async def play() -> None:
        flights = Flights(most=3, stay_s=0.0)
        calls: list[str] = []
        go = asyncio.Event()

        def ask(key: str) -> Callable[[], object]:
            async def asked() -> Answer:
                calls.append(key)
                await go.wait()
                return Answer(OK, {})

            return asked

        keys = [f"k{number % 5}" for number in range(10)]
        waiting = [asyncio.create_task(flights.share(key, 0.0, ask(key), never_kept)) for key in keys]
        await asyncio.sleep(0.01)
        assert len(flights) == 3
        go.set()
        shared = [was for _, was in await asyncio.gather(*waiting)]

        # Three keys fly once, two have no room and ask each time.
        assert Counter(calls) == {"k0": 1, "k1": 1, "k2": 1, "k3": 2, "k4": 2}
        assert sum(shared) == 3
        await flights.close()
        assert len(flights) == 0

    asyncio.run(play())


def test_a_look_up_from_before_the_store_finds_the_answer_and_a_later_one_asks() -> None:
    async def play() -> None:
        flights = Flights(most=3, stay_s=5.0)
        calls = 0

        async def ask() -> Answer:
            nonlocal calls
            calls += 1
            return Answer(OK, {"n": calls})

        async def kept(_: Answer) -> bool:
            return True

        now = asyncio.get_running_loop().time
        early = now()
        await flights.share("k", early, ask, kept)
        await asyncio.sleep(0.01)  # the store is done

        answer, shared = await flights.share("k", early, ask, kept)
        assert (answer.body, shared, calls) == ({"n": 1}, True, 1)

        answer, shared = await flights.share("k", now(), ask, kept)
        assert (answer.body, shared, calls) == ({"n": 2}, False, 2)

        for landing in flights._landings:
            landing.cancel()
        await flights.close()
        assert len(flights) == 0

    asyncio.run(play())


def test_a_defect_while_asking_leaves_no_flight_behind() -> None:
    async def play() -> None:
        flights = Flights(most=3, stay_s=0.0)

        async def broken() -> Answer:
            raise ZeroDivisionError

        async def whole() -> Answer:
            return failure(503, "later")

        with pytest.raises(ZeroDivisionError):
            await flights.share("k", 0.0, broken, never_kept)
        answer, _ = await flights.share("k", 0.0, whole, never_kept)

        assert answer.status == 503
        assert len(flights) == 0

    asyncio.run(play())


def test_a_request_that_leads_after_a_failure_stays_within_its_own_time_out() -> None:
    """Two calls of up to 0.4 s each, but no request takes longer than 0.5 s."""

    async def play() -> None:
        async with (
            stand_in(delay_s=3.0) as predictor,
            transformer(predictor.url, ("127.0.0.1", 9), predictor_timeout_s=0.4, request_timeout_s=0.5) as client,
        ):
            started = asyncio.get_running_loop().time()
            got = await asyncio.gather(*(client.predict("hot") for _ in range(10)))
            took = asyncio.get_running_loop().time() - started

            assert {one.status for one in got} == {504}
            assert took < 1.0

    asyncio.run(play())
