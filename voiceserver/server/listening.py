"""Carriers with sockets of their own: bound first, then run beside the HTTP socket.

Each is started again when it fails, ever more slowly; its calls are the exchange's and
live on. Knows nothing of what the carriers speak.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator, Sequence

from voiceserver.carriers.base import Exchange, Listener
from voiceserver.metrics import Metrics
from voiceserver.processes.restarts import keep_running

log = logging.getLogger(__name__)


@contextlib.contextmanager
def bound(listeners: Sequence[Listener]) -> Iterator[Sequence[Listener]]:
    """Hold the addresses of all of them inside.

    Raises:
        VoiceServerError: If one is in use; none is held then.
    """
    try:
        for listener in listeners:
            listener.bind()
        yield listeners
    finally:
        for listener in listeners:
            listener.close()


async def listen(
    listeners: Sequence[Listener], exchange: Exchange, metrics: Metrics
) -> None:
    """Let all of them take calls until cancelled; never raises for what one does."""
    async with asyncio.TaskGroup() as group:
        for listener in listeners:
            group.create_task(_keep_running(listener, exchange, metrics))


async def _keep_running(
    listener: Listener, exchange: Exchange, metrics: Metrics
) -> None:
    async def start() -> Listener:
        return listener  # its address is bound already

    async def live(listener: Listener) -> None:
        try:
            await listener.run(exchange)
        except Exception as error:  # whatever a carrier does
            metrics.faults.labels("listener", type(error).__name__).inc()
            log.exception("a carrier failed", extra={"carrier": listener.name})
        else:
            log.warning("a carrier ended", extra={"carrier": listener.name})

    await keep_running(start, live, failed=lambda _error: None, attempts=1)
