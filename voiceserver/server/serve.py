"""Starts the server, holds its calls, and ends it in order.

The one place where things live and die: the listening socket, the engines, the
TaskGroup of all calls, the signals. It listens before the engines are warm, so that
a port in use is known at once and ``/readyz`` can say 503.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import socket
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from voiceserver.carriers.base import Dialler, Listener, MakeCall
from voiceserver.carriers.table import listeners
from voiceserver.carriers.webrtc.call import WebRtcCall
from voiceserver.config import Config
from voiceserver.dialects.table import DIALECTS, Dialects
from voiceserver.engines.opened import Engines
from voiceserver.engines.watch.followed import Followed
from voiceserver.metrics import Metrics
from voiceserver.recording.recorder import Recorder
from voiceserver.server.access.security import access_rules, worker_rules
from voiceserver.server.access.tokens import Tokens
from voiceserver.server.admission import CallRegistry
from voiceserver.server.app import application
from voiceserver.server.connections import (
    END_LIMIT_S,
    HEAD_LIMIT,
    HEAD_LIMIT_S,
    KEEP_ALIVE_S,
    LINGER_S,
    MAX_CONNECTIONS,
    MAX_PER_ADDRESS,
    Connections,
    address_of,
    tls_context,
)
from voiceserver.server.engine_room import EngineRoom
from voiceserver.server.exchange import Exchange, OwnDoor
from voiceserver.server.listening import bound, listen
from voiceserver.server.observability.faults import FaultLog
from voiceserver.server.observability.lag import FrameLateness, watch_lag
from voiceserver.server.observability.log import Problems
from voiceserver.server.observability.tracing import traced
from voiceserver.server.page import page_files
from voiceserver.server.pending_calls import PendingCalls
from voiceserver.server.places import OwnCalls
from voiceserver.server.shares import Share
from voiceserver.server.state import AudioJobs, ServerState
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

GOODBYE = "The server is shutting down."
MAX_JOBS = 8  # audio requests at a time; each may hold 25 MB
CALLS_LIMIT_S = 3.0  # for calls to end when the server does

OpenEngines = Callable[[Config, Metrics], AbstractAsyncContextManager[Engines]]


@contextlib.contextmanager
def left_alone() -> Iterator[None]:
    """Keep what the process has loaded out of collections of garbage, inside.

    A full collection costs 98 ms with torch loaded, 0.01 ms after this.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@dataclass(frozen=True, slots=True)
class ServerParts:
    """What a server is made of; tests give their own.

    Attributes:
        open_engines: Opens and warms the engines.
        say: Takes lines of progress for the operator.
        head_limit_s: For a connection's first request.
        share: Which worker of a server it is; None if it is the whole server.
        webrtc: Makes a call over WebRTC.
        dialects: That clients may speak.
        listeners: Carriers with sockets of their own, by the settings.
        loaded: Entered once all is loaded, and left at the end.
    """

    open_engines: OpenEngines
    say: Callable[[str], None] = field(default=lambda line: None)
    head_limit_s: float = HEAD_LIMIT_S
    share: Share | None = None
    webrtc: MakeCall = WebRtcCall
    dialects: Dialects = field(default_factory=lambda: DIALECTS)
    listeners: Callable[[Config], Sequence[Listener]] = listeners
    own: OwnCalls = field(default_factory=OwnCalls)
    loaded: Callable[[], AbstractContextManager[None]] = left_alone

    @property
    def number(self) -> int | None:
        """Of the worker."""
        return None if self.share is None else self.share.number

    @property
    def mark(self) -> str | None:
        """Of the worker; it is in the ids of its calls."""
        return None if self.share is None else self.share.mark

    @property
    def workers(self) -> int:
        """How many processes what is bounded in all is divided among."""
        return 1 if self.share is None else self.share.workers


async def serve(
    config: Config,
    listening: socket.socket,
    parts: ServerParts,
    stop: asyncio.Event,
    ready: Callable[[str], None],
    drain: asyncio.Event | None = None,
) -> None:
    """Serve until ``stop`` is set; then tell the calls and end.

    Args:
        config: All settings.
        listening: A bound socket; closed at the end.
        parts: What the server is made of.
        stop: Ends it.
        ready: Called with the address once calls are taken.
        drain: Ends it politely: no new calls; those in progress may finish, within
            ``server.drain_s``.

    Raises:
        ConfigError: If the certificate cannot be used, or an address is in use.
        VoiceServerError: If the engines cannot be opened.
    """
    metrics = Metrics()
    metrics.registry.register(FrameLateness())
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(FaultLog(metrics))
    ends = Ends(stop, drain or asyncio.Event())
    try:
        # Of several workers one has them: an address can be taken once.
        mine = parts.listeners(config) if parts.number in (None, 1) else ()
        with bound(mine), Problems() as problems:
            await _serve(config, listening, parts, ends, ready, metrics, mine, problems)
    finally:
        loop.set_exception_handler(before)


@dataclass(frozen=True, slots=True)
class Ends:
    """What ends the server: at once, or when its calls have ended."""

    stop: asyncio.Event
    drain: asyncio.Event

    async def either(self) -> None:
        """Wait for one of them."""
        await first_of(self.stop.wait(), self.drain.wait())

    async def drained(self, calls: CallRegistry, limit_s: float) -> None:
        """Wait for the calls to end, but not after ``stop``, nor beyond the limit."""
        await first_of(self.stop.wait(), calls.emptied(), limit_s=limit_s)


