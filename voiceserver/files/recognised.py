"""A recording of any length becomes words, piece by piece.

Gives a recogniser each piece that may have words. Knows neither where the recording
comes from nor who wants them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.base import Hypothesis, Opening, Recogniser
from voiceserver.events import TimedWord
from voiceserver.files.pieces import Recording, pieces

CHUNK = MIC_RATE // 10  # samples pushed at a time
FINAL_LIMIT_S = 120.0  # for the words of one piece


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said in a piece of a recording.

    Attributes:
        start_s: Where the piece begins.
        end_s: Where it ends.
        text: Its words, at least one.
        words: The same with the times of each, where that was asked for and is known.
        logprob: Mean natural logarithm of the probability of the words, if known.
        language: That was heard, where the recogniser can tell.
    """

    start_s: float
    end_s: float
    text: str
    words: tuple[TimedWord, ...] = ()
    logprob: float | None = None
    language: str = ""


WHOLE = Opening(whole=True)


async def recognised(
    recogniser: Recogniser,
    recording: Recording,
    wanted: Callable[[], bool] = lambda: True,
    opening: Opening = WHOLE,
) -> AsyncGenerator[Segment, None]:
    """Recognise a recording piece by piece; pieces without words are left out.

    Args:
        recogniser: Takes utterances of up to 30 s.
        recording: Shape ``(n,)``, 16 kHz.
        wanted: Asked before each piece; if it says no, the rest is left out.
        opening: What is known of it and asked for.

    Raises:
        EngineFailed: If it fails.
        Overloaded: If too many wait for it.
        TimeoutError: If it is stuck.
    """
    for piece in await asyncio.to_thread(pieces, recording):
        if not wanted():
            return
        heard = await _heard(recogniser, piece.samples, opening)
        if heard.text:
            yield _segment(piece.start / MIC_RATE, piece.end / MIC_RATE, heard)


def _segment(start_s: float, end_s: float, heard: Hypothesis) -> Segment:
    words = tuple(
        replace(word, start_s=start_s + word.start_s, end_s=start_s + word.end_s)
        for word in heard.timed
    )
    return Segment(start_s, end_s, heard.text, words, heard.logprob, heard.language)


async def transcribed(
    recogniser: Recogniser,
    recording: Recording,
    reached: Callable[[float], None] = lambda _at_s: None,
) -> str:
    """All words of a recording; arguments and errors as ``recognised``.

    Args:
        recogniser: As there.
        recording: As there.
        reached: Told after each piece with words where it ends, seconds.
    """
    texts = []
    async with aclosing(recognised(recogniser, recording)) as stream:
        async for segment in stream:
            texts.append(segment.text)
            reached(segment.end_s)
    return " ".join(texts)


async def _heard(
    recogniser: Recogniser, piece: Samples, opening: Opening
) -> Hypothesis:
    utterance = recogniser.open(opening)
    try:
        for start in range(0, len(piece), CHUNK):
            utterance.push(piece[start : start + CHUNK])
            await asyncio.sleep(0)  # let the calls have the loop
        async with asyncio.timeout(FINAL_LIMIT_S):
            return await utterance.final()
    finally:
        utterance.close()
