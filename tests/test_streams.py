"""Bounded streams of engine output."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tests.virtual_time import run_virtual
from voiceserver.errors import BudgetExceeded
from voiceserver.streams import bounded


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
    limited = bounded(engine.stream(), "text", 100, 50, 400)
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
        async with aclosing(bounded(swallows(), "text", 100, 50, 400)) as items:
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
