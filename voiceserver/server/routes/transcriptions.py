"""``POST /v1/audio/transcriptions``: a sound file in, its words out.

As one answer, as subtitles, or in server-sent events while a long recording is worked
through. Of OpenAI's fields ``file``, ``language``, ``prompt``, ``response_format``,
``stream`` and ``timestamp_granularities[]`` mean something here; others are taken and
ignored. Times of words and probabilities are told where the recogniser has them.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace

from aiohttp import web

from voiceserver.audio import MIC_RATE
from voiceserver.engines.base import Opening
from voiceserver.engines.notes import paid_by
from voiceserver.files.pieces import Recording
from voiceserver.files.recognised import Segment, recognised
from voiceserver.files.subtitles import srt, vtt
from voiceserver.server.answers import invalid, json_answer
from voiceserver.server.body import AUDIO_LIMIT, JSON_LIMIT, Part, read_form
from voiceserver.server.state import KEY_NAME, STATE, ServerState

log = logging.getLogger(__name__)

FORMATS = ("json", "text", "verbose_json", "srt", "vtt")
GRANULARITIES = "timestamp_granularities[]"
FIELDS = {
    "file": AUDIO_LIMIT,
    "response_format": JSON_LIMIT,
    "stream": 16,
    "language": 35,
    "prompt": 6000,
    GRANULARITIES: 16,
}
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8})*|auto")
WRITE_LIMIT_S = 30.0  # for a client to take an event


@dataclass(frozen=True, slots=True)
class Order:
    """What a form asks for.

    Attributes:
        wanted: The format, of ``FORMATS``.
        streamed: In events.
        words: With the times of words.
        opening: What the recogniser is told.
    """

    wanted: str
    streamed: bool
    words: bool
    opening: Opening


async def transcription(request: web.Request) -> web.StreamResponse:
    """``POST /v1/audio/transcriptions``."""
    state = request.app[STATE]
    engines = state.engines.get()
    recogniser, purse = engines.recogniser, engines.purse(request.get(KEY_NAME, ""))
    async with AsyncExitStack() as places:
        order, recording = await _uploaded(request, state, places)
        duration_s = round(len(recording) / MIC_RATE, 2)
        opening = replace(
            order.opening,
            observe=paid_by(purse.pay),
            thrift=lambda: purse.thrift,
        )
        async with (
            state.recognisers,
            aclosing(
                recognised(recogniser, recording, lambda: _here(request), opening)
            ) as stream,
        ):
            if order.streamed:
                return await _send(request, stream, duration_s)
            found = [segment async for segment in stream]
    return _answer(order, found, duration_s, recogniser.language)


async def _uploaded(
    request: web.Request, state: ServerState, places: AsyncExitStack
) -> tuple[Order, Recording]:
    """Read a form and decode its file; its bytes are held no longer than that.

    Args:
        request: Its body is consumed.
        state: Whose bounds hold.
        places: Gives back in the end what is taken while the recording is needed.

    Returns:
        What is wanted of it, and the recording.
    """
    with state.uploads.one_more() as take:
        form = await read_form(request, FIELDS, take)
        order = _order(form)
        # A place is for work: who is slow to send it has none yet.
        places.enter_context(state.jobs.one_more())
        await places.enter_async_context(state.recordings)
        if not _here(request):
            raise ConnectionResetError
        return order, await state.decoder.decode(form["file"].content)


def _here(request: web.Request) -> bool:
    """Whether the client still waits."""
    return request.transport is not None and not request.transport.is_closing()


def _order(form: dict[str, Part]) -> Order:
    """Check a form.

    Raises:
        Refusal: If anything in it is wrong.
    """
    if "file" not in form:
        raise invalid("The form has no part 'file'.", "file", "missing_field")
    wanted = _field(form, "response_format", "json")
    if wanted not in FORMATS:
        names = ", ".join(FORMATS)
        raise invalid(f"'response_format' must be one of {names}.", "response_format")
    streamed = _field(form, "stream", "false").lower() or "false"
    if streamed not in ("true", "false"):
        raise invalid("'stream' must be true or false.", "stream")
    if not form["file"].content:
        raise invalid("The file is empty.", "file", "invalid_audio")
    language = _field(form, "language", "")
    if language and not _LANGUAGE.fullmatch(language):
        raise invalid("'language' must be like en or pt-BR, or auto.", "language")
    grain = _field(form, GRANULARITIES, "segment")
    if grain not in ("word", "segment"):
        why = "'timestamp_granularities[]' must be word or segment."
        raise invalid(why, GRANULARITIES)
    timed = grain == "word" or wanted in ("srt", "vtt")
    opening = Opening(language, _field(form, "prompt", ""), timed=timed, whole=True)
    return Order(wanted, streamed == "true", grain == "word", opening)


def _field(form: dict[str, Part], name: str, default: str) -> str:
    return form[name].text(name).strip() if name in form else default


def _usage(duration_s: float) -> dict[str, object]:
    return {"type": "duration", "seconds": duration_s}


def _answer(
    order: Order, found: list[Segment], duration_s: float, language: str
) -> web.Response:
    wanted = order.wanted
    if wanted == "srt":
        return web.Response(text=srt(found), content_type="application/x-subrip")
    if wanted == "vtt":
        return web.Response(text=vtt(found), content_type="text/vtt")
    text = " ".join(segment.text for segment in found)
    if wanted == "text":
        return web.Response(text=text + "\n")
    content: dict[str, object] = {"text": text, "usage": _usage(duration_s)}
    if wanted == "verbose_json":
        content |= {
            "task": "transcribe",
            "language": next((s.language for s in found if s.language), language),
            "duration": duration_s,
            "segments": [_listed(n, segment) for n, segment in enumerate(found)],
        }
        if order.words:
            content["words"] = [
                {"word": w.text, "start": round(w.start_s, 2), "end": round(w.end_s, 2)}
                for segment in found
                for w in segment.words
            ]
    return json_answer(content)


def _listed(number: int, segment: Segment) -> dict[str, object]:
    """Show a segment as OpenAI's API does; what only Whisper knows is neutral."""
    return {
        "id": number,
        "seek": 0,
        "start": round(segment.start_s, 2),
        "end": round(segment.end_s, 2),
        "text": segment.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(segment.logprob or 0.0, 4),
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }


async def _send(
    request: web.Request, stream: AsyncGenerator[Segment, None], duration_s: float
) -> web.StreamResponse:
    """Answer in events; an engine that fails at once is still an error of HTTP."""
    segment = await anext(stream, None)
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    texts: list[str] = []
    try:
        await answer.prepare(request)
        while segment is not None:
            space = " " if texts else ""
            texts.append(space + segment.text)
            delta = {"type": "transcript.text.delta", "delta": texts[-1]}
            await _event(answer, delta)
            segment = await anext(stream, None)
        done = {"type": "transcript.text.done", "text": "".join(texts)}
        await _event(answer, done | {"usage": _usage(duration_s)})
        await answer.write_eof()
    except ConnectionError:
        log.info("a client left before its transcription was complete")
    except Exception as error:
        # The status is sent: a cut connection is the only way left to say so.
        request.app[STATE].metrics.faults.labels("http", type(error).__name__).inc()
        log.exception("a transcription broke off")
        if request.transport is not None:
            request.transport.abort()
    return answer


async def _event(answer: web.StreamResponse, event: Mapping[str, object]) -> None:
    line = json.dumps(event, separators=(",", ":"))
    async with asyncio.timeout(WRITE_LIMIT_S):
        await answer.write(f"data: {line}\n\n".encode())
