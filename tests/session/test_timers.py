"""Timers of a call: the user's silence, and reminders."""

from __future__ import annotations

import asyncio

from tests.virtual_time import run_virtual
from voiceserver.engines.base import Reminder
from voiceserver.session.timers import MAX_REMINDERS, Patience, Reminders


def test_patience_ends_once_unless_somebody_speaks() -> None:
    """Begun anew it counts anew; ended it never elapses; 0 is for ever."""

    async def scenario() -> list[int]:
        elapsed: list[int] = []
        patience = Patience(elapsed.append)
        patience.began(1, 5000)
        await asyncio.sleep(4)
        patience.began(2, 5000)
        await asyncio.sleep(6)
        patience.began(3, 5000)
        patience.ended()
        patience.began(4, 0)
        await asyncio.sleep(9)
        return elapsed

    assert run_virtual(scenario()) == [2]


def test_a_timer_waits_for_the_end_of_a_reply() -> None:
    """Due after 2 s, said once nobody speaks any more, at 4.5 s at the latest."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        said: list[float] = []
        reminders = Reminders(
            lambda: loop.time() < 4, lambda _: said.append(loop.time())
        )
        reminders.add(Reminder(2, "tea"))
        await asyncio.sleep(9)
        assert len(said) == 1
        assert 4 <= said[0] <= 4.5

    run_virtual(scenario())


def test_timers_are_bounded_and_forgotten() -> None:
    """One too many is refused; after the close none is said."""

    async def scenario() -> None:
        said: list[str] = []
        reminders = Reminders(lambda: False, said.append)
        added = [reminders.add(Reminder(1, "x")) for _ in range(MAX_REMINDERS + 1)]
        assert added == [True] * MAX_REMINDERS + [False]
        reminders.close()
        await asyncio.sleep(5)
        assert said == []

    run_virtual(scenario())
