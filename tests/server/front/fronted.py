"""A front and its workers in one process, with fake engines and fake calls."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp

from tests.server.running import FakeCall, Running, engines_over
from voiceserver.carriers.base import Incoming
from voiceserver.config import Config
from voiceserver.dialects.table import DIALECTS, Dialects
from voiceserver.engines.opened import Engines, Provider
from voiceserver.metrics import Metrics
from voiceserver.server.access.security import access_rules
from voiceserver.server.app import bare_application
from voiceserver.server.connections import (
    Connections,
    address_of,
    bound_path,
    bound_socket,
    tls_context,
)
from voiceserver.server.front.hosts import Membership
from voiceserver.server.front.placing import placing, share_of
from voiceserver.server.front.routes import FrontState, add_routes, join, part
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.page import page_files
from voiceserver.server.serve import ServerParts, listening_at, serve
from voiceserver.server.shares import Share, worker_config

SECRET = "of the front"


@dataclass
class Fronted(Running):
    """A front that runs; ``placed`` has the calls of all workers.

    Attributes:
        front: Its state.
        calls_of: The calls of each worker, by its number.
        providers_of: The providers of each worker, by its number.
        stops: Set to end a worker, by its number.
    """

    front: FrontState = field(default=None)  # type: ignore[assignment]
    calls_of: dict[int, list[FakeCall]] = field(default_factory=dict)
    providers_of: dict[int, tuple[Provider, ...]] = field(default_factory=dict)
    stops: dict[int, asyncio.Event] = field(default_factory=dict)

    def worker(self, number: int) -> Worker:
        """One of its workers."""
        return next(one for one in self.front.workers if one.number == number)

    def lose(self, number: int) -> None:
        """As when a worker's process has died."""
        part(self.front, self.worker(number))
        self.stops[number].set()


@contextlib.asynccontextmanager
async def fronted(
    n_workers: int = 2,
    config: Config | None = None,
    dialects: Dialects = DIALECTS,
    engines: Engines | None = None,
    join_as: Callable[[str], Membership] | None = None,
    **server: Any,
) -> AsyncGenerator[Fronted, None]:
    """Run a front with its workers inside; ``server`` are settings of ``[server]``.

    ``join_as`` makes it one host of several, at its address.
    """
    config = config or Config()
    config = replace(config, server=replace(config.server, **server))
    async with contextlib.AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        listening = bound_socket("127.0.0.1", 0)
        stack.callback(listening.close)
        url = address_of(listening, bool(config.server.tls_cert))
        client = await stack.enter_async_context(aiohttp.ClientSession(base_url=url))
        workers = Workers(
            tuple(
                [
                    await stack.enter_async_context(
                        Worker(number, str(folder / f"{number}.sock"), SECRET)
                    )
                    for number in range(1, n_workers + 1)
                ]
            )
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        metrics = Metrics()
        rules = access_rules(config.server)
        me = None if join_as is None else join_as(url)
        host = await stack.enter_async_context(
            placing(config.server, metrics, me, workers)
        )
        front = FrontState(
            metrics,
            rules,
            host.room,
            workers,
            group,
            host.tokens,
            host.overload,
            hosts=host.spread,
        )
        it = Fronted(url, client, metrics=metrics, front=front)
        for worker in workers:
            share = share_of(worker, n_workers, SECRET, rules.names, me)
            ready = asyncio.Event()
            group.create_task(
                _work(it, config, worker, share, ready, dialects, engines)
            )
            await ready.wait()
            await join(front, worker, _nobody)
        connections = Connections(metrics)
        app = bare_application(
            rules, front.tokens, metrics, page_files(), connections.asking
        )
        add_routes(app, front)
        if front.hosts is not None:
            front.hosts.add_to(app)
        tls = tls_context(config.server)
        async with listening_at(app, connections, listening, tls):
            try:
                yield it
            finally:
                for stop in it.stops.values():
                    stop.set()


def _nobody(_news: dict[str, object]) -> None:
    """These workers' engines are fakes, which know nothing in common."""


async def _work(
    it: Fronted,
    config: Config,
    worker: Worker,
    share: Share,
    ready: asyncio.Event,
    dialects: Dialects,
    given: Engines | None,
) -> None:
    number = worker.number
    it.calls_of[number], it.stops[number] = [], asyncio.Event()

    @contextlib.asynccontextmanager
    async def open_engines(
        config: Config, metrics: Metrics
    ) -> AsyncGenerator[Engines, None]:
        engines = given or engines_over("house")
        it.providers_of[number] = engines.providers
        yield engines

    def placed(incoming: Incoming) -> FakeCall:
        call = FakeCall(incoming)
        it.calls_of[number].append(call)
        it.placed.append(call)
        return call

    parts = ServerParts(
        open_engines,
        share=share,
        webrtc=placed,
        dialects=dialects,
        loaded=contextlib.nullcontext,
    )
    listening = bound_path(worker.path)
    with listening:
        await serve(
            worker_config(config, share),
            listening,
            parts,
            it.stops[number],
            lambda _address: ready.set(),
        )
