"""``POST /v1/audio/speech``: text in, a stream of encoded speech out.

The text is cut into phrases as in a conversation, and the first audio leaves as soon
as it is there; not paced. An engine that fails before the first audio is an error the
client can read; later the connection is cut, so that half a file looks broken.
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web

from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.config import SpeechConfig
from voiceserver.dialects.realtime_session import Voices
from voiceserver.engines.base import SpeechRequest, Synthesizer
from voiceserver.phrases import Phrase, PhraseSplitter
from voiceserver.server.answers import invalid
from voiceserver.server.body import read_json
from voiceserver.server.sound import MEDIA_TYPES, Encoder, Format
from voiceserver.server.state import STATE
from voiceserver.streams import bounded

log = logging.getLogger(__name__)

PIECE = 100  # characters given to the splitter at a time
LONGEST_INPUT = 4096  # characters; OpenAI's limit
_UNSPEAKABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_ORNAMENT = re.compile(r"([^\w\s]{3})[^\w\s]{9,}")
FIRST_MS = 10_000.0  # of a phrase; a file may wait longer than a conversation
GAP_MS = 10_000.0
TOTAL_MS = 120_000.0
WRITE_LIMIT_S = 30.0  # for a client to take a piece
# What usage reports: OpenAI's rule of thumb for text, 50 ms of audio a token.
CHARACTERS_PER_TOKEN = 4
TOKENS_PER_S = 20


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """What a client asks to be spoken, checked.

    Attributes:
        text: What to say.
        voice: The synthesizer's name of the voice.
        format: How to encode it.
        speed: Speaking rate.
        events: Send it in server-sent events instead of bare.
    """

    text: str
    voice: str
    format: Format
    speed: float
    events: bool = False


def read_order(
    content: Mapping[str, object], voices: Voices, default: SpeechConfig
) -> SpeechOrder:
    """Check the body of a request.

    Args:
        content: The JSON object.
        voices: What may be named.
        default: Voice and speed where none is given.

    Raises:
        Refusal: If anything in it is wrong.
        VoiceServerError: If the voice is unknown.
    """
    given = content.get("input")
    if not isinstance(given, str) or not given.strip():
        raise invalid("'input' must be the text to speak.", "input")
    if len(given) > LONGEST_INPUT:
        message = f"'input' has {len(given)} characters; at most {LONGEST_INPUT}."
        raise invalid(message, "input", "string_above_max_length")
    format = content.get("response_format", "mp3")
    if not isinstance(format, str) or format not in MEDIA_TYPES:
        names = ", ".join(MEDIA_TYPES)
        raise invalid(f"'response_format' must be one of {names}.", "response_format")
    stream_format = content.get("stream_format", "audio")
    if stream_format not in ("audio", "sse"):
        raise invalid("'stream_format' must be audio or sse.", "stream_format")
    asked = content.get("speed", default.speed)
    if isinstance(asked, bool) or not isinstance(asked, int | float):
        raise invalid("'speed' must be a number.", "speed")
    if not 0.25 <= asked <= 4:
        raise invalid("'speed' must be 0.25..4.", "speed")
    model = content.get("model")
    if model is not None and not isinstance(model, str):
        raise invalid("'model' must be text.", "model")
    name = voices.check(content.get("voice", default.voice), "voice")
    voice = voices.spoken_by(name)
    text = speakable(given)
    return SpeechOrder(text, voice, format, float(asked), stream_format == "sse")


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
    order = read_order(content, Voices(engine.voices, default.voice), default)
    with state.jobs.one_more():
        async with aclosing(spoken(engine, order)) as stream:
            first = await anext(stream, None)
            if first is None:
                raise invalid("There is nothing to speak in 'input'.", "input")
            return await _send(request, order, first, stream)


class _SpeechStream:
    """The body of an answer: encoded speech, bare or in events.

    Args:
        request: What is answered.
        order: What was asked for.
    """

    def __init__(self, request: web.Request, order: SpeechOrder) -> None:
        self._request = request
        self._order = order
        kind = "text/event-stream" if order.events else MEDIA_TYPES[order.format]
        self.answer = web.StreamResponse(headers={"Content-Type": kind})
        self._n_samples = 0

    async def send(self, first: Samples, rest: AsyncGenerator[Samples, None]) -> None:
        """Encode and send all.

        Raises:
            ConnectionError: If the client has gone.
            TimeoutError: If it does not take what is sent.
            VoiceServerError: If the synthesizer fails.
        """
        encoder = await asyncio.to_thread(Encoder, self._order.format)
        try:
            await self.answer.prepare(self._request)
            await self._push(encoder, first)
            async for samples in rest:
                await self._push(encoder, samples)
            await self._write(await asyncio.to_thread(encoder.finish))
        finally:
            encoder.close()
        if self._order.events:
            await self._event({"type": "speech.audio.done", "usage": self._usage()})
        await self.answer.write_eof()

    async def _push(self, encoder: Encoder, samples: Samples) -> None:
        self._n_samples += len(samples)
        await self._write(await asyncio.to_thread(encoder.push, samples))

    async def _write(self, encoded: bytes) -> None:
        if not encoded:
            return
        if self._order.events:
            text = base64.b64encode(encoded).decode()
            await self._event({"type": "speech.audio.delta", "audio": text})
        else:
            await self._put(encoded)

    async def _event(self, event: dict[str, object]) -> None:
        line = json.dumps(event, separators=(",", ":"))
        await self._put(f"data: {line}\n\n".encode())

    async def _put(self, content: bytes) -> None:
        async with asyncio.timeout(WRITE_LIMIT_S):
            await self.answer.write(content)

    def _usage(self) -> dict[str, int]:
        taken = -(-len(self._order.text) // CHARACTERS_PER_TOKEN)
        given = self._n_samples * TOKENS_PER_S // SPEECH_RATE
        return {
            "input_tokens": taken,
            "output_tokens": given,
            "total_tokens": taken + given,
        }


async def _send(
    request: web.Request,
    order: SpeechOrder,
    first: Samples,
    rest: AsyncGenerator[Samples, None],
) -> web.StreamResponse:
    stream = _SpeechStream(request, order)
    try:
        await stream.send(first, rest)
    except ConnectionError:
        log.info("a client left before its speech was complete")
    except Exception as error:
        # The status is sent: a cut connection is the only way left to say so.
        request.app[STATE].metrics.faults.labels("http", type(error).__name__).inc()
        log.exception("speech broke off")
        if request.transport is not None:
            request.transport.abort()
    return stream.answer
