"""What every engine is held to: streams, closes, can be cancelled at any item, raises
only our errors, honours its rate, leaves nothing behind.

A test opens an engine and hands it to ``check_synthesizer``, ``check_recogniser`` or
``check_text_model``; each runs all checks of its kind, so that an engine that is slow
to open is opened once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples
from voiceserver.engines.base import (
    Hypothesis,
    Message,
    Recogniser,
    Reminder,
    SpeechChunk,
    SpeechRequest,
    Synthesizer,
    TextItem,
    TextModel,
    TextRequest,
)
from voiceserver.errors import VoiceServerError

T = TypeVar("T")

LIMIT_S = 30.0  # of one check; engines of tests are far quicker
CLOSE_S = 1.0  # closing is synchronous: a turn of the loop, on a busy machine


async def _checks(checks: Sequence[Callable[[T], Awaitable[None]]], subject: T) -> None:
    """Run all checks; what fails says which one it was, and none leaves a task."""
    for check in checks:
        tasks = asyncio.all_tasks()
        try:
            async with asyncio.timeout(LIMIT_S):
                await check(subject)
        except BaseException as error:
            error.add_note(f"check: {check.__name__}")
            raise
        left = asyncio.all_tasks() - tasks
        assert not left, f"{check.__name__} left tasks: {left}"


# Synthesizers


@dataclass(frozen=True, slots=True)
class Voiced:
    """A synthesizer and what to say.

    Attributes:
        speech: The engine.
        text: Several words, at least three chunks of audio.
        least_s, most_s: How long that may sound.
    """

    speech: Synthesizer
    text: str
    least_s: float
    most_s: float

    def request(
        self, text: str | None = None, voice: str | None = None
    ) -> SpeechRequest:
        """A request in the engine's first voice."""
        said = self.text if text is None else text
        return SpeechRequest(said, voice or self.speech.voices[0])


async def check_synthesizer(
    speech: Synthesizer,
    text: str = "Hello there, this is a sentence with some words in it.",
    least_s: float = 1.0,
    most_s: float = 12.0,
) -> None:
    """Hold a synthesizer to its protocol."""
    assert speech.name
    assert speech.voices
    checks = (
        _speech_is_audio_at_its_rate,
        _marks_point_at_words_in_order,
        _nothing_to_speak_is_an_empty_stream,
        _speech_can_be_closed_at_any_chunk,
        _speech_can_be_cancelled_while_waiting,
        _phrases_may_be_spoken_side_by_side,
        _a_slow_listener_stops_nobody_else,
        _strange_text_is_spoken_or_skipped,
        _an_unknown_voice_is_our_error_or_ignored,
    )
    await _checks(checks, Voiced(speech, text, least_s, most_s))


async def spoken(speech: Synthesizer, request: SpeechRequest) -> list[SpeechChunk]:
    """Speak to the end."""
    async with aclosing(speech.speak(request)) as stream:
        return [chunk async for chunk in stream]


def joined(chunks: Sequence[SpeechChunk]) -> Samples:
    """All audio of a phrase."""
    return np.concatenate([np.zeros(0, np.float32), *(c.samples for c in chunks)])


async def _speech_is_audio_at_its_rate(it: Voiced) -> None:
    chunks = await spoken(it.speech, it.request())
    assert len(chunks) >= 2, "it does not stream"
    for chunk in chunks:
        assert chunk.samples.ndim == 1
        assert len(chunk.samples) >= 1
        assert chunk.samples.dtype == np.float32
        assert np.isfinite(chunk.samples).all()
        assert np.abs(chunk.samples).max() <= 1
    seconds = len(joined(chunks)) / SPEECH_RATE
    assert it.least_s <= seconds <= it.most_s, f"{seconds:.2f} s: a wrong rate?"


async def _marks_point_at_words_in_order(it: Voiced) -> None:
    chunks = await spoken(it.speech, it.request())
    marks = [mark for chunk in chunks for mark in chunk.words]
    n_samples = len(joined(chunks))
    for mark in marks:
        assert 0 <= mark.start < mark.end <= len(it.text)
        assert it.text[mark.start : mark.end].strip()
        assert 0 <= mark.pts <= mark.pts_end <= n_samples
    assert marks == sorted(marks, key=lambda mark: mark.start)
    assert [m.pts for m in marks] == sorted(m.pts for m in marks)


