"""What the routes share: one object per server, given to the application."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from voiceserver.carriers.websocket.messages import Socket
from voiceserver.carriers.websocket.stream_audio import StreamFormat
from voiceserver.config import Config
from voiceserver.engines.base import Engines
from voiceserver.metrics import Metrics
from voiceserver.overload import Load
from voiceserver.server.admission import Call, CallRegistry
from voiceserver.server.answers import busy
from voiceserver.server.security import AccessRules
from voiceserver.server.shares import Share
from voiceserver.server.tokens import Session, Tokens


class PlaceCall(Protocol):
    """Makes a call of the WebRTC carrier."""

    def __call__(
        self, call_id: str, engines: Engines, session: Mapping[str, object] | None
    ) -> Call:
        """Make a call; nothing runs yet.

        Args:
            call_id: Unique.
            engines: For its session.
            session: The client's session object from before the call, if any.

        Raises:
            BadRequest: If ``session`` cannot be used.
        """


class ConnectCall(Protocol):
    """Makes a call of the WebSocket carrier."""

    def __call__(
        self,
        call_id: str,
        socket: Socket,
        engines: Engines,
        session: Mapping[str, object] | None,
        form: StreamFormat | None = None,
        extensions: bool = False,
    ) -> Call:
        """Make a call; nothing runs yet.

        Args:
            call_id: Unique.
            socket: Not yet open.
            engines: For its session.
            session: The client's session object from before the call, if any.
            form: What binary messages hold; None if audio is inside the events.
            extensions: Events of our own are wanted.

        Raises:
            BadRequest: If ``session`` cannot be used.
        """


class EngineRoom:
    """The engines, once they are warm; until then requests are asked to wait."""

    def __init__(self) -> None:
        self._engines: Engines | None = None

    @property
    def ready(self) -> bool:
        """Whether the engines are warm."""
        return self._engines is not None

    def for_a_call(self) -> Engines:
        """Return the engines for one call more.

        Raises:
            Refusal: If they are not warm yet, or the server cannot keep up (503).
        """
        engines = self.get()
        if engines.overload.level is Load.FULL:
            what = "The server cannot keep up; try again in a moment."
            raise busy(what, "overloaded")
        return engines

    def late(self, lag_ms: float) -> None:
        """The event loop woke so late."""
        if self._engines is not None:
            self._engines.overload.tick(lag_ms)

    def open(self, engines: Engines) -> None:
        """The engines are warm from now on."""
        self._engines = engines

    def close(self) -> None:
        """The engines are about to go."""
        self._engines = None

    def get(self) -> Engines:
        """Return the engines.

        Raises:
            Refusal: If they are not warm yet (503).
        """
        if self._engines is None:
            raise busy("The server is still loading its engines.", "not_ready")
        return self._engines


class AudioJobs:
    """Bounds how many files are spoken or transcribed at a time; refuses more."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._running = 0

    @contextlib.contextmanager
    def one_more(self) -> Iterator[None]:
        """Count one job inside.

        Raises:
            Refusal: If there are too many (503).
        """
        if self._running >= self._limit:
            raise busy("Too many audio requests at a time; try again soon.", "busy")
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1


@dataclass(frozen=True, slots=True)
class ServerState:
    """All that routes need.

    Attributes:
        config: Settings of the server.
        metrics: What is counted.
        rules: Whom to let in.
        calls: The calls in progress.
        place_call: Makes a call over WebRTC.
        connect_call: Makes a call over a WebSocket.
        engines: The engines, when warm.
        tokens: Given to clients in place of a key.
        sidebands: How many a call has, by its id.
        jobs: Bound of audio requests.
        decoders: How many recognisers files may take at a time; further ones wait.
    """

    config: Config
    metrics: Metrics
    rules: AccessRules
    calls: CallRegistry
    place_call: PlaceCall
    connect_call: ConnectCall
    engines: EngineRoom = field(default_factory=EngineRoom)
    tokens: Tokens = field(default_factory=Tokens)
    sidebands: dict[str, int] = field(default_factory=dict)
    jobs: AudioJobs = field(default_factory=lambda: AudioJobs(4))
    decoders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))


STATE: web.AppKey[ServerState] = web.AppKey("state", ServerState)
# Which part of a server a worker is; absent where the server is one process.
SHARE: web.AppKey[Share] = web.AppKey("share", Share)
TOKEN_SESSION: web.RequestKey[Session] = web.RequestKey("token_session", dict)
KEY_NAME: web.RequestKey[str] = web.RequestKey("key_name", str)  # for limits
