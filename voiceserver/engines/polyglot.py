"""A voice for each language: the server's own for its own, others as configured.

A language that nobody here speaks is refused before any sound: Spanish words by
English sounds would be understood by nobody. Which voices there are, and what they are,
is not known here.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing

from voiceserver.engines.base import SpeechChunk, SpeechRequest, Synthesizer
from voiceserver.engines.notes import Answering
from voiceserver.engines.opened import speaks_own
from voiceserver.errors import ConfigError, EngineFailed
from voiceserver.languages import named, primary

OTHERS = "*"


class Polyglot:
    """Several synthesizers as one, chosen by ``SpeechRequest.language``.

    Args:
        own: Speaks the server's own language, and what nobody named a language of.
        others: For a language (lower case), who speaks it, in order of preference;
            ``"*"`` is any other.
    """

    def __init__(
        self, own: Synthesizer, others: Mapping[str, Sequence[Synthesizer]]
    ) -> None:
        self._own = own
        self._others = others

    @property
    def name(self) -> str:
        """Of the server's own voice."""
        return self._own.name

    @property
    def voices(self) -> tuple[str, ...]:
        """Names that a request may take: those of the server's own voice."""
        return self._own.voices

    def check(self) -> None:
        """Check the table, once the voices can tell what they speak.

        Raises:
            ConfigError: If one was named for a language that it does not have.
        """
        for code, voices in self._others.items():
            for voice in voices:
                if code != OTHERS and not _can_speak(voice, code):
                    what = f"{voice.name} does not speak {named(code)}"
                    raise ConfigError(f"[speech.language] {code}: {what}")

    def speaks(self, language: str) -> bool:
        """Whether somebody here speaks a language, BCP 47."""
        return bool(self._speakers(language))

    def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the phrase's audio, by the next voice where one fails before any.

        What only our own voice speaks is its own stream: none of it passes here.

        Raises:
            EngineFailed: If nobody speaks its language, or none of them can now.
        """
        speakers = self._speakers(request.language)
        if speakers == [self._own]:
            return self._own.speak(request)
        return self._by_one_of(speakers, request)

    async def _by_one_of(
        self, speakers: list[Synthesizer], request: SpeechRequest
    ) -> AsyncGenerator[SpeechChunk, None]:
        preferred = [each for each in speakers if each.name == request.prefer]
        speakers = [*preferred, *(each for each in speakers if each not in preferred)]
        why = EngineFailed("speech", f"nobody here speaks {named(request.language)}")
        for speaker in speakers:
            began = False
            try:
                async with aclosing(speaker.speak(request)) as chunks:
                    async for chunk in chunks:
                        if not began and speaker is not self._own:
                            request.observe(Answering(speaker.name))
                        began = True
                        yield chunk
            except EngineFailed as error:
                if began:
                    raise
                why = error
            else:
                return
        raise why

    def _speakers(self, language: str) -> list[Synthesizer]:
        """Who speaks a language; what was named for it goes before our own voice."""
        code = language.replace("_", "-").lower()
        for known in (code, primary(code)):
            if known and known in self._others:
                return list(self._others[known])
        if speaks_own(code):
            return [self._own]
        return [each for each in self._others.get(OTHERS, ()) if _can_speak(each, code)]


def _can_speak(voice: Synthesizer, language: str) -> bool:
    """Whether a voice for all other languages has this one; a service may."""
    known: Sequence[str] = getattr(voice, "languages", ())
    return not known or find_language(language, known) is not None


# As eSpeak NG names what Whisper and others name otherwise; for Nynorsk it has Bokmal.
_ALIASES = {"zh": "cmn", "no": "nb", "nn": "nb"}


def find_language(wanted: str, known: Sequence[str]) -> str | None:
    """The tag among ``known`` that is nearest to a BCP 47 one; None if none is near.

    Args:
        wanted: As ``"pt-BR"`` or ``"zh"``.
        known: Lower-case tags, the usual one of a language first.
    """
    code = wanted.replace("_", "-").lower()
    short = primary(code)
    for tag in (code, short, _ALIASES.get(short, short)):
        if tag in known:
            return tag
    return next((tag for tag in known if primary(tag) == short), None)
