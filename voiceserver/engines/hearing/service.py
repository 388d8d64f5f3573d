"""Recognition by services with OpenAI's ``/v1/audio/transcriptions``.

OpenAI itself, and what speaks like it by another URL: speaches, vLLM, Groq, LocalAI.
A whole utterance is sent once it is over, as a WAV. Knows nothing of turns.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from voiceserver.audio import MIC_RATE
from voiceserver.budget import Spent
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Note, Opening
from voiceserver.engines.hearing.services import language_asked, mean_logprob, text_of
from voiceserver.engines.providers.costs import charged
from voiceserver.engines.providers.http import (
    MAX_ERROR_BYTES,
    HttpResponse,
    Transport,
    key_headers,
    read_up_to,
    status_failure,
)
from voiceserver.errors import ProviderFailed
from voiceserver.languages import code

MAX_ANSWER_BYTES = 256 * 1024


class TranscriptionService:
    """Recognises whole utterances by one provider.

    Args:
        provider: Whom to ask.
        transport: Sends the requests.
        environ: Where the key is read, once.

    Raises:
        ConfigError: If the key is missing or unusable; never quotes it.
    """

    def __init__(
        self,
        provider: RecogniserProvider,
        transport: Transport,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.provider = provider
        self._transport = transport
        self._headers = key_headers(
            environ,
            provider.key_env,
            "Authorization",
            "Bearer ",
            f"[[recogniser.provider]] {provider.name!r}",
        )

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    def _url(self, path: str) -> str:
        return f"{self.provider.base_url.rstrip('/')}/{path}"

    async def warm(self) -> None:
        """Open a connection, so that the next utterance need not wait for it.

        Raises:
            ProviderFailed: If there is none to be had, or the key is refused.
        """
        response = await self._transport.send(
            self.name, "GET", self._url("models"), self._headers
        )
        try:
            if response.status in (401, 403):
                raise status_failure(self.name, response, "")
            await read_up_to(response, MAX_ANSWER_BYTES)
        finally:
            response.close()

    async def recognise(
        self,
        pcm: bytes,
        opening: Opening = DICTATION,
        observe: Callable[[Note], None] = lambda _note: None,
    ) -> AsyncGenerator[Hypothesis, None]:
        """Give the words, once.

        Args:
            pcm: The whole utterance, 16-bit little-endian, mono, 16 kHz.
            opening: Language and words to be expected are passed on.
            observe: Told what it cost once it is accepted.

        Raises:
            ProviderFailed: If the service gives no words that can be read.
        """
        boundary = secrets.token_hex(16)
        headers = self._headers | {
            "Content-Type": f"multipart/form-data; boundary={boundary}"
        }
        body = _form(boundary, self._fields(opening), _wav_head(len(pcm)) + pcm)
        url = self._url("audio/transcriptions")
        minutes = len(pcm) / 2 / MIC_RATE / 60
        spent = Spent(cost_usd=minutes * self.provider.price)
        with charged(observe, spent):
            response = await self._transport.send(self.name, "POST", url, headers, body)
        try:
            answer = await self._answer(response)
        finally:
            response.close()
        observe(spent)
        yield _hypothesis(self.name, answer, opening)

    def _fields(self, opening: Opening) -> dict[str, str]:
        fields = {"model": self.provider.model, "response_format": "json"}
        if language := language_asked(self.provider, opening):
            fields["language"] = language.partition("-")[0]
        if opening.prompt:
            fields["prompt"] = opening.prompt
        return fields

    async def _answer(self, response: HttpResponse) -> Any:
        body = await read_up_to(response, MAX_ANSWER_BYTES)
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        if response.status != 200:
            error = body[:MAX_ERROR_BYTES].decode(errors="replace")
            raise status_failure(self.name, response, error)
        return document


def _hypothesis(source: str, answer: Any, opening: Opening) -> Hypothesis:
    """Read ``{"text": ...}``; other members where they are there and make sense."""
    text = answer.get("text") if isinstance(answer, dict) else None
    if not isinstance(text, str):
        raise ProviderFailed(source, "sent no text")
    language = answer.get("language")
    heard = code(language) if isinstance(language, str) else ""
    logprob = mean_logprob(answer.get("logprobs"))
    return Hypothesis(text_of(text), final=True, language=heard, logprob=logprob)


def _wav_head(n_bytes: int) -> bytes:
    """The 44 bytes before mono 16-bit PCM at 16 kHz (RIFF, Microsoft 1991)."""
    rate = MIC_RATE
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", 36 + n_bytes, b"WAVE")
    return riff + fmt + struct.pack("<4sI", b"data", n_bytes)


def _form(boundary: str, fields: Mapping[str, str], wav: bytes) -> bytes:
    """Write a form of RFC 7578; names and values are ours, or hold no line ends."""
    parts = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{' '.join(value.split())}\r\n".encode()
        for name, value in fields.items()
    )
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
        'filename="audio.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    )
    return parts + head.encode() + wav + f"\r\n--{boundary}--\r\n".encode()
