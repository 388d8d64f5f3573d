"""``POST /v1/audio/transcriptions``: a sound file in, its words out."""

from __future__ import annotations

import asyncio

from aiohttp import web

from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.base import Recogniser
from voiceserver.server.answers import invalid, json_answer
from voiceserver.server.body import AUDIO_LIMIT, JSON_LIMIT, Part, read_form
from voiceserver.server.sound import decode, segments
from voiceserver.server.state import STATE

FORMATS = ("json", "text", "verbose_json")
CHUNK = MIC_RATE // 10  # samples pushed at a time
FINAL_LIMIT_S = 120.0  # for the words of one piece


async def transcribed(recogniser: Recogniser, samples: Samples) -> str:
    """Recognise a recording piece by piece.

    Args:
        recogniser: Takes utterances of up to 30 s.
        samples: Shape ``(n,)``, 16 kHz.

    Raises:
        EngineFailed: If it fails.
        Overloaded: If too many wait for it.
        TimeoutError: If it is stuck.
    """
    texts = []
    for piece in await asyncio.to_thread(segments, samples):
        utterance = recogniser.open()
        try:
            for start in range(0, len(piece), CHUNK):
                utterance.push(piece[start : start + CHUNK])
                await asyncio.sleep(0)  # let the calls have the loop
            async with asyncio.timeout(FINAL_LIMIT_S):
                hypothesis = await utterance.final()
        finally:
            utterance.close()
        texts.append(hypothesis.text)
    return " ".join(text for text in texts if text)


async def transcription(request: web.Request) -> web.Response:
    """``POST /v1/audio/transcriptions``."""
    state = request.app[STATE]
    recogniser = state.engines.get().recogniser
    with state.jobs.one_more():
        form = await read_form(
            request,
            {"file": AUDIO_LIMIT, "response_format": JSON_LIMIT, "stream": 16},
        )
        if "file" not in form:
            raise invalid("The form has no part 'file'.", "file", "missing_field")
        wanted = _field(form, "response_format", "json")
        if wanted not in FORMATS:
            names = ", ".join(FORMATS)
            raise invalid(
                f"'response_format' must be one of {names}.", "response_format"
            )
        if not form["file"].content:
            raise invalid("The file is empty.", "file", "invalid_audio")
        samples = await asyncio.to_thread(decode, form["file"].content)
        async with state.decoders:
            text = await transcribed(recogniser, samples)
    return _answer(wanted, text, len(samples) / MIC_RATE)


def _field(form: dict[str, Part], name: str, default: str) -> str:
    return form[name].text(name).strip() if name in form else default


def _answer(wanted: str, text: str, duration_s: float) -> web.Response:
    if wanted == "text":
        return web.Response(text=text + "\n")
    usage = {"type": "duration", "seconds": round(duration_s, 2)}
    content: dict[str, object] = {"text": text, "usage": usage}
    if wanted == "verbose_json":
        content |= {
            "task": "transcribe",
            "language": "en",
            "duration": round(duration_s, 2),
        }
    return json_answer(content)
