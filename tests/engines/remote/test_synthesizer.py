"""A synthesizer whose voice runs in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.engines.conformance import check_synthesizer, joined, spoken
from tests.engines.remote.fake_cores import CHUNK, WORD
from tests.processes.test_supervised import until
from voiceserver.engines.base import SpeechRequest, WordMark
from voiceserver.engines.remote import synthesizer as remote_speech
from voiceserver.engines.remote.synthesizer import RemoteSynthesizer, speech_spec
from voiceserver.engines.words import SaidAs
from voiceserver.errors import EngineFailed, Overloaded
from voiceserver.metrics import Metrics

pytestmark = pytest.mark.net

CORE = "tests.engines.remote.fake_cores:load_voice"


@asynccontextmanager
async def remote(
    core: str = CORE, metrics: Metrics | None = None
) -> AsyncGenerator[RemoteSynthesizer, None]:
    spec = speech_spec("fake", core)
    async with RemoteSynthesizer(spec, metrics or Metrics()) as voice:
        await voice.ready()
        yield voice


async def test_a_remote_voice_conforms() -> None:
    """A process behind it shows nowhere."""
    async with remote() as voice:
        await check_synthesizer(voice)


async def test_audio_and_marks_arrive_unchanged() -> None:
    """Two chunks of 100 ms for each word, and where the word stands."""
    async with remote() as voice:
        chunks = await spoken(voice, SpeechRequest("hello there"))
    assert [len(chunk.samples) for chunk in chunks] == [CHUNK] * 4
    assert chunks[2].words == (WordMark(6, 11, WORD, 2 * WORD),)
    assert voice.voices == ("alloy", "tone")


async def test_phones_of_many_words_take_no_more_than_the_text() -> None:
    """12 kB of them were more than a message holds, and took a slot for good."""
    said = tuple(SaidAs(at, at + 1, "AH0 " * 50) for at in range(0, 120, 2))
    async with remote() as voice:
        request = SpeechRequest("a " * 60, said=said)
        assert len(joined(await spoken(voice, request))) == 60 * WORD


async def test_the_core_hears_that_nobody_plays_it_as_it_is_made() -> None:
    """And may take larger steps."""
    async with remote() as voice:
        chunks = await spoken(voice, SpeechRequest("hello there", paced=False))
    assert [len(chunk.samples) for chunk in chunks] == [WORD] * 2


async def test_a_refused_phrase_is_our_error_and_the_next_is_spoken() -> None:
    """The core's words come through once, with the engine's name."""
    async with remote() as voice:
        with pytest.raises(EngineFailed, match=r"^fake: this word is refused$"):
            await spoken(voice, SpeechRequest("one refuse"))
        assert await spoken(voice, SpeechRequest("two"))


async def test_a_bug_of_the_core_is_our_error_without_its_text() -> None:
    """The exception's text may quote what was to be said."""
    async with remote() as voice:
        with pytest.raises(EngineFailed, match=r"^fake: ZeroDivisionError$"):
            await spoken(voice, SpeechRequest("raise"))


async def test_a_voice_that_dies_in_a_phrase_fails_it_and_comes_back() -> None:
    """After audio was given it cannot be asked again."""
    metrics = Metrics()
    async with remote(metrics=metrics) as voice:
        with pytest.raises(EngineFailed, match="exit code 3"):
            await spoken(voice, SpeechRequest("one two die"))
        assert len(joined(await spoken(voice, SpeechRequest("one")))) == WORD
        restarts = metrics.registry.get_sample_value(
            "voiceserver_engine_restarts_total", {"engine": "fake"}
        )
        assert restarts == 1


async def test_a_phrase_without_audio_yet_is_asked_again_after_a_crash() -> None:
    """The listener only waits."""
    async with remote() as voice:
        assert voice.pid is not None
        stream = voice.speak(SpeechRequest("hello there"))
        os.kill(voice.pid, signal.SIGSTOP)  # no audio can have been given
        async with asyncio.TaskGroup() as group, aclosing(stream):
            first = group.create_task(anext(stream))
            await asyncio.sleep(0.05)
            os.kill(voice.pid, signal.SIGKILL)
            assert len((await first).samples) == CHUNK


async def test_a_phrase_that_kills_every_process_fails() -> None:
    """Asked again once, not for ever."""
    async with remote() as voice:
        with pytest.raises(EngineFailed, match="exit code 3"):
            await spoken(voice, SpeechRequest("die"))


async def test_a_listener_that_waits_has_a_few_chunks_coming_at_most() -> None:
    """Credit bounds what a phrase has under way."""
    async with remote() as voice:
        assert voice.pid is not None
        stream = voice.speak(SpeechRequest("word " * 500))
        async with aclosing(stream):
            await anext(stream)
            await asyncio.sleep(0.2)  # it could have given hundreds
            os.kill(voice.pid, signal.SIGSTOP)
            taken = 0
            with contextlib.suppress(TimeoutError):
                while True:
                    async with asyncio.timeout(0.2):
                        await anext(stream)
                    taken += 1
            assert taken <= remote_speech.CREDIT
        os.kill(voice.pid, signal.SIGCONT)


async def test_closing_a_phrase_stops_the_work_in_the_child(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With one slot, the next phrase is spoken at once."""
    monkeypatch.setattr(remote_speech, "SLOTS", 1)
    async with remote() as voice:
        stream = voice.speak(SpeechRequest("slow " * 1000))  # 50 s of work
        await anext(stream)
        await stream.aclose()
        async with asyncio.timeout(5):
            assert await spoken(voice, SpeechRequest("hello"))


async def test_too_many_waiting_phrases_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One is spoken, one waits, the third is told."""
    monkeypatch.setattr(remote_speech, "SLOTS", 1)
    monkeypatch.setattr(remote_speech, "MAX_WAITING", 1)
    async with remote() as voice:
        first = voice.speak(SpeechRequest("word " * 100))
        await anext(first)
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(spoken(voice, SpeechRequest("next")))
            await asyncio.sleep(0)
            with pytest.raises(Overloaded, match="waiting"):
                await spoken(voice, SpeechRequest("third"))
            await first.aclose()
            assert await waiting


async def test_a_phrase_after_the_end_is_refused() -> None:
    """A server that stops leaves nobody waiting."""
    async with remote() as voice:
        pass
    with pytest.raises(EngineFailed, match="the server ends"):
        await spoken(voice, SpeechRequest("hello"))


async def test_a_voice_that_cannot_start_again_fails_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """While starts fail, a phrase is refused with the reason instead of waiting."""
    async with remote() as voice:
        assert voice.pid is not None
        monkeypatch.setattr("sys.executable", "/nonexistent/python")
        os.kill(voice.pid, signal.SIGKILL)
        await until(lambda: voice._child.trouble is not None)
        with pytest.raises(EngineFailed, match="no process could be started"):
            await spoken(voice, SpeechRequest("hello"))
