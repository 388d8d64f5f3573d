"""``voiceserver serve``."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import socket
from functools import partial
from typing import TYPE_CHECKING

from voiceserver.cli.arguments import EXIT_GOOD
from voiceserver.cli.loop import log_to_stderr, open_engines, progress, run
from voiceserver.cli.serving.worker import worker_spec
from voiceserver.config import Config
from voiceserver.server import serve as server
from voiceserver.server.access.security import access_rules
from voiceserver.server.connections import bound_socket
from voiceserver.server.front.serve import FrontParts, serve_front
from voiceserver.server.shares import worker_count

if TYPE_CHECKING:
    from voiceserver.server.front.hosts import Membership


def serve(
    config: Config,
    host: str | None = None,
    port: int | None = None,
    workers: int | None = None,
) -> int:
    """Run the server until it is told to stop.

    Args:
        config: All settings.
        host: In place of the configured one.
        port: In place of the configured one.
        workers: In place of the configured number.

    Raises:
        ConfigError: If the address is public and there is no key, or the workers have
            too few UDP ports.
        VoiceServerError: If the address cannot be bound or an engine not opened.
    """
    place = config.server
    if host is not None:
        place = dataclasses.replace(place, host=host)
    if port is not None:
        place = dataclasses.replace(place, port=port)
    if workers is not None:
        place = dataclasses.replace(place, workers=workers)
    config = dataclasses.replace(config, server=place)
    access_rules(place)  # before anything is bound
    log_to_stderr(config, quiet=False)
    number = worker_count(config, _cores())
    with bound_socket(place.host, place.port) as listening:
        me = _membership(config, listening)
        run(_serve(config, listening, number, me))
    return EXIT_GOOD


def _membership(config: Config, listening: socket.socket) -> Membership | None:
    """What makes this server one host of several, if it is to be one."""
    if not config.cluster.calls.host:
        return None
    from voiceserver.cli.serving.host import membership

    return membership(config, listening.getsockname()[1])


async def _serve(
    config: Config, listening: socket.socket, workers: int, me: Membership | None
) -> None:
    stop, drain = asyncio.Event(), asyncio.Event()
    with server.stopped_by_signals(stop, drain):
        if workers == 1 and me is None:
            parts = server.ServerParts(open_engines, progress)
            await server.serve(config, listening, parts, stop, _ready, drain)
        else:
            spec_of = partial(worker_spec, config)
            front = FrontParts(workers, spec_of, progress, membership=me)
            await serve_front(config, listening, front, stop, _ready, drain)


def _cores() -> int:
    """How many this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _ready(address: str) -> None:
    print(f"voiceserver listens at {address}", flush=True)
