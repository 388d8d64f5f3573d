"""A service that hears while somebody speaks: one WebSocket for one utterance.

Audio is sent as it comes, the newest words are kept, and at the end the last ones are
waited for. What is written to a service, and what it means by what it writes, a
``Wire`` knows. Whether a turn is over is not decided here.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from voiceserver.audio import MIC_RATE
from voiceserver.budget import Spent
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.services.sockets import Socket, SocketTransport
from voiceserver.errors import EngineFailed, ProviderFailed, first
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

ALIVE_S = 4.0  # without audio something else is sent; Deepgram closes after 10 s
BYTES_A_SECOND = 2 * MIC_RATE
UNTOLD_S = 0.3  # of the newest audio that words need not tell of
MAX_FRAME_BYTES = BYTES_A_SECOND // 4  # in a message
MAX_WAITING_BYTES = 130 * BYTES_A_SECOND  # not yet taken by the service


@dataclass(frozen=True, slots=True)
class Heard:
    """What a service has heard so far.

    Attributes:
        hypothesis: The words.
        until_s: Audio from the first sample on that they tell of; 0 if it is not told.
        ended: Probability that the turn was over there, where the service tells one.
        done: Nothing more will come.
    """

    hypothesis: Hypothesis
    until_s: float = 0.0
    ended: float | None = None
    done: bool = False


class Wire(Protocol):
    """One utterance, as a service wants it written and writes back; does no I/O."""

    @property
    def url(self) -> str:
        """Where it is sent, ``ws://`` or ``wss://``."""

    @property
    def hello(self) -> Sequence[str]:
        """Sent before any audio."""

    @property
    def alive(self) -> str:
        """Sent where there is no audio for a while; ``""`` if nothing need be."""

    def audio(self, pcm: bytes) -> str | bytes:
        """Write audio, 16-bit little-endian, mono, 16 kHz."""

    def end(self) -> Sequence[str]:
        """Sent after the last audio; what is read from then on may be done."""

    def read(self, message: str | bytes) -> Heard | None:
        """Read a message; None if it says nothing of words.

        Raises:
            ProviderFailed: If it says that nothing will come, or cannot be read.
        """

    def closed(self, sent_s: float, broken: EngineFailed | None) -> Heard:
        """The service has hung up after ``end``.

        Args:
            sent_s: Audio that it was sent.
            broken: What came in place of a proper end of the socket; None if it was
                one.

        Raises:
            EngineFailed: If it had not heard all.
        """


