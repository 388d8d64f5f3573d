"""A real server on a free loopback port, with fake engines and fake calls."""

from __future__ import annotations

import asyncio
import contextlib
import math
import random
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from voiceserver.carriers.base import Incoming, Listener, MakeCall
from voiceserver.config import Config
from voiceserver.dialects.table import DIALECTS, Dialects
from voiceserver.engines.opened import Engines
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.errors import BadRequest
from voiceserver.metrics import Metrics
from voiceserver.overload import Overload
from voiceserver.server.connections import address_of, bound_socket
from voiceserver.server.serve import ServerParts, serve
from voiceserver.session.session import Session

OFFER = "v=0\r\nfake offer\r\n"
ANSWER = "v=0\r\nfake answer\r\n"


class FakeCall:
    """A call that does as its offer says.

    ``v=0`` answers and lives until hung up; ``bad`` refuses; ``bug`` has a programming
    error in ``answer`` and ``late bug`` one in ``run``; ``slow`` never answers;
    ``deaf`` ignores being hung up.
    """

    def __init__(self, incoming: Incoming) -> None:
        self.call_id = incoming.parts.call_id
        self.session = incoming.session
        self.address = incoming.address
        self.reasons: list[str] = []
        self.over = asyncio.Event()
        self._told = asyncio.Event()
        self._offer = ""

    @property
    def conversation(self) -> Session:
        raise NotImplementedError

    async def answer(self, offer: str) -> str:
        self._offer = offer
        match offer.split("\r\n")[0]:
            case "bad":
                raise BadRequest("the offer has no audio", "invalid_sdp")
            case "bug":
                raise ZeroDivisionError("secret detail")
            case "slow":
                await asyncio.sleep(60)
        return ANSWER

    async def run(self) -> str:
        try:
            if self._offer.startswith("late bug"):
                raise ExceptionGroup("call", [ZeroDivisionError("secret detail")])
            if self._offer.startswith("deaf"):
                await asyncio.Event().wait()
            await self._told.wait()
            return self.reasons[0]
        finally:
            self.over.set()

    def hang_up(self, reason: str, code: str = "ended") -> None:
        self.reasons.append(reason)
        self._told.set()
        if self._offer.startswith("deaf"):
            raise ZeroDivisionError("hang_up has a bug")


def fake_engines() -> Engines:
    return Engines(FakeVad(), FakeRecogniser(), FakeText(), FakeSpeech(first_s=0.0))


def engines_over(*names: str, regions: Mapping[str, str] | None = None) -> Engines:
    """Fake engines that say that these providers are behind their text."""
    metrics = Metrics()
    limits, rng, costs = RouteLimits(0.6, 0.5), random.Random(1), Costs(metrics)
    where = regions or {}
    routes = tuple(
        Route(name, "text", limits, metrics, rng, costs, region=where.get(name, ""))
        for name in names
    )
    return replace(fake_engines(), providers=routes)


@dataclass
class Running:
    """A running server and a client of it.

    Attributes:
        url: Where it listens.
        client: Sends requests to it by path.
        placed: The calls it made.
        metrics: Its metrics.
        warm: Set to let it open its engines.
        stop: Set to end it.
        drain: Set to end it when its calls are over.
    """

    url: str
    client: aiohttp.ClientSession
    placed: list[FakeCall] = field(default_factory=list)
    metrics: Metrics = field(default_factory=Metrics)
    warm: asyncio.Event = field(default_factory=asyncio.Event)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    drain: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    listens: asyncio.Event = field(default_factory=asyncio.Event)
    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)
        self.listens.set()

    async def place(
        self, offer: str = OFFER, **kwargs: Any
    ) -> tuple[int, str, Mapping[str, str]]:
        """Post an offer; return status, body and headers."""
        headers = {"Content-Type": "application/sdp"} | kwargs.pop("headers", {})
        async with self.client.post(
            "/v1/realtime/calls", data=offer.encode(), headers=headers, **kwargs
        ) as answer:
            return answer.status, await answer.text(), answer.headers

    async def error(
        self, method: str, path: str, **kwargs: Any
    ) -> tuple[int, dict[str, Any]]:
        """Send a request that fails; return status and error, its shape checked."""
        async with self.client.request(method, path, **kwargs) as answer:
            content = await answer.json()
            assert list(content) == ["error"]
            error = content["error"]
            assert sorted(error) == ["code", "message", "param", "type"]
            assert "Traceback" not in error["message"]
            return answer.status, error


@contextlib.asynccontextmanager
async def running(
    config: Config | None = None,
    engines: Engines | None = None,
    warm: bool = True,
    head_limit_s: float = 10.0,
    webrtc: MakeCall | None = None,
    dialects: Dialects = DIALECTS,
    listeners: Callable[[Config], Sequence[Listener]] = lambda _config: (),
    **server: Any,
) -> AsyncGenerator[Running, None]:
    """Run a server inside; ``server`` are settings of ``[server]``."""
    config = config or Config()
    config = replace(config, server=replace(config.server, port=0, **server))
    listening = bound_socket(config.server.host, 0)
    url = address_of(listening).replace("0.0.0.0", "127.0.0.1")
    async with aiohttp.ClientSession(base_url=url) as client:
        it = Running(url, client)
        if warm:
            it.warm.set()

        @contextlib.asynccontextmanager
        async def open_engines(
            config: Config, metrics: Metrics
        ) -> AsyncGenerator[Engines, None]:
            it.metrics = metrics
            await it.warm.wait()
            # How late this machine's loop is turns nobody away who comes to a test.
            patient = Overload(lag_ms=math.inf)
            yield engines or replace(fake_engines(), overload=patient)

        def placed(incoming: Incoming) -> FakeCall:
            it.placed.append(FakeCall(incoming))
            return it.placed[-1]

        parts = ServerParts(
            open_engines,
            it.say,
            head_limit_s,
            webrtc=webrtc or placed,
            dialects=dialects,
            listeners=listeners,
            loaded=contextlib.nullcontext,  # what is loaded here is the tests'
        )
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(
                serve(
                    config,
                    listening,
                    parts,
                    it.stop,
                    lambda url: it.ready.set(),
                    it.drain,
                )
            )
            until = it.ready if warm else it.listens
            waiting = group.create_task(until.wait())
            either: set[asyncio.Task[Any]] = {serving, waiting}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            try:
                yield it
            finally:
                it.warm.set()
                it.stop.set()
    listening.close()
