"""What the routes share: one object per server, given to the application."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web

from voiceserver.carriers.base import Dialler, MakeCall
from voiceserver.carriers.webrtc.call import WebRtcCall
from voiceserver.config import Config
from voiceserver.dialects.table import dialect_in
from voiceserver.engines.watch.followed import Followed
from voiceserver.files.decoder import Decoder
from voiceserver.metrics import Metrics
from voiceserver.server.access.security import AccessRules
from voiceserver.server.access.tokens import Session, Tokens
from voiceserver.server.admission import CallRegistry
from voiceserver.server.answers import busy
from voiceserver.server.body import AUDIO_LIMIT
from voiceserver.server.engine_room import EngineRoom
from voiceserver.server.exchange import Exchange
from voiceserver.server.observability.log import Problems
from voiceserver.server.shares import Share
from voiceserver.session.ports import DialectKind

Cut = Callable[[], None]

MAX_UPLOADS = 8 * AUDIO_LIMIT  # bytes


class AudioPlace:
    """The place of one audio request.

    Args:
        count: Told of one that works more, or less.
        cut: Ends the request; None if it never waits for its client.

    Attributes:
        given_s: Seconds of sound that were sent.
    """

    def __init__(self, count: Callable[[int], None], cut: Cut | None) -> None:
        self.given_s = 0.0
        self.cut = cut
        self._count = count
        self._waited_s = 0.0
        self._since_s: float | None = None

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Wait for the client inside: the place is free to others meanwhile."""
        self._since_s = time.monotonic()
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)
            self._waited_s += time.monotonic() - self._since_s
            self._since_s = None

    @property
    def behind_s(self) -> float:
        """How much longer the client has been waited for than what it has sounds."""
        waited_s = self._waited_s
        if self._since_s is not None:
            waited_s += time.monotonic() - self._since_s
        return waited_s - self.given_s


class AudioJobs:
    """Bounds how many files are spoken or transcribed at a time; refuses more.

    Who waits for a slow reader does not count, up to as many again. Then the slowest
    is cut, if it takes its speech more slowly than that sounds.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._working = 0
        self._places: set[AudioPlace] = set()

    @contextlib.contextmanager
    def one_more(self, cut: Cut | None = None) -> Iterator[AudioPlace]:
        """Count one job inside.

        Args:
            cut: Ends it, where it may wait for its client.

        Raises:
            Refusal: If there are too many (503).
        """
        full = self._working >= self._limit
        # Nobody is cut for one who finds no room even then.
        if full or (len(self._places) >= 2 * self._limit and not self._cut_slowest()):
            raise busy("Too many audio requests at a time; try again soon.", "busy")
        place = AudioPlace(self._count, cut)
        self._places.add(place)
        self._count(1)
        try:
            yield place
        finally:
            self._count(-1)
            self._places.discard(place)

    def _count(self, more: int) -> None:
        self._working += more

    def _cut_slowest(self) -> bool:
        """End the request of the slowest reader, if there is a slow one."""
        late = [one for one in self._places if one.cut and one.behind_s > 0]
        if not late:
            return False
        slowest = max(late, key=lambda one: one.behind_s)
        self._places.discard(slowest)
        assert slowest.cut is not None
        slowest.cut()
        return True


class UploadRoom:
    """Bounds the bytes of uploads in memory; who sends nothing takes no room."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    @contextlib.contextmanager
    def one_more(self) -> Iterator[Callable[[int], None]]:
        """Give what counts further bytes of one upload inside.

        It raises ``Refusal`` (503) if there are too many in all.
        """
        mine = 0

        def take(n_bytes: int) -> None:
            nonlocal mine
            if self._held + n_bytes > self._limit:
                raise busy("Too much is uploaded at a time; try again soon.", "busy")
            self._held += n_bytes
            mine += n_bytes

        try:
            yield take
        finally:
            self._held -= mine


@dataclass(frozen=True, slots=True)
class ServerState:
    """All that routes need.

    Attributes:
        config: Settings of the server.
        metrics: What is counted.
        rules: Whom to let in.
        exchange: Where calls are placed and held.
        webrtc: Makes a call over WebRTC.
        tokens: Given to clients in place of a key.
        sidebands: How many a call has, by its id.
        jobs: Bound of audio requests.
        uploads: Bound of what they have sent so far.
        decoder: Of uploads.
        recordings: How many may be held decoded at a time; further ones wait.
        recognisers: How many files may take at a time; further ones wait.
        problems: The newest warnings and errors of the log.
        dialler: Makes calls; None if no carrier can.
        shadow: The record of shadow answers.
    """

    config: Config
    metrics: Metrics
    rules: AccessRules
    exchange: Exchange
    webrtc: MakeCall = WebRtcCall
    tokens: Tokens = field(default_factory=Tokens)
    sidebands: dict[str, int] = field(default_factory=dict)
    jobs: AudioJobs = field(default_factory=lambda: AudioJobs(4))
    uploads: UploadRoom = field(default_factory=lambda: UploadRoom(MAX_UPLOADS))
    decoder: Decoder = field(default_factory=Decoder)
    recordings: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(2))
    recognisers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    problems: Problems = field(default_factory=Problems)
    dialler: Dialler | None = None
    shadow: Followed = field(default_factory=lambda: Followed(Path()))

    @property
    def calls(self) -> CallRegistry:
        """The calls in progress."""
        return self.exchange.calls

    @property
    def engines(self) -> EngineRoom:
        """The engines, when warm."""
        return self.exchange.engines

    @property
    def dialect(self) -> DialectKind:
        """What tokens are made for: the dialect of who names none."""
        return dialect_in({}, self.exchange.dialects)


STATE: web.AppKey[ServerState] = web.AppKey("state", ServerState)
# Which part of a server a worker is; absent where the server is one process.
SHARE: web.AppKey[Share] = web.AppKey("share", Share)
TOKEN_SESSION: web.RequestKey[Session] = web.RequestKey("token_session", dict)
KEY_NAME: web.RequestKey[str] = web.RequestKey("key_name", str)  # for limits
# The client's address, where another host has passed the request on.
CLIENT: web.RequestKey[str] = web.RequestKey("client", str)
