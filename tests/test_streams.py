"""Bounded streams of engine output."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tests.virtual_time import run_virtual
from voiceserver.errors import BudgetExceeded, EngineFailed, first
from voiceserver.streams import FixedLimits, Until, bounded, first_of


class Engine:
    """Yields 0..n-1 after the given waits; knows whether its stream is open."""

    def __init__(self, *waits_s: float) -> None:
        self.waits_s = waits_s
        self.open = 0

    async def stream(self) -> AsyncGenerator[int, None]:
        self.open += 1
        try:
            for index, wait_s in enumerate(self.waits_s):
                await asyncio.sleep(wait_s)
                yield index
        finally:
            self.open -= 1


async def collect(engine: Engine, consumer_s: float = 0) -> list[int]:
    items = []
    limited = bounded(engine.stream(), "text", FixedLimits(100, 50, 400))
    async with aclosing(limited):
        async for item in limited:
            items.append(item)
            await asyncio.sleep(consumer_s)
    return items


def test_what_is_in_time_passes() -> None:
    """First within 100 ms, gaps within 50."""
    assert run_virtual(collect(Engine(0.09, 0.04, 0.04))) == [0, 1, 2]


@pytest.mark.parametrize("waits", [(0.11,), (0.05, 0.06), (0.09, *[0.045] * 9)])
def test_what_is_late_is_an_error(waits: tuple[float, ...]) -> None:
    """The first item, a gap, or the whole; and the engine's stream is closed."""
    engine = Engine(*waits)
    with pytest.raises(BudgetExceeded, match="text"):
        run_virtual(collect(engine))
    assert engine.open == 0


def test_a_slow_consumer_is_not_the_engines_fault() -> None:
    """Only waiting for the engine counts."""
    assert run_virtual(collect(Engine(0.05, 0.04, 0.04), consumer_s=5)) == [0, 1, 2]


def test_an_empty_stream_is_no_error() -> None:
    """It has nothing to say."""
    assert run_virtual(collect(Engine())) == []


@pytest.mark.parametrize("k", range(0, 40, 3))
def test_the_source_is_closed_when_the_reader_is_cancelled(k: int) -> None:
    """At whatever instant."""
    engine = Engine(*[0.04] * 10)

    async def cancelled() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(collect(engine, consumer_s=0.01))
            await asyncio.sleep(k / 100)
            task.cancel()
            await asyncio.wait({task})
            assert engine.open == 0

    run_virtual(cancelled())


def test_a_swallowed_cancellation_is_taken_up() -> None:
    """An engine that ends normally when cancelled does not make its reader go on."""

    async def swallows() -> AsyncGenerator[int, None]:
        yield 0
        try:
            await asyncio.sleep(0.04)
        except asyncio.CancelledError:
            return

    went_on = []

    async def reader() -> None:
        limits = FixedLimits(100, 50, 400)
        async with aclosing(bounded(swallows(), "text", limits)) as items:
            async for item in items:
                went_on.append(item)  # noqa: PERF401 - cancelled in the middle
        went_on.append(-1)

    async def cancelled() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(reader())
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

    run_virtual(cancelled())
    assert went_on == [0]


class Works:
    """Pieces of work that end after a while; knows which are under way."""

    def __init__(self) -> None:
        self.under_way: set[float] = set()

    async def ends_after(self, wait_s: float, *, clean_up_s: float = 0.0) -> float:
        self.under_way.add(wait_s)
        try:
            await asyncio.sleep(wait_s)
        except asyncio.CancelledError:
            await asyncio.sleep(clean_up_s)
            raise
        finally:
            self.under_way.remove(wait_s)
        return wait_s


def test_the_first_of_several_is_taken_and_the_others_have_ended() -> None:
    """They are cancelled and waited for, also while they clean up."""
    works = Works()

    async def scenario() -> None:
        slow = works.ends_after(3, clean_up_s=0.5)
        first = await first_of(slow, works.ends_after(1), works.ends_after(2))
        assert first == 1
        assert not works.under_way
        assert asyncio.get_running_loop().time() == 1.5

    run_virtual(scenario())


def test_of_two_that_end_at_once_the_one_given_first_is_taken() -> None:
    """So that the result does not hang on the order of tasks in a set."""

    async def says(word: str) -> str:
        await asyncio.sleep(1)
        return word

    async def scenario() -> None:
        for words in (("one", "two"), ("two", "one")):
            assert await first_of(*map(says, words)) == words[0]

    run_virtual(scenario())


def test_after_its_limit_none_is_taken() -> None:
    """And none goes on."""
    works = Works()

    async def scenario() -> None:
        first = await first_of(works.ends_after(1), works.ends_after(2), limit_s=0.5)
        assert first is None
        assert not works.under_way
        assert asyncio.get_running_loop().time() == 0.5

    run_virtual(scenario())


def test_one_that_fails_ends_the_others_and_is_told() -> None:
    """Its error comes out in a group."""
    works = Works()

    async def fails() -> float:
        await asyncio.sleep(0.5)
        raise EngineFailed("speech", "gone")

    async def scenario() -> None:
        with pytest.raises(ExceptionGroup) as failed:
            await first_of(works.ends_after(1), fails())
        assert str(first(failed.value)) == "speech: gone"
        assert not works.under_way

    run_virtual(scenario())


@pytest.mark.parametrize("k", range(0, 30, 3))
def test_cancelled_while_it_waits_for_the_first_it_leaves_none(k: int) -> None:
    """At whatever instant, the very one in which the first ends included."""
    works = Works()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            waiting = first_of(
                works.ends_after(0.1), works.ends_after(0.15, clean_up_s=0.1)
            )
            task = group.create_task(waiting)
            await asyncio.sleep(k / 100)
            over = task.done()
            task.cancel()
            await asyncio.wait({task})
            assert not works.under_way
            assert task.cancelled() or over

    run_virtual(scenario())


def test_a_cancellation_that_the_others_swallow_is_taken_up() -> None:
    """Who waited for the first does not go on as if nothing had been asked."""
    went_on = []

    async def swallows() -> None:
        try:
            await asyncio.sleep(1)
        except asyncio.CancelledError:
            await asyncio.sleep(1)

    async def waits() -> None:
        await first_of(asyncio.sleep(0.5), swallows())
        went_on.append(1)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(waits())
            await asyncio.sleep(0.7)  # the first has ended, the other winds up
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

    run_virtual(scenario())
    assert not went_on


def test_a_moment_may_be_put_off_while_it_is_waited_for() -> None:
    """As often as it is; it ends what is awaited when it has come."""

    async def waits() -> float:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + 1

        async def puts_off() -> None:
            nonlocal due_s
            for _ in range(3):
                await asyncio.sleep(0.9)
                due_s = loop.time() + 1

        async with asyncio.TaskGroup() as group:
            group.create_task(puts_off())
            with pytest.raises(TimeoutError):
                async with Until(lambda: due_s):
                    await asyncio.sleep(60)
        return loop.time()

    assert run_virtual(waits()) == pytest.approx(3.7)


def test_what_ends_before_the_moment_leaves_no_timer() -> None:
    """Neither by its end nor by an error of its own."""

    async def waits() -> None:
        loop = asyncio.get_running_loop()
        async with Until(lambda: loop.time() + 1):
            await asyncio.sleep(0.5)
        with pytest.raises(KeyError):
            async with Until(lambda: loop.time() + 1):
                raise KeyError
        await asyncio.sleep(5)

    run_virtual(waits())
