"""One attempt at an answer: held or let through, and what is said when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import Samples
from voiceserver.budget import Step, TurnLedger
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import (
    Reminder,
    SpeechChunk,
    SpeechRequest,
    TextItem,
)
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed
from voiceserver.reply.answer import Answer, Sink
from voiceserver.reply.heard import HeardText
from voiceserver.reply.stages import Stages, prepare_lines

BUDGET = BudgetConfig(sorry="Sorry.", lost="Lost.")


class Bench:
    def __init__(self, *pieces: TextItem | Exception, draft: bool = False):
        self.text, self.played = "", 0
        self.reminders: list[Reminder] = []
        self.steps: list[Step] = []
        self.alive = True
        self.heard = HeardText()
        self.speech = FakeSpeech()
        self.engines = Engines(FakeVad(), FakeRecogniser(), FakeText(), self.speech)
        self.closed = False
        ledger = TurnLedger(1, BUDGET, 0)
        stages = Stages(
            self.engines, "alloy", 1.0, BUDGET, ledger, VirtualClock().now_ns
        )
        sink = Sink(
            self._tell,
            lambda: len(self.text),
            lambda: None,
            self._play,
            self.steps.append,
            self.heard,
        )
        words = self._words(pieces)
        self.answer = Answer(words, stages, sink, BUDGET, draft=draft)

    async def _words(
        self, pieces: tuple[TextItem | Exception, ...]
    ) -> AsyncGenerator[TextItem, None]:
        try:
            for piece in pieces:
                await asyncio.sleep(0.01)
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            self.closed = True

    async def _tell(self, piece: TextItem) -> None:
        if isinstance(piece, Reminder):
            self.reminders.append(piece)
        elif isinstance(piece, str):
            self.text += piece

    async def _play(self, samples: Samples) -> bool:
        self.played += len(samples)
        return self.alive

    def run(self) -> None:
        run_virtual(self.answer.run())
        assert self.closed and self.speech.open_streams == 0


FAULT = EngineFailed("text", "broke")


def test_an_answer_is_told_and_spoken() -> None:
    """All of it."""
    bench = Bench("One two three four. ", "Five ", "six.")
    bench.run()
    assert bench.text == "One two three four. Five six."
    assert bench.played == 6 * bench.speech.word_samples
    assert bench.answer.fault is None and bench.answer.spoken


def test_nothing_is_told_before_the_first_clause() -> None:
    """A model that fails there has said nothing."""
    bench = Bench("One two ", FAULT)
    bench.run()
    assert bench.text == "Sorry."
    assert bench.steps == [Step.CANNED]
    assert bench.answer.canned and bench.answer.fault is FAULT


def test_after_it_a_fixed_line_follows() -> None:
    """Never another model's words; the clause that was begun is said to its end."""
    bench = Bench("One two three four. ", FAULT)
    bench.run()
    assert bench.text == "One two three four.  Lost."
    assert bench.steps == [Step.CUT_OFF]
    assert bench.played == 5 * bench.speech.word_samples
    heard = bench.heard.at(bench.played)
    assert heard.characters == len(bench.text)


def test_a_draft_is_held_with_its_first_audio_ready() -> None:
    """Nothing leaves it, a reminder neither; let through it sounds in the same tick."""
    reminder = Reminder(60, "Tea.")
    bench = Bench(reminder, "One two three four. ", "Five.", draft=True)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.answer.run())
            await asyncio.sleep(5)
            assert bench.answer.sounded.is_set()
            assert (bench.text, bench.played, bench.reminders) == ("", 0, [])
            bench.answer.release()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert bench.played > 0

    run_virtual(scenario())
    assert bench.text == "One two three four. Five."
    assert bench.reminders == [reminder]


@pytest.mark.parametrize("pieces", [(FAULT,), ("One ", FAULT)])
def test_a_draft_that_fails_is_dead(pieces: tuple[str | Exception, ...]) -> None:
    """It says nothing; somebody else is asked at the commit."""
    bench = Bench(*pieces, draft=True)
    bench.run()
    assert bench.answer.dead and bench.text == "" and bench.steps == []


@pytest.mark.parametrize("after_s", [0.0, 0.005, 0.05, 0.5, 2.0])
@pytest.mark.parametrize("draft", [True, False])
def test_an_answer_that_is_dropped_leaves_nothing(draft: bool, after_s: float) -> None:
    """Whenever it is."""
    bench = Bench("One two three four. ", "Five six seven. ", "Eight.", draft=draft)

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(bench.answer.run())
            await asyncio.sleep(after_s)
            bench.answer.abandon()
            task.cancel()

    run_virtual(scenario())
    assert bench.speech.open_streams == 0


def test_a_turn_that_is_over_stops_the_text() -> None:
    """Playout says so; the model is not read on."""
    bench = Bench("One two three four. ", *["More and more of it. "] * 50)
    bench.alive = False
    bench.run()
    assert bench.answer.fault is None


class Mute(FakeSpeech):
    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        raise EngineFailed("speech", "gone")
        yield  # type: ignore[unreachable]


def test_without_a_voice_a_prepared_line_is_what_is_left() -> None:
    """It sounds, and the reason is kept."""
    bench = Bench("One two three four. ", "Five.")
    run_virtual(prepare_lines(bench.engines, BUDGET, "alloy", 1.0))
    bench.speech.speak = Mute().speak  # type: ignore[method-assign]
    bench.run()
    assert bench.steps == [Step.PREPARED]
    assert bench.text.endswith(" Sorry.")
    assert bench.played > 0 and bench.answer.mute
