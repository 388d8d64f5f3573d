"""Replies beside the conversation."""

from __future__ import annotations

import asyncio

from tests.fakes import Call, FakeText
from tests.virtual_time import run_virtual
from voiceserver.commands import CreateReply
from voiceserver.events import Failed, ReplyDone, ReplyStarted
from voiceserver.session.asides import MAX_ASIDES


def test_only_so_many_run_at_a_time() -> None:
    """One too many is refused; all others end, and the conversation knows nothing."""
    call = Call(text=FakeText(words=3))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            for _ in range(MAX_ASIDES + 1):
                call.session.command(CreateReply(aside=True))
            await asyncio.sleep(20)
            call.session.command(CreateReply())
            await asyncio.sleep(20)
            running.cancel()
            await asyncio.wait({running})

    run_virtual(scenario())
    assert len(call.dialect.of(ReplyStarted)) == MAX_ASIDES + 1
    # Nobody pulls the last one's audio, so it does not end.
    assert len(call.dialect.of(ReplyDone)) == MAX_ASIDES
    assert call.dialect.of(Failed) == []
    assert isinstance(call.text, FakeText)
    assert call.text.requests[-1].messages == ()