async def _nothing_to_speak_is_an_empty_stream(it: Voiced) -> None:
    assert await spoken(it.speech, it.request("")) == []
    assert await spoken(it.speech, it.request(" \n ")) == []


async def _speech_can_be_closed_at_any_chunk(it: Voiced) -> None:
    for taken in range(4):
        stream = it.speech.speak(it.request())
        for _ in range(taken):
            await anext(stream, None)
        async with asyncio.timeout(CLOSE_S):
            await stream.aclose()
        assert await anext(stream, None) is None
    assert await spoken(it.speech, it.request()), "it does not speak after a close"


async def _speech_can_be_cancelled_while_waiting(it: Voiced) -> None:
    async def take() -> None:
        await spoken(it.speech, it.request())

    for turns in (0, 1, 2, 5, 20):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(take())
            for _ in range(turns):
                await asyncio.sleep(0.001)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=CLOSE_S)
            assert done
    assert await spoken(it.speech, it.request()), "it does not speak after a cancel"


async def _phrases_may_be_spoken_side_by_side(it: Voiced) -> None:
    alone = len(joined(await spoken(it.speech, it.request())))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(spoken(it.speech, it.request())) for _ in range(3)]
    for task in tasks:
        # Some engines add noise, and trim it at the ends.
        assert abs(len(joined(task.result())) - alone) <= 0.03 * alone


async def _a_slow_listener_stops_nobody_else(it: Voiced) -> None:
    slow = it.speech.speak(it.request(it.text * 4))
    async with aclosing(slow):
        await anext(slow)
        assert await spoken(it.speech, it.request())


STRANGE = (
    "?!... --- \u2026",
    "\U0001f600\U0001f600",
    "**bold** <b>tag</b> `code` [link](http://example.com) # heading",
    "<speak><break time='9s'/>hello</speak>",
    "nul \x00 bell \x07 escape \x1b[31m \u202e surrogate \ud800 end",
    "\u4f60\u597d \u0645\u0631\u062d\u0628\u0627 \u041f\u0440\u0438\u0432\u0435\u0442",
    "x" * 1000,
    "[[h@'loU]] 100% & 3 < 5 > 2 @ home #1 $5 10\u00b0C",
)


async def _strange_text_is_spoken_or_skipped(it: Voiced) -> None:
    for text in STRANGE:
        try:
            chunks = await spoken(it.speech, it.request(text))
        except VoiceServerError:
            continue
        assert np.isfinite(joined(chunks)).all()
    huge = it.speech.speak(it.request("many words of it, " * 6000))  # 108,000
    async with aclosing(huge):
        for _ in range(3):
            await anext(huge)


async def _an_unknown_voice_is_our_error_or_ignored(it: Voiced) -> None:
    told = it.speech.voices[0]
    try:
        await spoken(it.speech, it.request(voice="nobody"))
    except VoiceServerError as error:
        told = str(error)
    assert it.speech.voices[0] in told, "valid names are not told"


# Recognisers


async def check_recogniser(recogniser: Recogniser, audio: Samples) -> None:
    """Hold a recogniser to its protocol.

    Args:
        recogniser: Takes two utterances at once, or lets one wait.
        audio: Shape ``(n,)``, 16 kHz, at least a second in which something is heard.
    """
    assert recogniser.name
    checks = (
        _words_come_of_audio,
        _a_final_may_be_cancelled_and_asked_again,
        _an_utterance_can_be_closed_at_any_moment,
        _an_utterance_without_audio_has_no_words,
        _two_utterances_do_not_mix,
        _audio_of_any_length_is_taken,
        _a_closed_utterance_has_no_final,
    )
    await _checks(checks, (recogniser, audio))


_Heard = tuple[Recogniser, Samples]


def _blocks(audio: Samples, size: int = MIC_RATE // 50) -> list[Samples]:
    return [audio[at : at + size] for at in range(0, len(audio), size)]


async def heard(recogniser: Recogniser, audio: Samples) -> Hypothesis:
    """Recognise a recording."""
    utterance = recogniser.open()
    try:
        for block in _blocks(audio):
            utterance.push(block)
        return await utterance.final()
    finally:
        utterance.close()


async def _words_come_of_audio(it: _Heard) -> None:
    recogniser, audio = it
    utterance = recogniser.open()
    assert utterance.latest == Hypothesis()
    assert recogniser.language
    for block in _blocks(audio):
        utterance.push(block)
    final = await utterance.final()
    assert final.final
    assert final.text
    assert final.words == " ".join(final.words.lower().split())
    assert final.words
    assert utterance.latest == final
    assert await utterance.final() == final
    utterance.close()
    utterance.close()
    assert utterance.latest == final


async def _a_final_may_be_cancelled_and_asked_again(it: _Heard) -> None:
    recogniser, audio = it
    utterance = recogniser.open()
    utterance.push(audio)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(utterance.final())
        await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=CLOSE_S)
        assert done
    assert (await utterance.final()).final
    utterance.close()


