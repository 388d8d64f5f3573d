"""Replies beside the conversation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from tests.fakes import Call, FakeText
from tests.virtual_time import run_virtual
from voiceserver.budget import Spent
from voiceserver.commands import CancelReply, CreateReply
from voiceserver.engines.base import TextItem, TextRequest
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


def test_each_has_its_line_of_the_ledger() -> None:
    """Also one that is cancelled, and one that the end of the call cuts off."""
    call = Call(text=FakeText(words=40))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            call.session.command(CreateReply(aside=True))
            await asyncio.sleep(0.5)
            [started] = call.dialect.of(ReplyStarted)
            assert isinstance(started, ReplyStarted)
            call.session.command(CancelReply(started.turn))
            call.session.command(CreateReply(aside=True))
            await asyncio.sleep(40)
            call.session.command(CreateReply(aside=True))
            await asyncio.sleep(0.5)
            running.cancel()
            await asyncio.wait({running})

    run_virtual(scenario())
    assert [record.outcome for record in call.dialect.records] == [
        "cancelled",
        "completed",
    ]
    assert [record.turn for record in call.dialect.records] == [1, 2]
    ended = {
        sample.labels["outcome"]: sample.value
        for family in call.metrics.turns.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }
    assert ended == {"cancelled": 2, "completed": 1}


class Charging(FakeText):
    """Tells what it cost once it has ended, as services do."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        try:
            async with aclosing(super().reply(request)) as words:
                async for word in words:
                    yield word
        finally:
            request.observe(Spent(9, 7, cost_usd=0.01))


def test_one_that_is_cancelled_costs_what_it_costs() -> None:
    """Its line waits for its end."""
    call = Call(text=Charging(words=40))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            call.session.command(CreateReply(aside=True))
            await asyncio.sleep(0.5)
            [started] = call.dialect.of(ReplyStarted)
            assert isinstance(started, ReplyStarted)
            call.session.command(CancelReply(started.turn))
            await asyncio.sleep(1)
            running.cancel()
            await asyncio.wait({running})

    run_virtual(scenario())
    [record] = call.dialect.records
    assert record.outcome == "cancelled"
    assert (record.spent.tokens_in, record.spent.cost_usd) == (9, 0.01)
