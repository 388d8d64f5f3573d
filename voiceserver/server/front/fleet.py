"""Keeps the processes of workers running: started, started again, ended in order.

A worker that dies takes its calls along and nothing else; it is started again for ever,
ever more slowly; one that no longer answers is ended first. The first start alone may
fail for good, and then says why. Knows processes; what a worker does is its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from voiceserver.metrics import Metrics
from voiceserver.processes.ipc import Kind, Message
from voiceserver.processes.process import (
    ChildSpec,
    Process,
    StartFailed,
    start_process,
)
from voiceserver.processes.restarts import keep_running
from voiceserver.server.front.common import News
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

PING_S = 2.0
MISSED = 4  # in a row, and it hangs


class WorkerProcess:
    """One worker's process.

    Args:
        spec: What to run.
        joined: Called when it is ready; it takes calls once that returns.
        answers: Asks it something; whether it answered in time.
        parted: Called when it is gone.
        metrics: Where restarts are counted.
        heard: Takes its news; see ``common``.
    """

    def __init__(
        self,
        spec: ChildSpec,
        joined: Callable[[], Awaitable[None]],
        answers: Callable[[], Awaitable[bool]],
        parted: Callable[[], None],
        metrics: Metrics,
        heard: Callable[[News], None] = lambda _news: None,
    ) -> None:
        self._spec = spec
        self._joined = joined
        self._answers = answers
        self._parted = parted
        self._metrics = metrics
        self._heard = heard
        self._process: Process | None = None
        self._draining = False

    async def run(self) -> None:
        """Keep it running until cancelled, or to its end once it drains.

        Raises:
            StartFailed: If it cannot be started the first time.
        """
        await keep_running(
            lambda: start_process(self._spec, self._receive),
            self._live,
            self._not_started,
            self._spec.attempts,
            wanted=lambda: not self._draining,
        )

    def _not_started(self, error: StartFailed) -> None:
        log.warning("a worker did not start", extra={"why": str(error)})

    async def _live(self, process: Process) -> None:
        why = await self._watch(process)
        if self._draining:
            return
        self._metrics.restarts.labels("worker").inc()
        log.error(
            "a worker died; its calls are lost",
            extra={"worker": self._spec.name, "why": why},
        )

    def drain(self) -> None:
        """Let it take no more calls, and end when those it has are over."""
        self._draining = True
        if self._process is not None:
            self._process.send(Message(Kind.FINISH))

    def tell(self, news: News) -> None:
        """Tell it news; nobody, while it does not run."""
        if self._process is not None:
            self._process.send(Message(Kind.NEWS, meta=news))

    def _receive(self, message: Message) -> None:
        if message.kind is Kind.NEWS:
            self._heard(message.meta)

    async def _watch(self, process: Process) -> str:
        """Wait for its end, and return why; cancelled, end it in order."""
        self._process = process
        try:
            await self._joined()
            if self._draining:
                process.send(Message(Kind.FINISH))
            why = await self._until_end(process)
            process.discard()
        except BaseException:
            await process.stop()
            raise
        finally:
            self._process = None
            self._parted()
        return why

    async def _until_end(self, process: Process) -> str:
        """Wait for its end; one that hangs is brought to it."""
        why = await first_of(process.wait_end(), self._hangs())
        if why is None:
            log.error("a worker hangs", extra={"worker": self._spec.name})
            process.kill()
            why = await process.wait_end()
        return why

    async def _hangs(self) -> None:
        """Return once it has not answered for too often."""
        missed = 0
        while missed < MISSED:
            await asyncio.sleep(PING_S)
            missed = 0 if await self._answers() else missed + 1
