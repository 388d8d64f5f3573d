"""The life of the current reply, seen through its edge cases."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tests.fakes import Call, FakeText
from tests.virtual_time import run_virtual
from voiceserver.budget import Spent
from voiceserver.commands import CancelReply, CreateReply, HangUp
from voiceserver.config import BudgetConfig, Config
from voiceserver.engines.base import Reminder, TextItem, TextRequest
from voiceserver.events import Outcome, ReplyDone


class Stubborn(FakeText):
    """Goes on for three seconds after it was cancelled."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[str | Reminder, None]:
        try:
            yield "One moment. "
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(3)
            raise


def test_an_engine_that_does_not_stop_ends_the_call() -> None:
    """After 250 ms, with a reason: no call goes on in an unknown state."""
    call = Call(Config(budget=BudgetConfig(text_stall_ms=2000)), text=Stubborn())
    told_s: list[float] = []
    closed = call.dialect.closed

    def note(end: HangUp) -> None:
        told_s.append(asyncio.get_running_loop().time())
        closed(end)

    call.dialect.closed = note  # type: ignore[method-assign]

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.run([(6.0, False)]))
            call.session.command(CreateReply())
            await asyncio.sleep(0.5)
            call.session.command(CancelReply())

    run_virtual(scenario())
    assert call.dialect.closed_reasons == ["an engine did not stop in time"]
    assert 0.74 <= told_s[0] <= 0.80
    counted = call.metrics.faults.labels("reply", "ignored_cancel")
    assert counted._value.get() == 1


def test_a_reply_that_was_generated_and_plays_can_still_be_cut() -> None:
    """Its end was told; only its playing is cut, and history shortened."""
    call = Call(text=FakeText(words=2))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.run([(3.0, False)]))
            call.session.command(CreateReply())
            await asyncio.sleep(0.55)  # two words of 200 ms from 0.36 s on
            call.session.command(CancelReply())
            await asyncio.sleep(1)
            call.session.command(CreateReply())

    run_virtual(scenario())
    ends = [e for e in call.dialect.events if isinstance(e, ReplyDone)]
    assert [end.outcome for end in ends] == [Outcome.COMPLETED] * 2
    assert isinstance(call.text, FakeText)
    assert [m.text for m in call.text.requests[1].messages] == ["w0"]


def test_an_answer_of_no_words_ends_the_turn() -> None:
    """A text model that says nothing leaves nothing open."""
    call = Call(text=FakeText(words=0))
    run_virtual(call.run([(0.2, False), (0.6, True), (2.0, False)]))
    [end] = [e for e in call.dialect.events if isinstance(e, ReplyDone)]
    assert (end.text, end.outcome) == ("", Outcome.COMPLETED)
    assert len(call.dialect.records) == 1
    assert call.dialect.records[0].first_audio_ms is None


@pytest.mark.parametrize(
    ("leaves_s", "outcome"), [(0.3, "cancelled"), (2.1, "completed")]
)
def test_the_last_turn_is_in_the_log_though_the_client_leaves(
    leaves_s: float, outcome: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As it is generated, or while it sounds: one line, as of any turn."""
    call = Call(text=FakeText(words=10))

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.run([(3.0, False)]))
            call.session.command(CreateReply())
            await asyncio.sleep(leaves_s)
            call.session.command(HangUp("bye"))

    with caplog.at_level(logging.INFO):
        run_virtual(scenario())
    [line] = [each for each in caplog.records if each.message == "turn"]
    assert line.outcome == outcome  # type: ignore[attr-defined]


class Billed(FakeText):
    """What it cost is known when it ends, be it cut off."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        try:
            async with aclosing(super().reply(request)) as words:
                async for word in words:
                    yield word
        finally:
            request.observe(Spent(tokens_in=10, tokens_out=2, cost_usd=0.5))


@pytest.mark.parametrize("aside", [False, True])
def test_the_last_line_has_the_cost_of_what_was_still_out(
    aside: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """It is written once the model has ended, not when the client leaves."""
    call = Call(text=Billed())

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(call.run([(3.0, False)]))
            call.session.command(CreateReply(aside=aside))
            await asyncio.sleep(0.3)
            call.session.command(HangUp("bye"))

    with caplog.at_level(logging.INFO):
        run_virtual(scenario())
    [line] = [each for each in caplog.records if each.message == "turn"]
    spent = (line.tokens_in, line.tokens_out, line.call_cost_usd)  # type: ignore[attr-defined]
    assert spent == (10, 2, 0.5)
