"""A recording of any length becomes words, piece by piece.

Gives a recogniser each piece that may have words. Knows neither where the recording
comes from nor who wants them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.base import Recogniser
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
    """

    start_s: float
    end_s: float
    text: str


async def recognised(
    recogniser: Recogniser,
    recording: Recording,
    wanted: Callable[[], bool] = lambda: True,
) -> AsyncGenerator[Segment, None]:
    """Recognise a recording piece by piece; pieces without words are left out.

    Args:
        recogniser: Takes utterances of up to 30 s.
        recording: Shape ``(n,)``, 16 kHz.
        wanted: Asked before each piece; if it says no, the rest is left out.

    Raises:
        EngineFailed: If it fails.
        Overloaded: If too many wait for it.
        TimeoutError: If it is stuck.
    """
    for piece in await asyncio.to_thread(pieces, recording):
        if not wanted():
            return
        text = await _words(recogniser, piece.samples)
        if text:
            yield Segment(piece.start / MIC_RATE, piece.end / MIC_RATE, text)


async def transcribed(recogniser: Recogniser, recording: Recording) -> str:
    """All words of a recording; arguments and errors as ``recognised``."""
    async with aclosing(recognised(recogniser, recording)) as stream:
        return " ".join([segment.text async for segment in stream])


async def _words(recogniser: Recogniser, piece: Samples) -> str:
    utterance = recogniser.open()
    try:
        for start in range(0, len(piece), CHUNK):
            utterance.push(piece[start : start + CHUNK])
            await asyncio.sleep(0)  # let the calls have the loop
        async with asyncio.timeout(FINAL_LIMIT_S):
            hypothesis = await utterance.final()
    finally:
        utterance.close()
    return hypothesis.text
