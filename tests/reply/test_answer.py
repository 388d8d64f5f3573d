"""One attempt at an answer: held or let through, and what is said when it fails."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import Samples
from voiceserver.budget import Step, TurnLedger
from voiceserver.config import BudgetConfig
from voiceserver.engines.base import Reminder, SpeechChunk, SpeechRequest, TextItem
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed
from voiceserver.reply.answer import Answer, Sink
from voiceserver.reply.heard import HeardText
from voiceserver.reply.stages import Stages, prepare_lines
from voiceserver.tools import ToolCall

BUDGET = BudgetConfig(sorry="Sorry.", lost="Lost.")


class Bench:
    def __init__(self, *pieces: TextItem | Exception, draft: bool = False):
        self.text, self.played, self.left_out = "", 0, 0
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
            left_out=self._leave_out,
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

    def _leave_out(self, n_characters: int) -> None:
        self.left_out += n_characters

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


class Picky(FakeSpeech):
    """Raises for some phrases, and is silent to others."""

    def __init__(self, raises: str = "\0", silent: str = "\0") -> None:
        super().__init__()
        self.raises, self.silent = raises, silent

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        if self.raises in request.text:
            raise EngineFailed("speech", "cannot say that")
        if self.silent in request.text:
            return
        async with aclosing(super().speak(request)) as chunks:
            async for chunk in chunks:
                yield chunk


def picky(bench: Bench, raises: str = "\0", silent: str = "\0") -> Bench:
    """Lines are spoken beforehand, by a voice that is well still."""
    run_virtual(prepare_lines(bench.engines, BUDGET, "alloy", 1.0))
    voice = Picky(raises, silent)
    bench.speech.speak = voice.speak  # type: ignore[method-assign]
    return bench


SENTENCES = ("One two three four. ", "Five six seven. ", "Eight nine ten. ", "The end.")


@pytest.mark.parametrize("phrase", [0, 1, 2])
def test_a_phrase_that_cannot_be_said_is_passed_over(phrase: int) -> None:
    """The next ones are said, and the ledger knows."""
    bench = picky(Bench(*SENTENCES), raises=SENTENCES[phrase].strip())
    bench.run()
    lost = len(SENTENCES[phrase].split())
    assert bench.text == "".join(SENTENCES)
    assert bench.played == (12 - lost) * bench.speech.word_samples
    assert bench.steps == [Step.PASSED_OVER]
    assert bench.answer.fault is None and not bench.answer.mute


def test_a_voice_that_fails_twice_in_a_row_is_gone() -> None:
    """Nobody waits for each of forty phrases."""
    bench = picky(Bench(SENTENCES[0], *["Bad it is. "] * 40), raises="Bad")
    bench.run()
    assert bench.steps == [Step.PREPARED]
    assert bench.text.endswith(" Lost.") and bench.answer.mute


def test_last_words_that_are_lost_are_said_to_be() -> None:
    """There is no next phrase to go on with."""
    bench = picky(Bench(*SENTENCES), raises="end")
    bench.run()
    assert bench.steps == [Step.PREPARED]
    assert bench.text == "".join(SENTENCES) + " Lost."
    assert bench.answer.mute and bench.answer.fault is not None


@pytest.mark.parametrize(
    "answer", ["\U0001f44d", "...", "```python\nprint(1)\n```", "\u041f\u0440\u0438!"]
)
def test_an_answer_with_nothing_to_say_is_said_to_be_one(answer: str) -> None:
    """A sign, dots, code, letters that the voice does not know: never silence."""
    bench = picky(Bench(answer), silent="\u041f")
    bench.run()
    assert bench.text == f"{answer} {BUDGET.unspoken}"
    assert bench.steps == [Step.UNSPOKEN]
    assert bench.played > 0 and bench.answer.spoken
    assert bench.answer.fault is None


def test_a_voice_that_says_nothing_to_anything_is_a_fault() -> None:
    """Success without output is no success."""
    bench = Bench(*SENTENCES)
    bench.speech.speak = Picky(silent="").speak  # type: ignore[method-assign]
    bench.run()
    assert bench.answer.mute and bench.answer.fault is not None


def test_an_answer_that_only_calls_says_nothing() -> None:
    """Its result is what is waited for."""
    bench = Bench("\u2026", ToolCall("c", "look", "{}"))
    bench.run()
    assert bench.text == "\u2026" and bench.steps == [] and bench.played == 0


def test_what_is_told_and_not_spoken_is_counted() -> None:
    """Letters without a sound, and code."""
    pieces = (SENTENCES[0], "\u041f\u0440\u0438. ", "```\nab c\n```\n")
    bench = picky(Bench(*pieces), silent="\u041f")
    bench.run()
    assert bench.left_out == 3 + 3
