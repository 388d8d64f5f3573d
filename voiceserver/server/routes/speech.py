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
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace

from aiohttp import web

from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.config import SpeechConfig
from voiceserver.engines.base import SpeechRequest, Synthesizer
from voiceserver.engines.notes import paid_by
from voiceserver.files.encoder import MEDIA_TYPES, Format, SoundEncoder
from voiceserver.files.script import lines, passages, spoken, style_of
from voiceserver.files.ssml import Passage
from voiceserver.server.answers import invalid
from voiceserver.server.body import JSON_LIMIT, read_json
from voiceserver.server.connections import keep_little
from voiceserver.server.state import KEY_NAME, STATE, AudioPlace
from voiceserver.voices import Voices

log = logging.getLogger(__name__)

STYLE_HINT = 4096  # characters of instructions that are read
_BYTES_PER_CHARACTER = 12  # of JSON at worst: two escapes, as of an emoji
WRITE_LIMIT_S = 30.0  # for a client to take a piece
# What usage reports: OpenAI's rule of thumb for text, 50 ms of audio a token.
CHARACTERS_PER_TOKEN = 4
TOKENS_PER_S = 20


@dataclass(frozen=True, slots=True)
class SpeechOrder:
    """What a client asks to be spoken, checked.

    Attributes:
        passages: What to say.
        manner: Voice, speed and style.
        format: How to encode it.
        events: Send it in server-sent events instead of bare.
        length: Characters of the text as it was sent.
    """

    passages: tuple[Passage, ...]
    manner: SpeechRequest
    format: Format
    events: bool = False
    length: int = 0


def read_order(
    content: Mapping[str, object], voices: Voices, default: SpeechConfig
) -> SpeechOrder:
    """Check the body of a request.

    Args:
        content: The JSON object.
        voices: What may be named.
        default: Voice and speed where none is given; the longest text.

    Raises:
        Refusal: If anything in it is wrong.
        VoiceServerError: If the voice is unknown, or SSML cannot be read.
    """
    # Null is a member that was left out, whichever it is.
    content = {name: value for name, value in content.items() if value is not None}
    given = content.get("input")
    if not isinstance(given, str) or not given.strip():
        raise invalid("'input' must be the text to speak.", "input")
    if len(given) > default.longest_input:
        most = default.longest_input
        message = f"'input' has {len(given)} characters; at most {most}."
        raise invalid(message, "input", "string_above_max_length")
    format = content.get("response_format", "mp3")
    if not isinstance(format, str) or format not in MEDIA_TYPES:
        names = ", ".join(MEDIA_TYPES)
        raise invalid(f"'response_format' must be one of {names}.", "response_format")
    stream_format = content.get("stream_format", "audio")
    if stream_format not in ("audio", "sse"):
        raise invalid("'stream_format' must be audio or sse.", "stream_format")
    speed = content.get("speed", default.speed)
    if isinstance(speed, bool) or not isinstance(speed, int | float):
        raise invalid("'speed' must be a number.", "speed")
    if not 0.25 <= speed <= 4:
        raise invalid("'speed' must be 0.25..4.", "speed")
    model = content.get("model")
    if model is not None and not isinstance(model, str):
        raise invalid("'model' must be text.", "model")
    name = voices.check(content.get("voice", default.voice), "voice")
    voice = voices.spoken_by(name)
    instructions = content.get("instructions")
    if instructions is not None and not isinstance(instructions, str):
        raise invalid("'instructions' must be text.", "instructions")
    style = style_of((instructions or "")[:STYLE_HINT])
    manner = SpeechRequest("", voice, float(speed), style=style)
    events = stream_format == "sse"
    return SpeechOrder(passages(given), manner, format, events, len(given))


async def speak(
    engine: Synthesizer, order: SpeechOrder
) -> AsyncGenerator[Samples, None]:
    """Speak a text line by line, at 24 kHz; errors as ``script.spoken``."""
    for line in lines(order.passages, order.manner):
        async with aclosing(spoken(engine, line)) as stream:
            async for samples in stream:
                yield samples


async def speech(request: web.Request) -> web.StreamResponse:
    """``POST /v1/audio/speech``."""
    state = request.app[STATE]
    engines = state.engines.get()
    default = state.config.speech
    longest = default.longest_input * _BYTES_PER_CHARACTER
    content = await read_json(request, JSON_LIMIT + longest)
    order = read_order(content, engines.voices(default.voice), default)
    purse = engines.purse(request.get(KEY_NAME, ""))
    manner = replace(order.manner, observe=paid_by(purse.pay), thrift=purse.thrift)
    order = replace(order, manner=manner)

    def cut() -> None:
        if request.transport is not None:
            request.transport.abort()

    with state.jobs.one_more(cut) as place:
        async with aclosing(speak(engines.speech, order)) as stream:
            first = await anext(stream, None)
            if first is None:
                raise invalid("There is nothing to speak in 'input'.", "input")
            return await _send(request, order, place, first, stream)


class _SpeechStream:
    """The body of an answer: encoded speech, bare or in events.

    Args:
        request: What is answered.
        order: What was asked for.
        place: Of the request.
    """

    def __init__(
        self, request: web.Request, order: SpeechOrder, place: AudioPlace
    ) -> None:
        self._request = request
        self._order = order
        self._place = place
        kind = "text/event-stream" if order.events else MEDIA_TYPES[order.format]
        self.answer = web.StreamResponse(headers={"Content-Type": kind})
        self._n_samples = 0
        self._waited_s = 0.0  # for the client to take what was sent

    async def send(self, first: Samples, rest: AsyncGenerator[Samples, None]) -> None:
        """Encode and send all.

        Raises:
            ConnectionError: If the client has gone.
            TimeoutError: If it does not take what is sent.
            VoiceServerError: If the synthesizer fails.
        """
        encoder = await asyncio.to_thread(SoundEncoder, self._order.format)
        try:
            keep_little(self._request)
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

    async def _push(self, encoder: SoundEncoder, samples: Samples) -> None:
        self._n_samples += len(samples)
        self._place.given_s = self._n_samples / SPEECH_RATE
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
        # In all twice as long as the speech: a player takes it as it sounds.
        most_s = 2 * self._n_samples / SPEECH_RATE + WRITE_LIMIT_S
        began_s = time.monotonic()
        async with asyncio.timeout(min(WRITE_LIMIT_S, most_s - self._waited_s)):
            with self._place.waiting():
                await self.answer.write(content)
        self._waited_s += time.monotonic() - began_s

    def _usage(self) -> dict[str, int]:
        taken = -(-self._order.length // CHARACTERS_PER_TOKEN)
        given = self._n_samples * TOKENS_PER_S // SPEECH_RATE
        return {
            "input_tokens": taken,
            "output_tokens": given,
            "total_tokens": taken + given,
        }


async def _send(
    request: web.Request,
    order: SpeechOrder,
    place: AudioPlace,
    first: Samples,
    rest: AsyncGenerator[Samples, None],
) -> web.StreamResponse:
    stream = _SpeechStream(request, order, place)
    try:
        await stream.send(first, rest)
    except ConnectionError:
        log.info("a client left before its speech was complete")
    except TimeoutError:
        log.info("a client did not take its speech")
        if request.transport is not None:
            request.transport.abort()
    except Exception as error:
        # The status is sent: a cut connection is the only way left to say so.
        request.app[STATE].metrics.faults.labels("http", type(error).__name__).inc()
        log.exception("speech broke off")
        if request.transport is not None:
            request.transport.abort()
    return stream.answer
