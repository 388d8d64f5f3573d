"""OpenAI's Realtime API as a transcription service: sessions of type transcription.

OpenAI itself, and what speaks like it by another URL. What is written and what it means
(developers.openai.com: api/docs/guides/realtime-transcription,
api/reference/resources/realtime). The service's own turn detection is switched off: the
audio is committed once, at the end. Does no I/O.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

from voiceserver.audio import MIC_RATE, Resampler, from_int16, to_int16
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.hearing.live import Heard, Wire
from voiceserver.engines.hearing.services import (
    MAX_TEXT,
    document,
    joined,
    language_asked,
    mean_logprob,
    text_of,
)
from voiceserver.engines.providers.services.service_errors import error_code, fault_of
from voiceserver.engines.providers.services.sockets import socket_url
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.languages import primary

WIRE_RATE = 24_000  # the one rate of its PCM
COMMIT = '{"type": "input_audio_buffer.commit"}'
_EMPTY = "input_audio_buffer_commit_empty"  # nothing was left to be committed
_TRANSCRIPTION = "conversation.item.input_audio_transcription."
_MISCONFIGURED = ("invalid_api_key", "model_not_found", "invalid_model")


def wire(provider: RecogniserProvider, opening: Opening) -> Wire:
    """Begin an utterance."""
    return TranscriptionSession(provider, opening)


class TranscriptionSession:
    """One utterance, in a session of its own."""

    def __init__(self, provider: RecogniserProvider, opening: Opening) -> None:
        self._provider = provider
        self._resampler = Resampler(MIC_RATE, WIRE_RATE)
        self._items: dict[str, Hypothesis] = {}  # by their ids, as they came
        self._written: dict[str, str] = {}  # deltas; they say where a word ends
        self._open: set[str] = set()  # committed, and not written down yet
        self._ended = self._committed = False
        self.alive = ""  # pings are enough
        where = socket_url(provider.base_url, "realtime")
        self.url = f"{where}?intent=transcription"
        transcription = {"model": provider.model}
        if language := language_asked(provider, opening):
            transcription["language"] = primary(language)
        if opening.prompt:
            transcription["prompt"] = opening.prompt
        listening = {
            "format": {"type": "audio/pcm", "rate": WIRE_RATE},
            "transcription": transcription,
            "turn_detection": None,
        }
        session = {
            "type": "transcription",
            "audio": {"input": listening},
            "include": ["item.input_audio_transcription.logprobs"],
        }
        self.hello = (json.dumps({"type": "session.update", "session": session}),)

    def audio(self, pcm: bytes) -> str:
        """See ``Wire``."""
        samples = self._resampler.push(from_int16(pcm))
        sent = base64.b64encode(to_int16(samples).astype("<i2").tobytes()).decode()
        return json.dumps({"type": "input_audio_buffer.append", "audio": sent})

    def end(self) -> Sequence[str]:
        """See ``Wire``."""
        self._ended = True
        return (COMMIT,)

    def read(self, message: str | bytes) -> Heard | None:
        """See ``Wire``."""
        told = document(self._provider.name, message)
        kind, item = told.get("type"), told.get("item_id")
        if kind == "session.updated":
            self._prove(told.get("session"))
        elif kind == "error":
            return self._error(told, message)
        elif not isinstance(item, str):
            return None
        elif kind == "input_audio_buffer.committed":
            self._committed = self._committed or self._ended
            if not self._items.setdefault(item, Hypothesis()).final:
                self._open.add(item)
            return self._heard()
        elif kind == f"{_TRANSCRIPTION}delta":
            return self._delta(item, told.get("delta"))
        elif kind == f"{_TRANSCRIPTION}completed":
            return self._completed(item, told)
        elif kind == f"{_TRANSCRIPTION}failed":
            raise ProviderFailed(self._provider.name, "could not write it down")
        return None

    def closed(self, sent_s: float, broken: EngineFailed | None) -> Heard:
        """See ``Wire``; it hangs up only where something is wrong."""
        raise broken or ProviderFailed(self._provider.name, "hung up without words")

    def _delta(self, item: str, delta: object) -> Heard:
        if isinstance(delta, str) and not self._items.get(item, Hypothesis()).final:
            written = self._written.get(item, "") + delta
            self._written[item] = written[:MAX_TEXT]
            self._items[item] = Hypothesis(text_of(written))
        return self._heard()

    def _completed(self, item: str, told: dict[str, Any]) -> Heard:
        if not isinstance(told.get("transcript"), str):
            raise ProviderFailed(self._provider.name, "sent no text")
        self._items[item] = Hypothesis(
            text_of(told["transcript"]),
            final=True,
            logprob=mean_logprob(told.get("logprobs")),
        )
        self._open.discard(item)
        return self._heard()

    def _heard(self) -> Heard:
        words = joined(list(self._items.values()))
        return Heard(words, done=self._committed and not self._open)

    def _error(self, told: dict[str, Any], message: str | bytes) -> Heard:
        error = told.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        if code == _EMPTY and self._ended and self._items:
            self._committed = True  # it had ended by itself
            return self._heard()
        text = message if isinstance(message, str) else message.decode(errors="replace")
        kind = fault_of(200, text)
        if code in _MISCONFIGURED:
            kind = "misconfigured"
        elif isinstance(code, str) and "rate_limit" in code:
            kind = "busy"
        what = f"reports a fault{error_code(text)}"
        raise ProviderFailed(self._provider.name, what, kind)

    def _prove(self, session: object) -> None:
        """Refuse another model than the one that was asked for, where it is told."""
        at = session
        for key in ("audio", "input", "transcription", "model"):
            at = at.get(key) if isinstance(at, dict) else None
        if isinstance(at, str) and at != self._provider.model:
            name = self._provider.name
            raise ProviderFailed(name, "hears with another model than asked", "pin")
