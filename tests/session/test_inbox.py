"""The inbox: one order, three bounds."""

from __future__ import annotations

import asyncio

import pytest

from tests.virtual_time import run_virtual
from voiceserver.commands import HangUp
from voiceserver.errors import Overloaded
from voiceserver.events import SpeechStopped, TextDelta
from voiceserver.session.inbox import Inbox, Lane


def test_items_come_in_order_of_arrival() -> None:
    """Whoever sent them."""

    async def scenario() -> None:
        inbox = Inbox()
        first, second = SpeechStopped(1, 1), TextDelta(1, "a")
        inbox.post(Lane.EVENTS, first)
        await inbox.put(Lane.REPLY, second)
        inbox.post(Lane.COMMANDS, HangUp("bye"))
        assert [await inbox.get() for _ in range(3)] == [
            (Lane.EVENTS, first),
            (Lane.REPLY, second),
            (Lane.COMMANDS, HangUp("bye")),
        ]

    run_virtual(scenario())


def test_a_reply_waits_when_its_lane_is_full() -> None:
    """32 deltas, then one for each that is read."""

    async def scenario() -> None:
        inbox = Inbox()
        sent = []

        async def talk() -> None:
            for index in range(40):
                await inbox.put(Lane.REPLY, TextDelta(1, str(index)))
                sent.append(index)

        async with asyncio.TaskGroup() as group:
            group.create_task(talk())
            await asyncio.sleep(0)
            assert len(sent) == 32
            for _ in range(40):
                await inbox.get()

    run_virtual(scenario())


@pytest.mark.parametrize(("lane", "size"), [(Lane.EVENTS, 64), (Lane.COMMANDS, 256)])
def test_overflow_ends_the_call(lane: Lane, size: int) -> None:
    """One more than the lane holds is told to the reader, before the backlog."""

    async def scenario() -> None:
        inbox = Inbox()
        for _ in range(size + 1):
            inbox.post(lane, SpeechStopped(1, 1))
        with pytest.raises(Overloaded, match=lane.value):
            await inbox.get()

    run_virtual(scenario())


def test_one_lane_can_be_drained() -> None:
    """The others keep their order."""

    async def scenario() -> None:
        inbox = Inbox()
        inbox.post(Lane.EVENTS, SpeechStopped(1, 1))
        await inbox.put(Lane.REPLY, TextDelta(1, "a"))
        inbox.post(Lane.EVENTS, SpeechStopped(1, 2))
        assert inbox.drain(Lane.REPLY) == [TextDelta(1, "a")]
        assert [await inbox.get() for _ in range(2)] == [
            (Lane.EVENTS, SpeechStopped(1, 1)),
            (Lane.EVENTS, SpeechStopped(1, 2)),
        ]

    run_virtual(scenario())
