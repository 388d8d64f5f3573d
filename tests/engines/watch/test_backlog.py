"""Work that waits."""

from __future__ import annotations

import asyncio

from tests.virtual_time import run_virtual
from voiceserver.engines.watch.backlog import Backlog


def test_it_is_done_in_its_order_and_the_oldest_is_dropped() -> None:
    """One after another; what is left at the end is not done."""
    done: list[int] = []

    async def work(one: int) -> None:
        await asyncio.sleep(1)
        done.append(one)

    async def run() -> None:
        async with Backlog(2, work) as backlog:
            for one in range(4):
                backlog.add(one)
            assert backlog.full
            await asyncio.sleep(2.5)
            backlog.add(9)
            await asyncio.sleep(0.1)

    run_virtual(run())
    assert done == [2, 3]


def test_work_that_fails_ends_neither_the_rest_nor_who_opened_it() -> None:
    """The group is the server's: what escaped ended every call."""
    done: list[int] = []

    async def work(one: int) -> None:
        done.append(10 // one)

    async def run() -> None:
        async with Backlog(2, work) as backlog:
            backlog.add(0)
            backlog.add(5)
            await asyncio.sleep(0.1)

    run_virtual(run())
    assert done == [2]
