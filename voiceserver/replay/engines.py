"""The engines of a replay: stubs in virtual time, or those configured, watched.

While a configured engine is at work the time of the replay is real; ``Work`` knows
whether one is. Knows no engine by name but the stub.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TypeVar

from voiceserver.audio import Samples
from voiceserver.config import Config
from voiceserver.engines.base import (
    DICTATION,
    Hypothesis,
    Opening,
    Recogniser,
    SpeechChunk,
    SpeechRequest,
    Synthesizer,
    TextItem,
    TextModel,
    TextRequest,
    Utterance,
)
from voiceserver.engines.opened import Engines

Item = TypeVar("Item")


def with_stubs(config: Config) -> Config:
    """The configuration with engines that need no time: all but voice activity.

    What else answers before a model does (rules, a domain) stays.
    """
    engines = dataclasses.replace(
        config.engines, recogniser="stub", text="stub", speech="stub", turns="none"
    )
    return dataclasses.replace(config, engines=engines)


class Work:
    """Counts what is at work."""

    def __init__(self) -> None:
        self._n = 0

    def __call__(self) -> bool:
        """Whether anything is."""
        return self._n > 0

    @contextlib.contextmanager
    def going_on(self) -> Iterator[None]:
        """Something is, inside."""
        self.begin()
        try:
            yield
        finally:
            self.end()

    def begin(self) -> None:
        """One thing more is at work."""
        self._n += 1

    def end(self) -> None:
        """One thing less."""
        self._n -= 1


def watched(engines: Engines, work: Work) -> Engines:
    """The same engines; ``work`` knows when one is at work."""
    return dataclasses.replace(
        engines,
        recogniser=_Recogniser(engines.recogniser, work),
        text=_Text(engines.text, work),
        speech=_Speech(engines.speech, work),
    )


class _Recogniser:
    def __init__(self, engine: Recogniser, work: Work) -> None:
        self._engine = engine
        self._work = work

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def language(self) -> str:
        return self._engine.language

    def open(self, opening: Opening = DICTATION) -> Utterance:
        return _Utterance(self._engine.open(opening), self._work)


class _Utterance:
    """Is at work from its beginning to its final words."""

    def __init__(self, utterance: Utterance, work: Work) -> None:
        self._utterance = utterance
        self._work = work
        self._over = False
        work.begin()

    @property
    def latest(self) -> Hypothesis:
        return self._utterance.latest

    def push(self, samples: Samples) -> None:
        self._utterance.push(samples)

    def voiced(self, until: int) -> None:
        self._utterance.voiced(until)

    async def final(self) -> Hypothesis:
        found = await self._utterance.final()
        self._end()
        return found

    def close(self) -> None:
        self._utterance.close()
        self._end()

    def _end(self) -> None:
        if not self._over:
            self._over = True
            self._work.end()


class _Text:
    """Is at work while somebody waits for its next item."""

    def __init__(self, engine: TextModel, work: Work) -> None:
        self._engine = engine
        self._work = work

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def version(self) -> str:
        return self._engine.version

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        return _counted(self._engine.reply(request), self._work)


class _Speech:
    """The same of a voice: one that waits for room is not at work."""

    def __init__(self, engine: Synthesizer, work: Work) -> None:
        self._engine = engine
        self._work = work

    @property
    def name(self) -> str:
        return self._engine.name

    @property
    def voices(self) -> tuple[str, ...]:
        return self._engine.voices

    def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        return _counted(self._engine.speak(request), self._work)


async def _counted(
    items: AsyncGenerator[Item, None], work: Work
) -> AsyncGenerator[Item, None]:
    """Stream what an engine gives; it is at work while its next item is waited for."""
    async with aclosing(items):
        while True:
            with work.going_on():
                item = await anext(items, None)
            if item is None:
                return
            yield item
