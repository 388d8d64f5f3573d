"""Several voices as one synthesizer: speech services, and the server's own voice last.

The next voice begins beside one that is slow, and takes over from one that fails,
within the same phrase. Who spoke an answer's first phrase is asked first for the
others, so that a voice changes only where it must.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace

from voiceserver.audio import SPEECH_RATE
from voiceserver.budget import Step
from voiceserver.engines.base import SpeechChunk, SpeechRequest, Synthesizer
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.providers.race import (
    Attempt,
    Start,
    close_losers,
    first_to_begin,
)
from voiceserver.engines.providers.route import Route
from voiceserver.engines.providers.tending import Tended
from voiceserver.errors import EngineFailed, ProviderFailed

CHARACTERS_PER_S = 14  # brisk speech; to find where a voice broke off

Speak = Callable[[SpeechRequest], AsyncGenerator[SpeechChunk, None]]


class VoiceChain(Tended):
    """Several synthesizers as one; an asynchronous context manager.

    Args:
        routes: Route and voice, in order of preference; the server's own last.
        alone_s: How long a voice is given before the next begins beside it.

    Attributes:
        providers: The services in their order, without the server's own voice.
    """

    def __init__(
        self, routes: Sequence[tuple[Route, Synthesizer]], alone_s: float
    ) -> None:
        self._routes = list(routes)
        self._alone_s = alone_s
        voices = dict(self._routes)
        probe = SpeechRequest("Hello.")
        remote = [route for route, _ in self._routes[:-1]]
        super().__init__(
            remote, lambda route: voices[route].speak(_booked(route, probe))
        )

    @property
    def name(self) -> str:
        """The voices' names, in their order."""
        return "|".join(route.name for route, _ in self._routes)

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that a request may take: those of the server's own voice."""
        return self._routes[-1][1].voices

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the phrase's audio, by another voice from where one breaks off.

        Raises:
            EngineFailed: If no voice is left.
        """
        async with aclosing(self._speak(request, self._routes)) as chunks:
            async for chunk in chunks:
                yield chunk

    def alone(self, name: str) -> Synthesizer:
        """One of the services as a voice of its own, for what the others cannot say.

        What it costs and whether it answers is known to the chain as before.
        """
        [own] = [each for each in self._routes[:-1] if each[0].name == name]
        return _Alone(own[0].name, lambda request: self._speak(request, [own]))

    async def _speak(
        self, request: SpeechRequest, routes: Sequence[tuple[Route, Synthesizer]]
    ) -> AsyncGenerator[SpeechChunk, None]:
        asked: set[str] = set()
        rest, shift, spoken = request, 0, 0
        while True:
            tried: list[Attempt[SpeechChunk]] = []
            try:
                attempt = await first_to_begin(self._starts(rest, routes, asked, tried))
            except _NoSound:
                return  # no voice has anything to say to it
            finally:
                await close_losers(tried)
            self._tell(attempt.route, request)
            attempt.win()
            n_samples = 0
            try:
                async with aclosing(attempt.items()) as chunks:
                    async for chunk in chunks:
                        n_samples += len(chunk.samples)
                        yield _moved(chunk, shift, spoken)
            except EngineFailed:
                at = _broken_off(rest.text, n_samples)
                rest = replace(rest, text=rest.text[at:], prefer="")
                shift, spoken = shift + at, spoken + n_samples
                if not any(map(str.isalnum, rest.text)):
                    return
            else:
                return

    def _tell(self, route: Route, request: SpeechRequest) -> None:
        request.observe(Answering(route.name))
        if route is not self._routes[0][0]:
            request.observe(Step.NEXT_VOICE)

    def _starts(
        self,
        request: SpeechRequest,
        routes: Sequence[tuple[Route, Synthesizer]],
        asked: set[str],
        tried: list[Attempt[SpeechChunk]],
    ) -> Iterator[Start[Attempt[SpeechChunk]]]:
        preferred = [r for r in routes if r[0].name == request.prefer]
        others = [r for r in routes if r[0].name != request.prefer]
        for route, voice in (*preferred, *others):
            paid = route.affordable(request.thrift)
            if route.free and paid and route.name not in asked:
                asked.add(route.name)
                tried.append(_attempt(route, voice, request))
                yield Start(tried[-1].begin, self._alone_s)


class _Alone:
    """A service of a chain, without those that take over from it."""

    voices: tuple[str, ...] = ()

    def __init__(self, name: str, speak: Speak) -> None:
        self.name = name
        self.speak = speak


def _attempt(
    route: Route, voice: Synthesizer, request: SpeechRequest
) -> Attempt[SpeechChunk]:
    return Attempt(
        route,
        lambda note: _sounding(route, voice, replace(request, observe=note)),
        lambda _chunk: True,
        request.observe,
    )


def _booked(route: Route, request: SpeechRequest) -> SpeechRequest:
    """Have a probe's cost booked like any other."""

    def book(note: Note) -> None:
        route.book(note)

    return replace(request, observe=book)


class _NoSound(ProviderFailed):
    """A voice says nothing to words: it may not know their letters.

    Which is the phrase's fault, or else a probe finds out.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name, "gives no sound to a phrase", "refused")


async def _sounding(
    route: Route, voice: Synthesizer, request: SpeechRequest
) -> AsyncGenerator[SpeechChunk, None]:
    """Stream a phrase; an end without any sound is no success.

    Raises:
        EngineFailed: As the voice does, or if there was no sound.
    """
    silent = any(map(str.isalnum, request.text))
    async with aclosing(voice.speak(request)) as chunks:
        async for chunk in chunks:
            silent = False
            yield chunk
    if silent:
        raise _NoSound(route.name)


def _broken_off(text: str, n_samples: int) -> int:
    """Where a phrase broke off after so much audio: the start of a word, or 0."""
    at = n_samples * CHARACTERS_PER_S // SPEECH_RATE
    return text.rfind(" ", 0, at + 1) + 1


def _moved(chunk: SpeechChunk, characters: int, samples: int) -> SpeechChunk:
    """Count a chunk's marks from the start of the whole phrase."""
    if not characters and not samples:
        return chunk
    words = tuple(
        replace(
            word,
            start=word.start + characters,
            end=word.end + characters,
            pts=word.pts + samples,
            pts_end=word.pts_end + samples,
        )
        for word in chunk.words
    )
    return replace(chunk, words=words)
