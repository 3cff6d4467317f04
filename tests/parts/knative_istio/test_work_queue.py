"""The work queue: once each, never to two workers, later and later where there is trouble."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from fixtures.knative_istio.work_queue import WorkQueue


def play(story: Callable[[WorkQueue[str]], Awaitable[None]], first_s: float = 0.05, longest_s: float = 5.0) -> None:
    async def told() -> None:
        await asyncio.wait_for(story(WorkQueue(first_s, longest_s)), 10)

    asyncio.run(told())


async def is_empty(queue: WorkQueue[str]) -> bool:
    """Nobody is given anything for a moment."""
    try:
        await asyncio.wait_for(queue.get(), 0.02)
    except TimeoutError:
        return True
    return False


def test_a_key_that_waits_is_not_added_twice() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        for key in ("a", "b", "a"):
            queue.add(key)

        assert [await queue.get(), await queue.get()] == ["a", "b"]
        assert await is_empty(queue)

    play(story)


def test_a_key_that_is_worked_on_comes_again_afterwards_and_not_before() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        assert await is_empty(queue)

        queue.done("a")

        assert await queue.get() == "a"

    play(story)


def test_trouble_delays_a_key_twice_as_long_each_time_up_to_a_bound() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        delays = []
        for _ in range(6):
            queue.add("a")
            await queue.get()
            delays.append(queue.retry("a"))

        assert delays == [0.01, 0.02, 0.04, 0.08, 0.1, 0.1]

    play(story, first_s=0.01, longest_s=0.1)


def test_a_delayed_key_comes_by_itself() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await queue.get()
        queue.retry("a")

        assert len(queue) == 1
        assert await queue.get() == "a"

    play(story, first_s=0.01)


def test_success_and_news_make_delays_short_again() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        delays = []
        for calm in (queue.forget, queue.done):
            for _ in range(3):
                queue.add("a")
                await queue.get()
                delays.append(queue.retry("a"))
            queue.add("a")
            await queue.get()
            calm("a")
            queue.done("a")

        assert delays == [0.01, 0.02, 0.04] * 2

    play(story, first_s=0.01)


def test_news_of_a_delayed_key_need_not_wait_and_take_its_delay_away() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await queue.get()
        queue.retry("a")
        queue.add("a")

        assert await queue.get() == "a"
        queue.done("a")
        assert len(queue) == 0

    play(story, first_s=60.0, longest_s=60.0)


def test_trouble_with_one_key_does_not_delay_another() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        queue.add("a")
        await queue.get()
        queue.retry("a")
        queue.add("b")

        assert await queue.get() == "b"

    play(story, first_s=60.0, longest_s=60.0)


def test_a_closed_queue_lets_every_worker_go_and_gives_nothing_more() -> None:
    async def story(queue: WorkQueue[str]) -> None:
        workers = [asyncio.create_task(queue.get()) for _ in range(3)]
        await asyncio.sleep(0)
        queue.close()
        queue.add("a")

        assert await asyncio.gather(*workers) == [None, None, None]
        assert await queue.get() is None

    play(story)