async def _serve(
    config: Config,
    listening: socket.socket,
    parts: ServerParts,
    ends: Ends,
    ready: Callable[[str], None],
    metrics: Metrics,
    mine: Sequence[Listener],
    problems: Problems,
) -> None:
    if parts.share is None:
        rules = access_rules(config.server)
    else:
        rules = worker_rules(config.server, parts.share.keys)
    if rules.short_key:
        log.warning("the API key is short; anybody may guess it in time")
    pending = PendingCalls(config.sip.webhook)
    recorder = Recorder(config.record)
    recorder.prepare()  # a folder that cannot be used is told before anything is loaded
    # A worker's connections are counted where they come from, at the front.
    limit = MAX_CONNECTIONS if parts.share is None else sys.maxsize
    connections = Connections(metrics, parts.head_limit_s, limit, MAX_PER_ADDRESS)
    tls = tls_context(config.server)
    async with asyncio.TaskGroup() as group:
        limits = config.server
        calls = CallRegistry(
            group,
            limits.max_calls,
            limits.max_call_s,
            metrics,
            limits.max_calls_per_address,
            parts.mark,
            limits.max_calls_per_key,
        )
        # One is left to the calls, where there is more than one.
        n_recognisers = max(1, config.recogniser.processes - 1)
        state = ServerState(
            config,
            metrics,
            rules,
            Exchange(
                config,
                metrics,
                calls,
                EngineRoom(
                    calls.settled, lambda why: metrics.calls_refused.labels(why).inc()
                ),
                parts.dialects,
                pending=pending,
                recorder=recorder,
            ),
            parts.webrtc,
            tokens=_tokens(parts.share),
            jobs=AudioJobs(max(1, min(limits.max_calls, MAX_JOBS) // parts.workers)),
            recordings=asyncio.Semaphore(n_recognisers + 1),
            recognisers=asyncio.Semaphore(n_recognisers),
            problems=problems,
            dialler=next((one for one in mine if isinstance(one, Dialler)), None),
            shadow=Followed(Path(config.shadow.file)),
        )
        app = application(state, page_files(), connections.asking, parts.share)
        async with listening_at(app, connections, listening, tls):
            address = address_of(listening, tls is not None)
            holding = group.create_task(
                _hold(state, parts, ends, lambda: ready(address))
            )
            late = state.engines.late
            beside = (
                group.create_task(_give_up_loading(state, ends, holding)),
                group.create_task(watch_lag(metrics.loop_lag_seconds, late)),
                group.create_task(
                    listen(mine, OwnDoor(state.exchange, parts.own), metrics)
                ),
                group.create_task(state.decoder.run()),
                group.create_task(state.exchange.pending.run()),
            )
            await asyncio.wait({holding})
            for task in beside:
                task.cancel()


def _tokens(share: Share | None) -> Tokens:
    """Make what makes tokens, which may have to be good elsewhere as well."""
    if share is None or not share.token_keys:
        return Tokens()
    from voiceserver.server.access.signed_tokens import SignedTokens

    return SignedTokens([bytes.fromhex(key) for key in share.token_keys])


async def _give_up_loading(
    state: ServerState, ends: Ends, holding: asyncio.Task[None]
) -> None:
    """Do not keep who stops the server waiting for engines it will not use."""
    await ends.either()
    if not state.engines.ready:
        holding.cancel()


async def _hold(
    state: ServerState,
    parts: ServerParts,
    ends: Ends,
    ready: Callable[[], None],
) -> None:
    """Open the engines, wait for the end, and end the calls before the engines."""
    began = time.perf_counter()
    parts.say("voiceserver loads its engines ...")
    async with (
        traced(state.config, state.exchange.journal),
        state.exchange.recorder,
        parts.open_engines(state.config, state.metrics) as engines,
    ):
        with parts.loaded():
            state.engines.open(engines)
            state.metrics.workers.set(1)
            parts.say(f"engines ready after {time.perf_counter() - began:.1f} s")
            ready()
            try:
                await ends.either()
                drain_s = state.config.server.drain_s
                if not ends.stop.is_set() and len(state.calls) and drain_s:
                    state.calls.refuse(GOODBYE)
                    parts.say(f"voiceserver waits up to {drain_s} s for its calls ...")
                    await ends.drained(state.calls, drain_s)
            finally:
                parts.say("voiceserver ends ...")
                await state.calls.close(GOODBYE, CALLS_LIMIT_S)
                state.engines.close()


@contextlib.asynccontextmanager
async def listening_at(
    app: web.Application,
    connections: Connections,
    listening: socket.socket,
    tls: ssl.SSLContext | None,
) -> AsyncGenerator[None, None]:
    """Serve ``app`` on the socket inside; requests in progress may finish."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,  # they are main's
        keepalive_timeout=KEEP_ALIVE_S,
        lingering_time=LINGER_S,
        max_line_size=HEAD_LIMIT,
        max_field_size=HEAD_LIMIT,
        shutdown_timeout=END_LIMIT_S,
    )
    await runner.setup()
    assert runner.server is not None
    try:
        async with asyncio.TaskGroup() as group:
            accepting = group.create_task(
                connections.accept(runner.server, listening, tls)
            )
            try:
                yield
            finally:
                accepting.cancel()
    finally:
        listening.close()
        connections.close()
        await runner.cleanup()


@contextlib.contextmanager
def stopped_by_signals(
    stop: asyncio.Event, drain: asyncio.Event | None = None
) -> Iterator[None]:
    """Set ``drain`` at SIGTERM and ``stop`` at SIGINT or a second signal.

    One more ends the process at once. Without ``drain`` any signal sets ``stop``.
    """
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)

    def told(number: int) -> None:
        if stop.is_set():
            for one in signals:
                loop.remove_signal_handler(one)
            signal.raise_signal(signal.SIGTERM)
        if drain is None or drain.is_set() or number == signal.SIGINT:
            stop.set()
        else:
            drain.set()

    for number in signals:
        loop.add_signal_handler(number, told, number)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
