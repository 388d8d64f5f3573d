"""Services that are sent a whole utterance by HTTP, once it is over.

How one is asked and what it answers, a ``FileDialect`` knows: ``openai_files``,
``azure``. Knows nothing of turns.
"""

from __future__ import annotations

import json
import os
import secrets
import struct
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from voiceserver.audio import MIC_RATE
from voiceserver.budget import Spent
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.costs import charged
from voiceserver.engines.providers.services.http import (
    HttpResponse,
    Transport,
    key_headers,
    read_up_to,
)
from voiceserver.engines.providers.services.service_errors import (
    MAX_ERROR_BYTES,
    status_failure,
)

MAX_ANSWER_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class FileRequest:
    """A request that holds an utterance; it is a POST."""

    url: str
    content_type: str
    body: bytes


class FileDialect(Protocol):
    """How a service is sent a whole utterance, and what it answers; does no I/O."""

    @property
    def key(self) -> tuple[str, str]:
        """The header that carries the key, and what stands before it there."""

    @property
    def warm_url(self) -> str:
        """Asked for something small, to open a connection."""

    @property
    def proves_key(self) -> bool:
        """Whether that answers 401 only to a key that is wrong."""

    def request(self, pcm: bytes, opening: Opening) -> FileRequest:
        """Ask for the words of an utterance, 16-bit little-endian, mono, 16 kHz.

        Raises:
            ProviderFailed: If it takes no such utterance.
        """

    def read(self, answer: Any) -> Hypothesis:
        """Read the JSON that it answers; None is what was none.

        Raises:
            ProviderFailed: If there are no words in it.
        """


class TranscriptionService:
    """A ``Service`` that recognises whole utterances.

    Args:
        provider: Whom to ask.
        transport: Sends the requests.
        dialect: How it is asked.
        environ: Where the key is read, once.

    Raises:
        ConfigError: If the key is missing or unusable; never quotes it.
    """

    def __init__(
        self,
        provider: RecogniserProvider,
        transport: Transport,
        dialect: FileDialect,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.provider = provider
        self._transport = transport
        self._dialect = dialect
        where = f"[[recogniser.provider]] {provider.name!r}"
        self._headers = key_headers(environ, provider.key_env, *dialect.key, where)

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    async def warm(self) -> None:
        """Open a connection, so that the next utterance need not wait for it.

        Raises:
            ProviderFailed: If there is none to be had, or the key is refused.
        """
        response = await self._transport.send(
            self.name, "GET", self._dialect.warm_url, self._headers
        )
        try:
            if response.status in (401, 403) and self._dialect.proves_key:
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
        """Give the words, once; see ``Service``."""
        asked = self._dialect.request(pcm, opening)
        headers = self._headers | {"Content-Type": asked.content_type}
        minutes = len(pcm) / 2 / MIC_RATE / 60
        spent = Spent(cost_usd=minutes * self.provider.price)
        with charged(observe, spent):
            response = await self._transport.send(
                self.name, "POST", asked.url, headers, asked.body
            )
        try:
            answer = await self._answer(response)
        finally:
            response.close()
        observe(spent)
        yield self._dialect.read(answer)

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


def wav(pcm: bytes) -> bytes:
    """Mono 16-bit PCM at 16 kHz as a file (RIFF, Microsoft 1991)."""
    rate = MIC_RATE
    fmt = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
    riff = struct.pack("<4sI4s", b"RIFF", 36 + len(pcm), b"WAVE")
    return riff + fmt + struct.pack("<4sI", b"data", len(pcm)) + pcm


def wav_form(
    url: str, fields: Mapping[str, str], file_field: str, pcm: bytes
) -> FileRequest:
    """Ask by a form of RFC 7578; names and values are ours, or hold no line ends."""
    boundary = secrets.token_hex(16)
    parts = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
        f"{' '.join(value.split())}\r\n".encode()
        for name, value in fields.items()
    )
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{file_field}"; '
        'filename="audio.wav"\r\nContent-Type: audio/wav\r\n\r\n'
    )
    body = parts + head.encode() + wav(pcm) + f"\r\n--{boundary}--\r\n".encode()
    return FileRequest(url, f"multipart/form-data; boundary={boundary}", body)
