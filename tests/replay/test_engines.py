"""The engines of a replay, and when they are at work."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from voiceserver.config import Config
from voiceserver.engines.base import Message, SpeechRequest, TextRequest
from voiceserver.engines.opened import Engines
from voiceserver.replay.engines import Work, watched, with_stubs
from voiceserver.replay.virtual_time import run_virtual


def _watched() -> tuple[Engines, Work]:
    work = Work()
    engines = Engines(FakeVad(), FakeRecogniser(), FakeText(3), FakeSpeech())
    return watched(engines, work), work


def test_stubs_stand_for_all_but_voice_activity() -> None:
    """That needs no time of its own, and decides where turns end."""
    engines = with_stubs(Config()).engines
    assert (engines.recogniser, engines.text, engines.speech) == ("stub",) * 3
    assert engines.vad == Config().engines.vad


def test_a_recogniser_is_at_work_until_its_final_words() -> None:
    """Or until it is given up."""
    engines, work = _watched()
    first, second = engines.recogniser.open(), engines.recogniser.open()
    assert work()
    run_virtual(first.final())
    first.close()
    assert work()
    second.close()
    second.close()
    assert not work()


def test_a_stream_is_at_work_only_while_it_is_waited_for() -> None:
    """A voice that is ahead of the caller's ear is not."""
    engines, work = _watched()

    async def read() -> list[tuple[bool, bool]]:
        seen = []
        request = TextRequest((Message("user", "hello"),), "")
        spoken = SpeechRequest("one two", "alloy")
        for stream in (engines.text.reply(request), engines.speech.speak(spoken)):
            async with asyncio.TaskGroup() as group, aclosing(stream) as items:
                waiting = group.create_task(anext(items))
                await asyncio.sleep(0.01)
                during = work()
                await waiting
                seen.append((during, work()))
        return seen

    assert run_virtual(read()) == [(True, False), (True, False)]
    assert not work()


def test_a_stream_ends_as_the_engine_does() -> None:
    """With all that it gave, and nothing left open."""
    engines, work = _watched()

    async def read() -> list[object]:
        request = TextRequest((Message("user", "hello"),), "")
        return [item async for item in engines.text.reply(request)]

    assert run_virtual(read()) == ["w0 ", "w1 ", "w2 "]
    assert not work()