async def _an_utterance_can_be_closed_at_any_moment(it: _Heard) -> None:
    recogniser, audio = it
    for pushed in (0, 1, 10, 40):
        utterance = recogniser.open()
        for block in _blocks(audio)[:pushed]:
            utterance.push(block)
        utterance.close()
        utterance.push(audio)
    again = await heard(recogniser, audio)
    assert again == await heard(recogniser, audio), "an old utterance shows"


async def _an_utterance_without_audio_has_no_words(it: _Heard) -> None:
    recogniser, audio = it
    assert (await heard(recogniser, audio[:0])).final


async def _two_utterances_do_not_mix(it: _Heard) -> None:
    recogniser, audio = it
    alone = await heard(recogniser, audio)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(heard(recogniser, audio)) for _ in range(3)]
    assert [task.result() for task in tasks] == [alone] * 3


async def _audio_of_any_length_is_taken(it: _Heard) -> None:
    recogniser, audio = it
    utterance = recogniser.open()
    for n_samples in (0, 1, 7, 161, len(audio)):
        utterance.push(audio[:n_samples])
    assert (await utterance.final()).final
    utterance.push(audio)  # too late, and harmless
    utterance.close()


async def _a_closed_utterance_has_no_final(it: _Heard) -> None:
    recogniser, _ = it
    utterance = recogniser.open()
    utterance.close()
    try:
        await utterance.final()
    except VoiceServerError:
        return
    raise AssertionError("final() of a closed utterance must raise, not wait")


# Text models


async def check_text_model(model: TextModel, ask: str = "Hello.") -> None:
    """Hold a text model to its protocol."""
    assert model.name
    assert model.version
    checks = (
        _text_is_streamed,
        _text_can_be_closed_at_any_piece,
        _text_can_be_cancelled_while_waiting,
        _replies_may_be_made_side_by_side,
        _strange_questions_are_answered,
    )
    await _checks(checks, (model, ask))


_Asked = tuple[TextModel, str]


def _request(ask: str) -> TextRequest:
    return TextRequest((Message("user", ask),))


async def answered(model: TextModel, request: TextRequest) -> list[TextItem]:
    """Take a whole answer."""
    stream: AsyncGenerator[TextItem, None] = model.reply(request)
    async with aclosing(stream):
        return [piece async for piece in stream]


async def _text_is_streamed(it: _Asked) -> None:
    model, ask = it
    pieces = await answered(model, _request(ask))
    assert all(isinstance(piece, str | Reminder) for piece in pieces)
    assert "".join(piece for piece in pieces if isinstance(piece, str)).strip()


async def _text_can_be_closed_at_any_piece(it: _Asked) -> None:
    model, ask = it
    for taken in range(3):
        stream = model.reply(_request(ask))
        for _ in range(taken):
            await anext(stream, None)
        async with asyncio.timeout(CLOSE_S):
            await stream.aclose()
    assert await answered(model, _request(ask))


async def _text_can_be_cancelled_while_waiting(it: _Asked) -> None:
    model, ask = it
    for turns in (0, 1, 3):
        async with asyncio.TaskGroup() as group:
            task = group.create_task(answered(model, _request(ask)))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            done, _ = await asyncio.wait({task}, timeout=CLOSE_S)
            assert done
    assert await answered(model, _request(ask))


async def _replies_may_be_made_side_by_side(it: _Asked) -> None:
    model, ask = it
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(answered(model, _request(ask))) for _ in range(3)]
    assert all(task.result() for task in tasks)


async def _strange_questions_are_answered(it: _Asked) -> None:
    model, _ = it
    history = (
        Message("system", "Be brief."),
        Message("user", "Hello."),
        Message("assistant", ""),
        Message("user", "\x00 \ud800 \U0001f600 " + "word " * 2000),
    )
    for request in (TextRequest(history, "Be brief.", 5), _request("")):
        try:
            await answered(model, request)
        except VoiceServerError:
            continue
