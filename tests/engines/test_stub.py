"""Engines that need no model."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.engines.conformance import (
    answered,
    check_recogniser,
    check_synthesizer,
    check_text_model,
    joined,
    spoken,
)
from tests.virtual_time import run_virtual
from voiceserver.audio import MIC_RATE, SPEECH_RATE
from voiceserver.engines.base import (
    Hypothesis,
    Message,
    Shortened,
    SpeechRequest,
    TextRequest,
)
from voiceserver.engines.stub import (
    ANSWER,
    HEARD,
    LONG_SENTENCES,
    StubRecogniser,
    StubSpeech,
    StubText,
    StubVad,
)
from voiceserver.errors import EngineFailed
from voiceserver.phrases import PhraseSplitter
from voiceserver.tools import Tool, ToolCall, ToolUse

SILENCE = np.zeros(MIC_RATE, np.float32)


def asked(text: str) -> TextRequest:
    return TextRequest((Message("user", text),))


def test_the_stubs_conform() -> None:
    """They are engines like any other."""

    async def scenario() -> None:
        await check_recogniser(StubRecogniser(), SILENCE)
        await check_text_model(StubText())
        await check_synthesizer(StubSpeech())

    run_virtual(scenario())


def test_the_recogniser_needs_100_ms() -> None:
    """Before, there are no words; then there is the sentence, partial and final."""

    async def scenario() -> None:
        utterance = StubRecogniser().open()
        utterance.push(SILENCE[:1599])
        assert utterance.latest == Hypothesis()
        utterance.push(SILENCE[:1])
        assert utterance.latest == Hypothesis(HEARD)
        assert await utterance.final() == Hypothesis(HEARD, True, True)

    run_virtual(scenario())


def test_speech_is_two_tones_released_five_times_faster() -> None:
    """8 s in 1.6 s: 100 ms of 1500 Hz, then 440 Hz, at 0.3."""

    async def scenario() -> float:
        audio = joined(await spoken(StubSpeech(), SpeechRequest("hello")))
        assert len(audio) == 8 * SPEECH_RATE
        assert np.abs(audio).max() == pytest.approx(0.3, abs=0.001)
        for part, hz in ((audio[:2400], 1500), (audio[2400:], 440)):
            peak = int(np.abs(np.fft.rfft(part)).argmax())
            assert peak * SPEECH_RATE / len(part) == pytest.approx(hz, abs=5)
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == pytest.approx(1.6, abs=0.001)


def test_the_answer_is_one_phrase() -> None:
    """So that a turn of a benchmark is one call of the voice."""
    splitter = PhraseSplitter()
    phrases = [*splitter.push(ANSWER), *splitter.flush()]
    assert [phrase.text for phrase in phrases] == [ANSWER]


def test_words_of_the_question_make_it_misbehave() -> None:
    """Refuse, fail, answer at length."""

    async def scenario() -> None:
        model = StubText()
        assert "cannot" in str((await answered(model, asked("Refuse this!")))[0])
        assert len(await answered(model, asked("a long one"))) == LONG_SENTENCES
        with pytest.raises(EngineFailed, match="asked to fail"):
            await answered(model, asked("please FAIL"))

    run_virtual(scenario())


def test_a_stall_begins_and_never_ends() -> None:
    """Whoever asked has to give up."""

    async def scenario() -> None:
        stream = StubText().reply(asked("stall"))
        assert await anext(stream)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(3600):
                await anext(stream)

    run_virtual(scenario())


def test_loud_is_speech_to_the_stub_vad() -> None:
    """Silence is not."""
    detector = StubVad().open()
    detector.reset()
    assert detector.probability(np.zeros(detector.window, np.float32)) < 0.1
    assert detector.probability(np.full(detector.window, 0.1, np.float32)) > 0.9


@pytest.mark.parametrize(
    ("said", "choice", "called"),
    [
        ("hello", "auto", []),
        ("use the tool", "auto", ["look"]),
        ("use the tools", "auto", ["look", "wait"]),
        ("use the tool", "none", []),
        ("hello", "required", ["look"]),
        ("hello", "=wait", ["wait"]),
    ],
)
async def test_text_calls_a_tool_when_asked(
    said: str, choice: str, called: list[str]
) -> None:
    """By a word of the prompt or by the choice, with a value for what is required."""
    number = {"properties": {"n": {"type": "number"}}, "required": ["n"]}
    use = ToolUse((Tool("look", "", number), Tool("wait", "", {})), choice)
    request = TextRequest((Message("user", said),), tools=use)
    items = [item async for item in StubText().reply(request)]
    calls = [item for item in items if isinstance(item, ToolCall)]
    assert [call.name for call in calls] == called
    if called == ["look"]:
        assert calls[0].arguments == '{"n": 1}'


async def test_text_tells_the_result_of_a_tool() -> None:
    """So that a client's whole loop can be tested."""
    request = TextRequest((Message("tool", "blue", call_id="a"),))
    assert [item async for item in StubText().reply(request)] == ["The tool says blue."]


async def test_text_stops_at_its_longest_length() -> None:
    """A word counts as a token."""
    request = TextRequest((Message("user", "hello"),), max_output_tokens=3)
    assert [item async for item in StubText().reply(request)] == [
        "This is the",
        Shortened(),
    ]
