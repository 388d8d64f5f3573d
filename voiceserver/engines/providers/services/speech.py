"""Speech from services by URL: OpenAI-compatible ones, and Azure Speech over REST.

Both are asked for raw 24 kHz mono PCM and streamed as it comes. MAI-Voice runs behind
Azure Speech's ordinary SSML, where only the voice's name differs. It is asked by REST,
as its second version fails intermittently over the Speech SDK's WebSocket.
"""

from __future__ import annotations

import json
import os
from collections.abc import AsyncGenerator, Mapping
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from voiceserver.audio import Samples
from voiceserver.budget import Spent
from voiceserver.config import SpeechProvider
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.providers.costs import charged
from voiceserver.engines.providers.services.http import (
    HttpResponse,
    Transport,
    key_headers,
    read_up_to,
)
from voiceserver.engines.providers.services.service_errors import (
    MAX_ERROR_BYTES,
    error_in,
    status_failure,
)
from voiceserver.errors import ProviderFailed

MAX_AUDIO_BYTES = 120 * 48_000  # two minutes: no phrase is that long
# What other formats begin with, and what an error or a page begins with.
# Long enough that a first sample is hardly ever mistaken for one.
_NOT_PCM = (
    *(b"RIFF", b"ID3", b"OggS", b"fLaC", b"\xff\xfb", b"\xff\xf3"),
    *(b'{"', b"<htm", b"<!DO", b"<?xm"),
)
_NOT_AUDIO = ("text/", "application/json", "application/xml", "multipart/")
_OTHER_AUDIO = ("audio/mpeg", "audio/ogg", "audio/opus", "audio/aac", "audio/flac")


class SpeechService:
    """Speaks by one provider; a ``Synthesizer``.

    Args:
        provider: Whom to ask.
        transport: Sends the requests.
        environ: Where the key is read, once.

    Raises:
        ConfigError: If the key is missing or unusable; never quotes it.
    """

    def __init__(
        self,
        provider: SpeechProvider,
        transport: Transport,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self.provider = provider
        self._transport = transport
        self._azure = provider.dialect == "azure"
        self._headers = key_headers(
            environ,
            provider.key_env,
            "Ocp-Apim-Subscription-Key" if self._azure else "Authorization",
            "" if self._azure else "Bearer ",
            f"[[speech.provider]] {provider.name!r}",
        )

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    @property
    def voices(self) -> tuple[str, ...]:
        """The one voice of the configuration."""
        return (self.provider.voice,)

    def _url(self, path: str) -> str:
        return f"{self.provider.base_url.rstrip('/')}/{path}"

    async def warm(self) -> None:
        """Open a connection, so that the next phrase need not wait for it.

        Raises:
            ProviderFailed: If there is none to be had, or the key is refused.
        """
        path = "cognitiveservices/voices/list" if self._azure else "models"
        response = await self._transport.send(
            self.name, "GET", self._url(path), self._headers
        )
        try:
            if response.status in (401, 403):
                raise status_failure(self.name, response, "")
            # Azure's list has megabytes; the rest of it is not waited for.
            await read_up_to(response, MAX_ERROR_BYTES)
        finally:
            response.close()

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the phrase's audio; what it costs is noted once it is accepted.

        Or given up before it could be.

        Raises:
            ProviderFailed: If the service fails, before or between chunks.
        """
        if not any(map(str.isalnum, request.text)):
            return
        url, headers, body = self._request(request)
        spent = Spent(cost_usd=len(request.text) * self.provider.price / 1e6)
        with charged(request.observe, spent):
            response = await self._transport.send(self.name, "POST", url, headers, body)
        try:
            await self._check(response)
            request.observe(spent)
            n_bytes, odd = 0, b""
            while data := await response.read():
                if not n_bytes and data.startswith(_NOT_PCM):
                    raise ProviderFailed(self.name, "sent what is not 24 kHz PCM")
                n_bytes += len(data)
                if n_bytes > MAX_AUDIO_BYTES:
                    raise ProviderFailed(self.name, "sent far too much audio")
                data = odd + data
                whole = len(data) // 2 * 2
                odd = data[whole:]
                if whole:
                    yield SpeechChunk(_samples(data[:whole]))
            if n_bytes < 2:
                # It may not know the letters of this phrase.
                raise ProviderFailed(self.name, "sent no audio", "refused")
        finally:
            response.close()

    def _request(self, request: SpeechRequest) -> tuple[str, dict[str, str], bytes]:
        provider = self.provider
        if self._azure:
            headers = self._headers | {
                "Content-Type": "application/ssml+xml",
                "X-Microsoft-OutputFormat": "raw-24khz-16bit-mono-pcm",
            }
            body = ssml(request, provider.voice, provider.style)
            return self._url("cognitiveservices/v1"), headers, body.encode()
        headers = self._headers | {"Content-Type": "application/json"}
        wanted = {
            "model": provider.model,
            "voice": provider.voice,
            "input": request.text,
            "speed": request.speed,
            "response_format": "pcm",
        }
        return self._url("audio/speech"), headers, json.dumps(wanted).encode()

    async def _check(self, response: HttpResponse) -> None:
        if response.status != 200:
            raise status_failure(self.name, response, await error_in(response))
        kind = response.content_type
        if kind.startswith(_NOT_AUDIO) or kind in _OTHER_AUDIO:
            raise ProviderFailed(self.name, f"answered with {kind}, not with PCM")


def ssml(request: SpeechRequest, voice: str, style: str) -> str:
    """Write a phrase as SSML for Azure Speech.

    Args:
        request: The phrase.
        voice: Azure's name, e.g. ``"en-US-June:MAI-Voice-1"``.
        style: A speaking style, or ``""``.
    """
    text = escape(request.text)
    if request.speed != 1:
        text = f"<prosody rate='{(request.speed - 1) * 100:+.0f}%'>{text}</prosody>"
    style = request.style or style
    if style:
        inner = f"style={quoteattr(style)}>{text}</mstts:express-as>"
        text = f"<mstts:express-as {inner}"
    locale = "-".join(voice.split("-")[:2])
    return (
        "<speak version='1.0' xmlns='http://www.w3.org/2001/10/synthesis' "
        f"xmlns:mstts='https://www.w3.org/2001/mstts' xml:lang={quoteattr(locale)}>"
        f"<voice name={quoteattr(voice)}>{text}</voice></speak>"
    )


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32768)
