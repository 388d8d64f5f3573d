"""The table of transcription services: how each dialect of them is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import assert_never

from voiceserver.config import Config, RecogniserProvider
from voiceserver.engines.hearing import azure, deepgram, openai_realtime
from voiceserver.engines.hearing.live import LiveService
from voiceserver.engines.hearing.openai_files import OpenAiFiles
from voiceserver.engines.hearing.service import TranscriptionService
from voiceserver.engines.hearing.services import Service
from voiceserver.engines.providers.services.http import Transport, key_headers
from voiceserver.engines.providers.services.sockets import SocketTransport


def service_of(
    provider: RecogniserProvider,
    transport: Transport,
    sockets: SocketTransport,
    environ: Mapping[str, str] = os.environ,
) -> Service:
    """Open the service of a ``[[recogniser.provider]]`` table.

    Args:
        provider: Which.
        transport: Sends requests.
        sockets: Opens WebSockets.
        environ: Where the key is read, once.

    Raises:
        ConfigError: If the key is missing or unusable; never quotes it.
    """
    match provider.dialect:
        case "openai":
            files = OpenAiFiles(provider)
            return TranscriptionService(provider, transport, files, environ)
        case "azure":
            speech = azure.dialect(provider)
            return TranscriptionService(provider, transport, speech, environ)
        case "openai_realtime":
            headers = _keyed(provider, environ, "Bearer ")
            return LiveService(provider, sockets, openai_realtime.wire, headers)
        case "deepgram":
            headers = _keyed(provider, environ, "Token ")
            return LiveService(provider, sockets, deepgram.wire, headers)
        case _:
            assert_never(provider.dialect)


def tells_ends(config: Config) -> bool:
    """Whether one of the services tells how likely it is that a turn has ended."""
    return any(map(deepgram.is_flux, config.recogniser.provider))


def _keyed(
    provider: RecogniserProvider, environ: Mapping[str, str], prefix: str
) -> dict[str, str]:
    where = f"[[recogniser.provider]] {provider.name!r}"
    headers = key_headers(environ, provider.key_env, "Authorization", prefix, where)
    del headers["Accept-Encoding"]  # a WebSocket has none
    return headers
