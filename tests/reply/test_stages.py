"""The one place of a reply's engine calls: limits, ledger, lines spoken before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_RATE, SPEECH_RATE
from voiceserver.budget import Called, Spent, Stage, Step, TurnLedger
from voiceserver.commands import CallSettings
from voiceserver.config import BudgetConfig, Config
from voiceserver.engines.base import (
    Message,
    SpeechChunk,
    SpeechRequest,
    TextItem,
    TextRequest,
)
from voiceserver.engines.notes import Answering
from voiceserver.engines.opened import Engines
from voiceserver.errors import EngineFailed, StageFailed
from voiceserver.purse import Cap, Purse, Thrift
from voiceserver.reply.stages import Rehearsal, Stages, prepare_lines

BUDGET = BudgetConfig()
ASK = (Message("user", "hello"),)


class Bench:
    def __init__(
        self, text: FakeText | None = None, speech: FakeSpeech | None = None
    ) -> None:
        self.text, self.speech = text or FakeText(5), speech or FakeSpeech()
        self.engines = Engines(FakeVad(), FakeRecogniser(), self.text, self.speech)
        self.ledger = TurnLedger(1, BUDGET, 0)
        self.stages = Stages(
            self.engines, "alloy", 1.0, BUDGET, self.ledger, VirtualClock().now_ns
        )

    async def words(self, reached_after: int | None = 1) -> str:
        said = ""
        async with aclosing(self.stages.text(ASK, "", 0)) as words:
            async for n, piece in _counted(words):
                said += str(piece)
                if n == reached_after:
                    self.stages.reached(Stage.TEXT)
        return said

    def outcomes(self) -> list[tuple[str, str]]:
        return [(s.stage.value, s.outcome) for s in self.ledger.close().stages]


async def _counted(
    words: AsyncGenerator[TextItem, None],
) -> AsyncGenerator[tuple[int, TextItem], None]:
    n = 0
    async for piece in words:
        n += 1
        yield n, piece


def test_a_stage_is_entered_once_up_to_its_first_output() -> None:
    """200 ms to the first of five words."""
    bench = Bench()
    run_virtual(bench.words())
    [text] = bench.ledger.close().stages
    assert text.spent_ms == pytest.approx(200)
    assert bench.ledger.answered_by == "fake"


def test_a_model_that_hangs_is_ended_at_its_hard_limit() -> None:
    """And its stream is closed."""
    bench = Bench(FakeText(first_s=60))
    with pytest.raises(StageFailed):
        run_virtual(bench.words())
    assert bench.outcomes() == [("text", "late")]
    assert bench.text.open_streams == 0


class Undecided(FakeText):
    """Fails in choosing who answers, before there is a stream."""

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        raise EngineFailed("undecided", "no rule can be read")


def test_an_engine_that_fails_at_the_call_fails_like_any_item() -> None:
    """Its words are begun like any; the failure comes with the first."""
    bench = Bench(Undecided())
    with pytest.raises(StageFailed, match="no rule"):
        run_virtual(bench.words())
    assert bench.outcomes() == [("text", "failed")]


class Noted(FakeText):
    """Says who answers and what it cost."""

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        request.observe(Answering("b"))
        request.observe(Step.NEXT_MODEL)
        yield "Yes."
        request.observe(Spent(5, 2, 0, 0.25))


def test_notes_of_an_engine_are_in_the_ledger() -> None:
    """Who answered, which rung, what it cost."""
    bench = Bench(Noted())
    run_virtual(bench.words())
    record = bench.ledger.close()
    assert (record.answered_by, record.steps) == ("b", ("text.next_provider",))
    assert record.spent == Spent(5, 2, 0, 0.25)


def test_what_is_abandoned_is_waste() -> None:
    """All its tokens, and its times count for nothing."""
    bench = Bench(Noted())
    bench.stages.abandon()
    run_virtual(bench.words())
    record = bench.ledger.close()
    assert record.spent == Spent(5, 2, 7, 0.25)
    assert record.stages == ()


@pytest.mark.parametrize(
    ("final_s", "late", "outcome", "steps"),
    [
        (0.05, 0, "ok", ()),
        (0.3, 1, "late", ()),
        (9.0, 1, "late", ("recognition.partial",)),
    ],
)
def test_recognition_lives_on_past_its_soft_limit(
    final_s: float, late: int, outcome: str, steps: tuple[str, ...]
) -> None:
    """100 ms soft, told once; 400 ms hard, then the newest partial."""
    bench = Bench()
    recogniser = FakeRecogniser(["yes please"])
    recogniser.final_s = final_s
    utterance = recogniser.open()
    utterance.push(np.ones(16_000, np.float32))
    told: list[float] = []

    async def scenario() -> str:
        loop = asyncio.get_running_loop()
        hypothesis = await bench.stages.recognise(
            utterance, lambda: told.append(loop.time())
        )
        return hypothesis.text

    assert run_virtual(scenario()) == "yes please"
    assert told == [0.1] * late
    record = bench.ledger.close()
    assert (record.stages[0].outcome, record.steps) == (outcome, steps)
    utterance.close()


@pytest.mark.parametrize(
    ("final_s", "heard", "took_s"),
    [(0.3, "yes please", 0.3), (2.0, "yes please", 2.4), (9.0, "yes", 8.0)],
)
def test_half_a_sentence_is_waited_for_as_words_are(
    final_s: float, heard: str, took_s: float
) -> None:
    """A partial that is behind what was said is the last resort."""
    bench = Bench()
    recogniser = FakeRecogniser(["yes please"])
    recogniser.final_s, recogniser.behind = final_s, True
    utterance = recogniser.open()
    utterance.push(np.ones(MIC_RATE // recogniser.words_per_s, np.float32))

    async def scenario() -> tuple[str, float]:
        hypothesis = await bench.stages.recognise(utterance, lambda: None)
        return hypothesis.text, asyncio.get_running_loop().time()

    text, at_s = run_virtual(scenario())
    assert (text, round(at_s, 3)) == (heard, took_s)
    utterance.close()


def test_lines_are_spoken_once_and_for_all_calls() -> None:
    """Six lines; a filler of more than 600 ms is left out, silence is cut off."""
    bench = Bench()
    budget = replace(BUDGET, fillers=("Hmm.", "this takes far too long"))
    for _ in range(2):
        run_virtual(prepare_lines(bench.engines, budget, "alloy", 1.0))
    assert bench.stages.line_spoken("this takes far too long") == ()
    [clip] = bench.stages.line_spoken("Hmm.")
    assert 0 < len(clip.samples) <= 0.6 * SPEECH_RATE
    assert bench.stages.line_spoken(budget.sorry)


def test_a_prepared_line_is_not_spoken_again() -> None:
    """It sounds even when the voice is gone."""
    bench = Bench()
    run_virtual(prepare_lines(bench.engines, BUDGET, "alloy", 1.0))

    async def scenario() -> int:
        async with aclosing(bench.stages.speech(BUDGET.sorry)) as chunks:
            return sum([len(chunk.samples) async for chunk in chunks])

    requests = []

    async def gone(request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        requests.append(request)
        raise EngineFailed("speech", "gone")
        yield  # type: ignore[unreachable]

    bench.speech.speak = gone  # type: ignore[method-assign]
    assert run_virtual(scenario()) > 0
    assert requests == []


def test_phrases_of_answers_are_spoken_beforehand_as_they_are() -> None:
    """After the lines, in no hurry, with their pauses and marks: the same chunks."""
    bench = Bench()
    engines = replace(bench.engines, phrases=("Which size?", BUDGET.sorry))
    asked: list[SpeechRequest] = []
    speak = bench.speech.speak

    def noted(request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        asked.append(request)
        return speak(request)

    async def live() -> list[int]:
        async with aclosing(speak(SpeechRequest("Which size?"))) as chunks:
            return [len(chunk.samples) async for chunk in chunks]

    bench.speech.speak = noted  # type: ignore[method-assign]
    run_virtual(prepare_lines(engines, BUDGET, "alloy", 1.0))
    assert asked[-1].text == "Which size?"
    assert asked[-1].within_s > 10 > max(each.within_s for each in asked[:-1])
    ready = bench.stages.line_spoken("Which size?")
    assert [len(chunk.samples) for chunk in ready] == run_virtual(live())


def test_a_voice_that_fails_costs_only_the_lines() -> None:
    """They are tried again by the next call."""

    class Mute(FakeSpeech):
        async def speak(
            self, request: SpeechRequest
        ) -> AsyncGenerator[SpeechChunk, None]:
            raise ZeroDivisionError("a bug")
            yield  # type: ignore[unreachable]

    bench = Bench(speech=Mute())
    run_virtual(prepare_lines(bench.engines, BUDGET, "alloy", 1.0))
    assert bench.stages.line_spoken("Hmm.") == ()


def test_a_change_of_voice_has_the_lines_spoken_anew_and_the_last_wish_counts() -> None:
    """What was under way for the one before is given up; the same again is none."""
    bench = Bench()
    starting = CallSettings.starting(Config())

    async def scenario() -> None:
        rehearsal = Rehearsal(bench.engines, BUDGET)
        async with asyncio.TaskGroup() as group:
            for voice in ("alloy", "echo", "echo"):
                rehearsal.begin(replace(starting, voice=voice), group)
                await asyncio.sleep(0)

    run_virtual(scenario())
    lines = bench.engines.lines
    assert lines.get(BUDGET.sorry, "alloy", 1.0) is None
    assert lines.get(BUDGET.sorry, "echo", 1.0)


def test_a_call_that_is_over_needs_no_lines() -> None:
    """Before any was begun, too."""
    bench = Bench()

    async def scenario() -> None:
        rehearsal = Rehearsal(bench.engines, BUDGET)
        rehearsal.abandon()
        async with asyncio.TaskGroup() as group:
            rehearsal.begin(CallSettings.starting(Config()), group)
            await asyncio.sleep(0)
            rehearsal.abandon()

    run_virtual(scenario())
    assert bench.engines.lines.get(BUDGET.sorry, "alloy", 1.0) is None


class Billed(FakeText):
    """Each answer costs half of what the call may."""

    def __init__(self) -> None:
        super().__init__(1)
        self.thrifts: list[Thrift] = []

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        self.thrifts.append(request.thrift)
        request.observe(Spent(cost_usd=0.5))
        async with aclosing(super().reply(request)) as words:
            async for word in words:
                yield word


def test_models_are_told_what_the_call_may_still_spend() -> None:
    """And the ledger that somebody was left out for it."""
    text = Billed()
    bench = Bench(text)
    bench.ledger.purse = Purse(Cap(1.0, 0.5))
    for _ in range(3):
        run_virtual(bench.words())
    assert text.thrifts == [Thrift.NONE, Thrift.CHEAP, Thrift.FREE]
    assert bench.ledger.close().steps == ("money.cheap", "money.unpaid")
    assert bench.ledger.purse.spent_usd == bench.ledger.spent.cost_usd == 1.5


def test_calls_of_providers_are_entered() -> None:
    """As they end, at the session's clock."""
    bench = Bench()

    class Asked(FakeText):
        async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
            async with aclosing(super().reply(request)) as words:
                async for word in words:
                    yield word
            request.called(Called("a", "done", 0.1))

    bench.engines = replace(bench.engines, text=Asked(5))
    clock = VirtualClock()
    bench.stages = Stages(
        bench.engines, "alloy", 1.0, BUDGET, bench.ledger, clock.now_ns
    )
    run_virtual(bench.words())
    [call] = bench.ledger.close().calls
    assert (call.provider, call.outcome) == ("a", "done")
    assert call.began_ms == pytest.approx(250, abs=10)
