"""The way into a call."""

from __future__ import annotations

import asyncio

from tests.fakes import Call
from tests.virtual_time import run_virtual
from voiceserver.session.door import LARGE


def test_a_flood_waits_and_is_not_dropped() -> None:
    """A thousand messages, some of them large, are all read; the call lives."""
    call = Call()
    read: list[int] = []

    def receive(text: str, sender: int = 0, active: int = 0) -> tuple[()]:
        read.append(len(text))
        return ()

    call.dialect.receive = receive  # type: ignore[method-assign]
    sizes = [LARGE + 1 if n % 100 == 0 else 10 for n in range(1000)]

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            for size in sizes:
                await call.session.door.deliver("x" * size)
            await asyncio.sleep(1)
            assert not running.done()
            running.cancel()
            await asyncio.wait({running})

    run_virtual(scenario())
    assert read == sizes


def test_who_comes_after_the_end_is_told_at_once() -> None:
    """Otherwise a sideband would wait for ever."""
    call = Call()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            await asyncio.sleep(1)
            running.cancel()
            await asyncio.wait({running})
        ended: list[bool] = []
        number = call.session.door.attach(
            lambda _: None, lambda: ended.append(True), {}
        )
        call.session.door.detach(number)
        assert ended == [True]

    run_virtual(scenario())
