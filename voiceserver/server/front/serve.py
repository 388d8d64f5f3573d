"""Starts a server of several processes: the front here, and the workers it keeps.

What ``serve`` is for a server that is one process. It listens before a worker is ready,
so that the page is there and ``/readyz`` can say 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import secrets
import socket
import tempfile
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from voiceserver.config import Config
from voiceserver.metrics import Metrics
from voiceserver.processes.process import ChildSpec
from voiceserver.server.access.security import access_rules
from voiceserver.server.app import bare_application
from voiceserver.server.connections import (
    HEAD_LIMIT_S,
    Connections,
    address_of,
    tls_context,
)
from voiceserver.server.front.fleet import WorkerProcess
from voiceserver.server.front.placing import placing, share_of
from voiceserver.server.front.routes import FrontState, add_routes, answers, join, part
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.observability.faults import FaultLog
from voiceserver.server.observability.lag import watch_lag
from voiceserver.server.page import page_files
from voiceserver.server.serve import GOODBYE, Ends, listening_at
from voiceserver.server.shares import Share
from voiceserver.streams import first_of

if TYPE_CHECKING:  # where there is one host, nothing of several is loaded
    from voiceserver.server.front.hosts import Membership
    from voiceserver.server.front.spread import Spread

log = logging.getLogger(__name__)

# What a worker may take over drain_s: to tell its calls, and to end its engines.
END_LIMIT_S = 8.0
MAX_FILES = 8192

SpecOf = Callable[[Share, str], ChildSpec]


@dataclass(frozen=True, slots=True)
class FrontParts:
    """What a front is made of; tests give their own.

    Attributes:
        workers: How many.
        spec_of: What to run as a worker, given its share and its Unix socket.
        say: Takes lines of progress for the operator.
        head_limit_s: For a connection's first request.
        membership: What makes this server one host of several; None if it is alone.
    """

    workers: int
    spec_of: SpecOf
    say: Callable[[str], None] = field(default=lambda line: None)
    head_limit_s: float = HEAD_LIMIT_S
    membership: Membership | None = None


async def serve_front(
    config: Config,
    listening: socket.socket,
    parts: FrontParts,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    drain: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set; then end the workers.

    Args:
        config: All settings, of the whole server.
        listening: A bound socket; closed at the end.
        parts: What the server is made of.
        stop: Ends it.
        ready: Called with the address once every worker takes calls.
        drain: Ends it politely: no new calls; those in progress may finish, within
            ``server.drain_s``.

    Raises:
        ConfigError: If the certificate cannot be used.
        VoiceServerError: If a worker cannot be started.
    """
    _allow_files()
    metrics = Metrics()
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(FaultLog(metrics))
    try:
        ends = Ends(stop, drain or asyncio.Event())
        async with _workers(parts.workers) as (workers, secret):
            front = _Front(config, parts, ends, metrics, workers, secret)
            await front.serve(listening, ready)
    finally:
        loop.set_exception_handler(before)


def _allow_files() -> None:
    """Let this process open two files for each relayed socket, if it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_FILES if hard == resource.RLIM_INFINITY else min(MAX_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.asynccontextmanager
async def _workers(number: int) -> AsyncGenerator[tuple[Workers, str], None]:
    """Who there will be, and where: in a folder that only this user can open."""
    secret = secrets.token_hex(16)
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="voiceserver-"))
        made = [
            Worker(which, str(Path(folder) / f"{which}.sock"), secret)
            for which in range(1, number + 1)
        ]
        for worker in made:
            await stack.enter_async_context(worker)
        yield Workers(tuple(made)), secret


class _Front:
    """A front, for as long as it serves."""

    def __init__(
        self,
        config: Config,
        parts: FrontParts,
        ends: Ends,
        metrics: Metrics,
        workers: Workers,
        secret: str,
    ) -> None:
        self._config = config
        self._parts = parts
        self._ends = ends
        self._metrics = metrics
        self._workers = workers
        self._secret = secret

    async def serve(
        self, listening: socket.socket, ready: Callable[[str], None]
    ) -> None:
        limits, metrics = self._config.server, self._metrics
        rules = access_rules(limits)
        if rules.short_key:
            log.warning("the API key is short; anybody may guess it in time")
        tls = tls_context(limits)
        connections = Connections(metrics, self._parts.head_limit_s)
        me = self._parts.membership
        async with (
            asyncio.TaskGroup() as group,
            placing(limits, metrics, me, self._workers) as places,
        ):
            front = FrontState(
                metrics,
                rules,
                places.room,
                self._workers,
                group,
                places.tokens,
                places.overload,
                hosts=places.spread,
            )
            metrics.cost_today_usd.set_function(lambda: front.common.departed_usd)
            app = bare_application(
                rules, front.tokens, metrics, page_files(), connections.asking
            )
            add_routes(app, front)
            if front.hosts is not None:
                front.hosts.add_to(app)
            async with listening_at(app, connections, listening, tls):
                watching = group.create_task(
                    watch_lag(
                        metrics.loop_lag_seconds,
                        lambda lag_ms, *_: front.overload.tick(lag_ms),
                    )
                )
                address = address_of(listening, tls is not None)
                try:
                    await self._hold(front, lambda: ready(address))
                finally:
                    watching.cancel()

    async def _hold(self, front: FrontState, ready: Callable[[], None]) -> None:
        """Keep the workers running, wait for the end, and end them."""
        began, say = time.perf_counter(), self._parts.say
        say(f"voiceserver starts {self._parts.workers} workers ...")
        async with asyncio.TaskGroup() as group:
            processes = [self._process(front, worker) for worker in self._workers]
            running = [group.create_task(process.run()) for process in processes]
            telling = group.create_task(self._tell(began, ready))
            await self._ends.either()
            telling.cancel()
            front.room.close(GOODBYE)
            if not self._ends.stop.is_set():
                await self._drained(front, processes, running)
            say("voiceserver ends ...")
            for task in running:
                task.cancel()

    def _process(self, front: FrontState, worker: Worker) -> WorkerProcess:
        parts, keys = self._parts, front.rules.names
        share = share_of(worker, parts.workers, self._secret, keys, parts.membership)
        process = WorkerProcess(
            self._parts.spec_of(share, worker.path),
            lambda: join(front, worker, process.tell),
            lambda: answers(worker),
            lambda: part(front, worker),
            self._metrics,
            lambda news: front.heard(worker.number, news),
        )
        return process

    async def _tell(self, began: float, ready: Callable[[], None]) -> None:
        """Say when all have come up for the first time."""
        for worker in self._workers:
            await worker.came_up.wait()
            took_s = time.perf_counter() - began
            self._parts.say(f"worker {worker.number} ready after {took_s:.1f} s")
        ready()

    async def _drained(
        self,
        front: FrontState,
        processes: list[WorkerProcess],
        running: list[asyncio.Task[None]],
    ) -> None:
        """Wait for the workers to end with their calls; not after ``stop``."""
        limit_s = self._config.server.drain_s
        if len(front.room) + front.room.elsewhere and limit_s:
            self._parts.say(f"voiceserver waits up to {limit_s} s for its calls ...")
        for process in processes:
            process.drain()
        await first_of(
            self._ends.stop.wait(),
            _all(running, front.hosts),
            limit_s=limit_s + END_LIMIT_S,
        )


async def _all(tasks: list[asyncio.Task[None]], spread: Spread | None) -> None:
    await asyncio.wait(tasks)
    if spread is not None:
        await spread.idle()  # calls at other hosts whose sockets are here
