"""``POST /v1/audio/speech``: text in, a stream of encoded speech out.

The text is cut into phrases as in a conversation, and the first audio leaves as soon
as it is there; not paced. An engine that fails before the first audio is an error the
client can read; later the connection is cut, so that half a file looks broken.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web

from voiceserver.audio import Samples
from voiceserver.dialects.realtime_session import Voices
from voiceserver.engines.base import SpeechRequest, Synthesizer
from voiceserver.phrases import Phrase, PhraseSplitter
from voiceserver.server.answers import invalid
from voiceserver.server.body import read_json
from voiceserver.server.sound import MEDIA_TYPES, Encoder, Format
from voiceserver.server.state import STATE
from voiceserver.streams import bounded

log = logging.getLogger(__name__)

LONGEST_INPUT = 4096  # characters; OpenAI's limit
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
FIRST_MS = 10_000.0  # of a phrase; a file may wait longer than a conversation
GAP_MS = 10_000.0
WRITE_LIMIT_S = 30.0  # for a client to take a piece
TOTAL_MS = 120_000.0


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """What a client asks to be spoken, checked.

    Attributes:
        text: What to say.
        voice: The synthesizer's name of the voice.
        format: How to encode it.
        speed: Speaking rate.
    """

    text: str
    voice: str
    format: Format
    speed: float


def read_order(
    content: Mapping[str, object], voices: Voices, speed: float
) -> SpeechOrder:
    """Check the body of a request.

    Args:
        content: The JSON object.
        voices: What may be named.
        speed: Used where none is given.

    Raises:
        Refusal: If anything in it is wrong.
        VoiceServerError: If the voice is unknown.
    """
    text = content.get("input")
    text = speakable(text) if isinstance(text, str) else None
    if text is None or not text.strip():
        raise invalid("'input' must be the text to speak.", "input")
    if len(text) > LONGEST_INPUT:
        message = f"'input' has {len(text)} characters; at most {LONGEST_INPUT}."
        raise invalid(message, "input", "string_above_max_length")
    format = content.get("response_format", "mp3")
    if not isinstance(format, str) or format not in MEDIA_TYPES:
        names = ", ".join(MEDIA_TYPES)
        raise invalid(f"'response_format' must be one of {names}.", "response_format")
    asked = content.get("speed", speed)
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise invalid("'speed' must be a number.", "speed")
    if not 0.25 <= asked <= 4:
        raise invalid("'speed' must be 0.25..4.", "speed")
    model = content.get("model")
    if model is not None and not isinstance(model, str):
        raise invalid("'model' must be text.", "model")
    name = voices.check(content.get("voice", "alloy"), "voice")
    return SpeechOrder(text, voices.spoken_by(name), format, float(asked))


def phrases(text: str) -> list[Phrase]:
    """Cut a whole text into phrases; none if there is nothing to speak in it."""
    splitter = PhraseSplitter()
    return [*splitter.push(text), *splitter.flush()]


def speakable(text: str) -> str:
    """Replace what no text should hold: control characters and half surrogates.

    Both come easily, by JSON escapes or by the command line's undecodable bytes.
    """
    return _UNSPEAKABLE.sub(" ", text)


async def speech_of(
    engine: Synthesizer, request: SpeechRequest
) -> AsyncGenerator[Samples, None]:
    """Speak one phrase, at 24 kHz, within limits fit for files.

    Raises:
        EngineFailed: If the synthesizer fails.
        BudgetExceeded: If it is stuck.
    """
    stream = bounded(engine.speak(request), "speech", FIRST_MS, GAP_MS, TOTAL_MS)
    async with aclosing(stream):
        async for chunk in stream:
            yield chunk.samples


async def spoken(
    engine: Synthesizer, order: SpeechOrder
) -> AsyncGenerator[Samples, None]:
    """Speak a text phrase by phrase, at 24 kHz; errors as ``speech_of``."""
    for phrase in phrases(order.text):
        request = SpeechRequest(phrase.text, order.voice, order.speed)
        async with aclosing(speech_of(engine, request)) as stream:
            async for samples in stream:
                yield samples


async def speech(request: web.Request) -> web.StreamResponse:
    """``POST /v1/audio/speech``."""
    state = request.app[STATE]
    engine = state.engines.get().speech
    content = await read_json(request)
    default = state.config.speech
    order = read_order(content, Voices(engine.voices, default.voice), default.speed)
    with state.jobs.one_more():
        async with aclosing(spoken(engine, order)) as stream:
            first = await anext(stream, None)
            if first is None:
                raise invalid("There is nothing to speak in 'input'.", "input")
            return await _send(request, order.format, first, stream)


async def _write(answer: web.StreamResponse, encoded: bytes) -> None:
    """Send bytes; a client that does not take them is given up."""
    if encoded:
        async with asyncio.timeout(WRITE_LIMIT_S):
            await answer.write(encoded)


async def _send(
    request: web.Request,
    format: Format,
    first: Samples,
    rest: AsyncGenerator[Samples, None],
) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": MEDIA_TYPES[format]})
    encoder = await asyncio.to_thread(Encoder, format)
    try:
        await answer.prepare(request)
        await _write(answer, await asyncio.to_thread(encoder.push, first))
        async for samples in rest:
            await _write(answer, await asyncio.to_thread(encoder.push, samples))
        await _write(answer, await asyncio.to_thread(encoder.finish))
        await answer.write_eof()
    except ConnectionError:
        log.info("a client left before its speech was complete")
    except Exception as error:
        # The status is sent: a cut connection is the only way left to say so.
        request.app[STATE].metrics.faults.labels("http", type(error).__name__).inc()
        log.exception("speech broke off")
        if request.transport is not None:
            request.transport.abort()
    finally:
        encoder.close()
    return answer
