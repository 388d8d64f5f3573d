"""The timers of a transaction."""

from __future__ import annotations

import asyncio

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.transactions.timing import T2_S, Timers


def test_copies_follow_ever_more_slowly() -> None:
    """0.5, 1, 2, 4, 4 seconds apart; none after the end."""
    times_s: list[float] = []

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        timers = Timers()
        timers.repeat(lambda: times_s.append(loop.time()), T2_S)
        timers.after(12, timers.stop)
        await asyncio.sleep(60)

    run_virtual(scenario())
    assert times_s == [0.5, 1.5, 3.5, 7.5, 11.5]
