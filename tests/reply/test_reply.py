"""One reply on its own: stages, fallback, what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.budget import TurnLedger
from voiceserver.commands import CallSettings
from voiceserver.config import BudgetConfig, TurnConfig
from voiceserver.engines.base import Message, Reminder, TextRequest
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed
from voiceserver.events import Event, Outcome, ReplyDone, ReplyStarted, TextDelta
from voiceserver.reply.playout import Playout
from voiceserver.reply.reply import Reply
from voiceserver.reply.request import Source

BUDGET = BudgetConfig(sorry="Sorry about that.", lost="Lost it.")


class Bench:
    """Runs one reply and pulls its audio."""

    def __init__(self, source: Source, text: FakeText, speech: FakeSpeech) -> None:
        self.events: list[Event | Reminder] = []
        self.playout = Playout()
        self.playout.begin(1)
        self.ledger = TurnLedger(1, BUDGET, 0)
        self.reply = Reply(
            1,
            source,
            CallSettings("", "alloy", 1.0, TurnConfig()),
            Engines(FakeVad(), FakeRecogniser(), text, speech),
            self.playout,
            self.ledger,
            VirtualClock().now_ns,
            self._emit,
            lambda saying: (Message("user", saying or "hello"),),
        )
        self.frames = 0

    async def _emit(self, event: Event | Reminder) -> None:
        self.events.append(event)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            pulling = group.create_task(self._pull())
            await self.reply.run()
            await asyncio.sleep(1)
            pulling.cancel()

    async def _pull(self) -> None:
        while True:
            await asyncio.sleep(0.02)
            self.frames += self.playout.next_frame().turn == 1

    @property
    def steps(self) -> tuple[str, ...]:
        return self.ledger.close().steps

    @property
    def done(self) -> ReplyDone:
        [event] = [e for e in self.events if isinstance(e, ReplyDone)]
        return event


def replied(
    source: Source | None = None,
    text: FakeText | None = None,
    speech: FakeSpeech | None = None,
) -> Bench:
    bench = Bench(source or Source(), text or FakeText(5), speech or FakeSpeech())
    run_virtual(bench.run())
    return bench


def test_a_script_is_spoken_without_a_model() -> None:
    """Exactly the given words."""
    text = FakeText()
    bench = replied(Source(say="Time is up."), text)
    assert bench.done.text == "Time is up."
    assert bench.done.answered_by == "script"
    assert text.requests == []
    assert bench.frames == 30  # three words of 200 ms


def test_deltas_come_between_start_and_end() -> None:
    """And make up the text."""
    bench = replied()
    assert isinstance(bench.events[0], ReplyStarted)
    assert isinstance(bench.events[-1], ReplyDone)
    deltas = [e.text for e in bench.events if isinstance(e, TextDelta)]
    assert "".join(deltas) == bench.done.text


def test_speech_starts_while_the_model_still_writes() -> None:
    """Four sentences of five words at 30 ms a word; the first is heard early."""
    bench = replied(text=FakeText(20))
    spends = {spend.stage.value: spend for spend in bench.ledger.close().stages}
    assert spends["speech"].started_ms < 200 + 20 * 30


class Half(FakeText):
    """Fails before a clause is complete, or after the first."""

    def __init__(self, said: str) -> None:
        super().__init__()
        self.said = said

    async def reply(self, request: TextRequest) -> AsyncGenerator[str | Reminder, None]:
        yield self.said
        raise EngineFailed("text", "cut")


def test_words_before_the_first_clause_are_held() -> None:
    """A model that fails there has said nothing: only the canned line is told."""
    bench = replied(text=Half("Well I "))
    assert bench.done.text == "Sorry about that."
    assert bench.done.outcome is Outcome.COMPLETED
    assert bench.done.answered_by == "canned"
    assert bench.steps == ("text.canned",)


def test_an_answer_that_breaks_off_is_said_to_be_lost() -> None:
    """After what was told; an unfinished clause is not spoken."""
    bench = replied(text=Half("The light is on now. And I "))
    assert bench.done.text == "The light is on now. And I  Lost it."
    assert bench.done.outcome is Outcome.FAILED
    assert bench.steps == ("text.cut_off",)
    heard = bench.reply.heard.at(bench.reply.heard.n_samples)
    assert bench.done.text[: heard.characters] == bench.done.text


class Garbage(FakeSpeech):
    """Gives samples that are no numbers."""

    async def speak(self, request: object) -> AsyncGenerator[object, None]:  # type: ignore[override]
        async for chunk in super().speak(request):  # type: ignore[arg-type]
            chunk.samples[:] = np.nan
            yield chunk


def test_samples_that_are_no_numbers_never_reach_the_caller() -> None:
    """The reply fails instead, with a reason."""
    bench = replied(speech=Garbage())
    assert bench.done.outcome is Outcome.FAILED
    assert "finite" in bench.done.error
    assert bench.frames == 0


class Buggy(FakeText):
    """Has a bug."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[str | Reminder, None]:
        empty: dict[str, str] = {}
        yield empty["missing key with a secret"]


def test_a_bug_is_not_told_in_its_own_words() -> None:
    """The canned line is said; the client reads no internals."""
    bench = replied(text=Buggy())
    assert bench.done.answered_by == "canned"
    assert bench.done.error == "internal error"
    assert isinstance(bench.reply.fault, KeyError)


@pytest.mark.parametrize("text", ["", "   ", "...", "\n\n"])
def test_nothing_to_speak_is_no_error(text: str) -> None:
    """The reply ends without sound."""
    bench = replied(Source(say=text))
    assert bench.done.outcome is Outcome.COMPLETED
    assert not bench.reply.spoke