class LiveUtterance:
    """One utterance that a service hears while it is spoken.

    Args:
        source: Name of the service, for messages.
        wire: What is written and read.
        connect: Opens the socket, which is this object's from then on.
        price: USD per minute of audio.
    """

    def __init__(
        self,
        source: str,
        wire: Wire,
        connect: Callable[[], Awaitable[Socket]],
        price: float,
    ) -> None:
        self._source = source
        self._wire = wire
        self._connect = connect
        self._price_a_byte = price / 60 / BYTES_A_SECOND
        self._waiting = bytearray()
        self._more = asyncio.Event()
        self._over = asyncio.Event()
        self._n_sent = self._n_charged = 0  # bytes of audio
        self._voiced_s = self._pushed_s = 0.0
        self._whole = self._asked = False  # no more audio comes; it was told so
        self._heard: Heard | None = None
        self._final: Hypothesis | None = None
        self._failure: EngineFailed | None = None

    @property
    def latest(self) -> Hypothesis | None:
        """The newest words; None while there are none, or the service has failed."""
        heard = self._heard
        if heard is None or self._failure is not None or not heard.hypothesis.text:
            return None
        # Where nobody tells of voices, all of the audio may hold some.
        behind = heard.until_s < (self._voiced_s or self._pushed_s - UNTOLD_S)
        ended = None if behind else heard.ended
        return replace(heard.hypothesis, final=False, behind=behind, ended=ended)

    def push(self, pcm: bytes) -> None:
        """Add audio, 16-bit little-endian, mono, 16 kHz; returns at once."""
        if self._failure is not None:
            return
        self._waiting += pcm
        self._pushed_s += len(pcm) / BYTES_A_SECOND
        if len(self._waiting) > MAX_WAITING_BYTES:
            self._fail(ProviderFailed(self._source, "does not take audio in time"))
        self._more.set()

    def voiced(self, until: int) -> None:
        """Tell where the last voice ended, in samples."""
        self._voiced_s = until / MIC_RATE

    def end(self) -> None:
        """No more audio comes."""
        self._whole = True
        self._more.set()

    def charge(self) -> Spent | None:
        """What was sent and not charged for yet costs; None if nothing was."""
        n_bytes, self._n_charged = self._n_sent - self._n_charged, self._n_sent
        return Spent(cost_usd=n_bytes * self._price_a_byte) if n_bytes else None

    async def run(self) -> None:
        """Talk to the service until it is done, or has failed; raises nothing of it."""
        try:
            self._final = replace((await self._talk()).hypothesis, final=True)
        except EngineFailed as failure:
            self._fail(failure)
        except Exception as error:  # noqa: BLE001 - one utterance must not end the others
            why = type(error).__name__
            log.warning("a service could not be talked to", extra={"why": why})
            self._fail(ProviderFailed(self._source, f"could not be talked to ({why})"))
        finally:
            self._over.set()

    async def final(self, observe: Callable[[Note], None]) -> Hypothesis:
        """Wait for the last words; ``run`` goes on elsewhere.

        Raises:
            ProviderFailed: If the service gives none.
        """
        try:
            await self._over.wait()
        finally:
            if (spent := self.charge()) is not None:
                observe(spent)
        if self._failure is not None:
            raise self._failure
        if self._final is None:
            raise ProviderFailed(self._source, "was given up")
        return self._final

    def _fail(self, failure: EngineFailed) -> None:
        if self._failure is None:
            self._failure = failure
        self._waiting.clear()
        self._over.set()

    async def _talk(self) -> Heard:
        socket = await self._connect()
        try:
            for message in self._wire.hello:
                await socket.send(message)
            # Who sends never ends by itself, so it is the reader's that is returned.
            heard = await first_of(self._send(socket), self._read(socket))
        except ExceptionGroup as group:
            raise first(group) from None
        finally:
            socket.abort()
        assert heard is not None
        return heard

    async def _send(self, socket: Socket) -> None:
        while True:
            self._more.clear()
            if self._waiting:
                pcm = bytes(self._waiting[:MAX_FRAME_BYTES])
                del self._waiting[:MAX_FRAME_BYTES]
                self._n_sent += len(pcm)
                await socket.send(self._wire.audio(pcm))
            elif self._whole:
                break
            elif not await self._woken() and self._wire.alive:
                await socket.send(self._wire.alive)
        last = self._wire.end()
        self._asked = True
        for message in last:
            await socket.send(message)
        await asyncio.Event().wait()

    async def _woken(self) -> bool:
        try:
            async with asyncio.timeout(ALIVE_S):
                await self._more.wait()
        except TimeoutError:
            return False
        return True

    async def _read(self, socket: Socket) -> Heard:
        while True:
            broken: EngineFailed | None = None
            try:
                message = await socket.receive()
            except EngineFailed as failure:
                message, broken = None, failure
            if message is None and self._asked:
                return self._wire.closed(self._n_sent / BYTES_A_SECOND, broken)
            if message is None:
                early = ProviderFailed(self._source, "hung up in mid-utterance")
                raise broken or early
            heard = self._wire.read(message)
            if heard is None:
                continue
            self._heard = heard
            if heard.done:
                return heard


class LiveService:
    """A ``Service`` that can hear an utterance while it is spoken.

    Args:
        provider: Whom to ask.
        sockets: Opens connections.
        wire: Begins an utterance.
        headers: Of each connection; hold the key.
    """

    def __init__(
        self,
        provider: RecogniserProvider,
        sockets: SocketTransport,
        wire: Callable[[RecogniserProvider, Opening], Wire],
        headers: Mapping[str, str],
    ) -> None:
        self.provider = provider
        self._sockets = sockets
        self._wire = wire
        self._headers = headers
        self._proved = False

    @property
    def name(self) -> str:
        """The provider's name."""
        return self.provider.name

    async def warm(self) -> None:
        """Prove once that a connection can be opened.

        None is kept: one is opened for each utterance, while that is spoken.

        Raises:
            ProviderFailed: If there is none to be had, or the key is refused.
        """
        if not self._proved:
            wire = self._wire(self.provider, DICTATION)
            socket = await self._sockets.open(self.name, wire.url, self._headers)
            socket.abort()
            self._proved = True

    def listen(self, opening: Opening) -> LiveUtterance:
        """Begin an utterance; somebody has to ``run`` it."""
        wire = self._wire(self.provider, opening)
        return LiveUtterance(
            self.name,
            wire,
            lambda: self._sockets.open(self.name, wire.url, self._headers),
            self.provider.price,
        )

    async def recognise(
        self,
        pcm: bytes,
        opening: Opening = DICTATION,
        observe: Callable[[Note], None] = lambda _note: None,
    ) -> AsyncGenerator[Hypothesis, None]:
        """Give the words of a whole utterance, once; see ``Service``."""
        live = self.listen(opening)
        live.push(pcm)
        live.end()
        try:
            await live.run()
            hypothesis = await live.final(observe)
        finally:
            if (spent := live.charge()) is not None:  # it was given up
                observe(spent)
        yield hypothesis
