"""``voiceserver serve``."""

from __future__ import annotations

import asyncio
import dataclasses
import socket

from voiceserver.cli.arguments import EXIT_GOOD
from voiceserver.cli.loop import log_to_stderr, open_engines, progress, run
from voiceserver.config import Config
from voiceserver.server import serve as server
from voiceserver.server.connections import bound_socket
from voiceserver.server.security import access_rules
from voiceserver.server.wiring import webrtc_calls


def serve(config: Config, host: str | None = None, port: int | None = None) -> int:
    """Run the server until it is told to stop.

    Args:
        config: All settings.
        host: In place of the configured one.
        port: In place of the configured one.

    Raises:
        ConfigError: If the address is public and there is no key.
        VoiceServerError: If the address cannot be bound or an engine not opened.
    """
    place = config.server
    if host is not None:
        place = dataclasses.replace(place, host=host)
    if port is not None:
        place = dataclasses.replace(place, port=port)
    config = dataclasses.replace(config, server=place)
    access_rules(place)  # before anything is bound
    log_to_stderr(config, quiet=False)
    with bound_socket(place.host, place.port) as listening:
        run(_serve(config, listening))
    return EXIT_GOOD


async def _serve(config: Config, listening: socket.socket) -> None:
    stop, drain = asyncio.Event(), asyncio.Event()
    parts = server.ServerParts(open_engines, webrtc_calls, progress)
    with server.stopped_by_signals(stop, drain):
        await server.serve(config, listening, parts, stop, _ready, drain)


def _ready(address: str) -> None:
    print(f"voiceserver listens at {address}", flush=True)
