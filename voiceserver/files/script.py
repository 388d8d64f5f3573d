"""What a text says, line by line: plain text or SSML, in requests to a synthesizer.

Shared by the HTTP service and the command line, which speak a text as a whole and not
paced. Knows no formats and no clients.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

import numpy as np

from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.engines.base import STYLES, SpeechRequest, Synthesizer
from voiceserver.engines.words import SaidAs
from voiceserver.files.ssml import Passage, is_ssml, parse
from voiceserver.phrases import Phrase, PhraseSplitter
from voiceserver.streams import FixedLimits, bounded

PIECE = 100  # characters given to the splitter at a time
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ORNAMENT = re.compile(r"([^\w\s]{3})[^\w\s]{9,}")
FIRST_MS = 10_000.0  # of a phrase; a file may wait longer than a conversation
GAP_MS = 10_000.0
TOTAL_MS = 120_000.0


@dataclass(frozen=True, slots=True)
class ScriptLine:
    """A phrase and the silence after it.

    Attributes:
        request: What the synthesizer is asked; None for silence alone.
        gain: Factor on its samples.
        pause_s: Silence after it.
    """

    request: SpeechRequest | None
    gain: float = 1.0
    pause_s: float = 0.0


def phrases(text: str) -> Iterator[Phrase]:
    """Cut a whole text into phrases; none if there is nothing to speak in it.

    Lazy, and in pieces as from a text model, so that a long text does not hold up
    the event loop.
    """
    splitter = PhraseSplitter()
    for start in range(0, len(text), PIECE):
        yield from splitter.push(text[start : start + PIECE])
    yield from splitter.flush()


def speakable(text: str) -> str:
    """Replace what no text should hold, and shorten what nobody says.

    Control characters and half surrogates come easily, by JSON escapes or by the
    command line's undecodable bytes; rules of hundreds of dots or dashes are common
    in plain text, and would only cost time.
    """
    return _ORNAMENT.sub(r"\1", _UNSPEAKABLE.sub(" ", text))


def passages(text: str) -> tuple[Passage, ...]:
    """Read a text, as SSML if it claims to be.

    Raises:
        BadRequest: If it is SSML that cannot be read.
    """
    return parse(text) if is_ssml(text) else (Passage(text),)


def lines(found: tuple[Passage, ...], manner: SpeechRequest) -> Iterator[ScriptLine]:
    """Lines to be spoken, lazily; none if there is nothing to speak.

    Args:
        found: From ``passages``.
        manner: Voice, speed, pitch and style of the whole, and who pays; its text is
            not read.
    """
    for passage in found:
        before: SpeechRequest | None = None
        gain = 10 ** (passage.gain_db / 20) if passage.gain_db > -120 else 0.0
        text, said = _plain(passage)
        for phrase in phrases(text):
            if before is not None:
                yield ScriptLine(before, gain)
            before = SpeechRequest(
                phrase.text,
                manner.voice,
                min(max(manner.speed * passage.speed, 0.25), 4.0),
                min(max(manner.pitch + passage.pitch, -12.0), 12.0),
                manner.style,
                observe=manner.observe,
                paced=manner.paced,
                said=tuple(_within(said, phrase)),
                thrift=manner.thrift,
            )
        if before is not None or passage.pause_s:
            yield ScriptLine(before, gain, passage.pause_s)


def _plain(passage: Passage) -> tuple[str, tuple[SaidAs, ...]]:
    """What of a passage can be spoken, and where its words with phones lie in it."""
    text, said, at = "", [], 0
    for each in passage.said:
        text += speakable(passage.text[at : each.start])
        word = speakable(passage.text[each.start : each.end])
        said.append(replace(each, start=len(text), end=len(text) + len(word)))
        text, at = text + word, each.end
    return text + speakable(passage.text[at:]), tuple(said)


def _within(said: tuple[SaidAs, ...], phrase: Phrase) -> Iterator[SaidAs]:
    """The ranges of a text that a phrase holds, as ranges of the phrase."""
    start, end = phrase.start, phrase.start + len(phrase.text)
    for each in said:
        if start <= each.start and each.end <= end:
            yield replace(each, start=each.start - start, end=each.end - start)


def has_words(found: tuple[Passage, ...]) -> bool:
    """Whether there is anything to speak in it."""
    return any(next(phrases(speakable(p.text)), None) for p in found)


def style_of(instructions: str) -> str:
    """The style that instructions name first, "" if they name none.

    Everything else in them is ignored: our voices follow presets, not directions.
    """
    words = re.findall(r"[a-z]+", instructions.lower())
    named = {"whisper": "whispered", "whispering": "whispered", "joyful": "joy"}
    found = (named.get(word, word) for word in words)
    return next((word for word in found if word in STYLES), "")


async def spoken(
    engine: Synthesizer, line: ScriptLine
) -> AsyncGenerator[Samples, None]:
    """Speak a line, at 24 kHz, within limits fit for files.

    Raises:
        EngineFailed: If the synthesizer fails.
        BudgetExceeded: If it is stuck.
    """
    if line.request is not None:
        limits = FixedLimits(FIRST_MS, GAP_MS, TOTAL_MS)
        stream = bounded(engine.speak(line.request), "speech", limits)
        async with aclosing(stream):
            async for chunk in stream:
                yield chunk.samples if line.gain == 1 else _louder(chunk.samples, line)
    if line.pause_s:
        yield np.zeros(round(line.pause_s * SPEECH_RATE), np.float32)


def _louder(samples: Samples, line: ScriptLine) -> Samples:
    return np.asarray(np.clip(samples * line.gain, -1, 1), np.float32)
