"""What every carrier has in common: a call, its life, and where calls come in.

A carrier moves audio and messages between a client and a session; this is the part of
its calls that is the same for all: they are made of what comes in, held until either
side ends them, say goodbye, and are cleaned up. It knows neither networks nor what is
said.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from voiceserver.commands import EndCode, HangUp
from voiceserver.errors import VoiceServerError
from voiceserver.reply.playout import Outlet
from voiceserver.session.ports import (
    CallParts,
    Carrier,
    DialectKind,
    Opened,
    Opening,
    OwnTools,
)
from voiceserver.session.session import Session


class Call(Protocol):
    """A call of a carrier, as the server holds it."""

    @property
    def conversation(self) -> Session:
        """The conversation, for sidebands."""

    async def answer(self, offer: str) -> str:
        """Take the client's offer; return the answer.

        When it raises or is cancelled the call is over and cleaned up.

        Raises:
            BadRequest: If the offer cannot be used.
        """

    async def run(self) -> str:
        """Hold the call to its end; return why it ended. Cleans up, cancelled too."""

    def hang_up(self, reason: str, code: EndCode = "ended") -> None:
        """Ask the call to end; the client is told why. Returns at once."""


@runtime_checkable
class Transferable(Protocol):
    """A call whose other side can be had call somebody else."""

    async def refer(self, wanted: str) -> None:
        """Transfer the call; return once the other side will do it.

        Raises:
            BadRequest: If it is no address, or one that may not be called.
            CallRefused: If the other side will not.
        """

    async def connect(self, other: Call) -> None:
        """Put it through to the other side of another call; returns as ``refer``.

        Raises:
            BadRequest: If these two cannot be.
            CallRefused: If the other side will not.
        """


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call that comes in: what a carrier makes its call of.

    Attributes:
        parts: Of the server.
        dialect: That the client speaks.
        address: What the call's address asks for, as the dialect reads it.
        session: What the client wants of its session, as the dialect reads it.
    """

    parts: CallParts
    dialect: DialectKind
    address: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, object] = field(default_factory=dict)

    def open(self, carrier: Carrier, send: Callable[[str], None]) -> Opened:
        """Make the call's dialect.

        Args:
            carrier: How the audio moves.
            send: Takes a text for the client; neither blocks nor raises.

        Raises:
            BadRequest: If the client's session cannot be used.
        """
        parts = self.parts
        voices = parts.engines.voices(parts.config.speech.voice)
        opening = Opening(
            parts.call_id, parts.config, voices, carrier, self.address, self.session
        )
        return parts.tape.over(opening, self.dialect.open(opening, send))


MakeCall = Callable[[Incoming], Call]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls, and what was said before the call.

    Attributes:
        place: Address of the client, for limits.
        key: Names its API key, without being it, for limits; ``""`` if it has none.
        address: What the call's address asks for, as the dialect reads it.
        session: What the client wants of its session, as the dialect reads it.
        call_id: Of the call, where it has one already; ``""`` gives it one.
        asked_for: By HTTP, though a carrier with a socket of its own brings it.
    """

    place: str = ""
    key: str = ""
    address: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, object] = field(default_factory=dict)
    call_id: str = ""
    asked_for: bool = False


@dataclass(frozen=True, slots=True)
class Alerting:
    """A call that rings, as whoever may take it is told.

    Attributes:
        headers: Of what asked for it, name and value, no credentials among them.
        session: What its session is to be if nobody says otherwise.
        place: Address that it comes from, for limits.
        encrypted: Whether its audio will be; None if that is not known.
    """

    headers: Sequence[tuple[str, str]]
    session: Mapping[str, object]
    place: str = ""
    encrypted: bool | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call is to be taken.

    Attributes:
        session: What its session is to be.
        attended: By the server itself, as its settings say: it greets, and offers its
            own functions. Else a program has taken the call.
    """

    session: Mapping[str, object]
    attended: bool


@dataclass(frozen=True, slots=True)
class Declined:
    """A call is not to be taken.

    Attributes:
        status: Of SIP, 400..699.
    """

    status: int


class Pending(Protocol):
    """A call that waits for somebody to take it."""

    @property
    def call_id(self) -> str:
        """That it will have."""

    async def decided(self) -> Accepted | Declined:
        """Wait for a decision, within a limit; may be asked again."""

    def settled(self, error: VoiceServerError | None = None) -> None:
        """Tell who decided what became of it."""

    def over(self) -> None:
        """Nobody can take it any more; may be called again."""


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Lay one session over another; objects merge, unless their types differ."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            same = "type" not in value or value["type"] == old.get("type")
            result[name] = merged(old, value) if same else value
        else:
            result[name] = value
    return result


class Exchange(Protocol):
    """Where a carrier brings its calls: counted, limited, and held to their end."""

    async def place(
        self, make: MakeCall, caller: Caller, offer: str = ""
    ) -> tuple[str, str]:
        """Answer an offer and hold the call.

        Args:
            make: Makes the call of the carrier.
            caller: Who calls.
            offer: Whatever the carrier's ``answer`` takes.

        Returns:
            The call's id, and the answer.

        Raises:
            VoiceServerError: If there is no room, the engines are not warm, or the
                offer or the session cannot be used.
        """

    async def ended(self, call_id: str) -> None:
        """Wait until a call is over; at once if there is none of that id."""

    @property
    def asks(self) -> bool:
        """Whether somebody outside decides about calls that ring."""

    def pend(self, alerting: Alerting) -> Pending:
        """Ask whether a call is to be taken, where anybody is asked.

        Returns:
            What it waits for, until ``over`` is called.

        Raises:
            VoiceServerError: If it could not be taken anyway, as ``place``.
        """


class Listener(Protocol):
    """A carrier that takes its calls at a socket of its own, beside the HTTP one."""

    @property
    def name(self) -> str:
        """For logs."""

    def bind(self) -> None:
        """Take the address, before anything is loaded.

        Raises:
            VoiceServerError: If it is in use; says which.
        """

    async def run(self, exchange: Exchange) -> None:
        """Take calls until cancelled; called again if it fails.

        Calls in progress are not its own: they live on in the exchange when it stops.
        While the server drains, the exchange refuses what comes.
        """

    def close(self) -> None:
        """Give the address back; may be called again, and without ``bind``."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A call that the server is asked to make.

    Attributes:
        to: Who is called: a number, or an address of the carrier's.
        caller: Our number; ``""`` is the trunk's own.
        trunk: By which it goes out; ``""`` is the first that may.
        session: What the session is to be, as the dialect reads it.
        place: Address of who asks, for limits.
        key: Names its API key; ``""`` if it has none.
        detection: Whether it is told who took it: ``"none"``, or what follows where it
            is an answering machine, ``"message"`` or ``"hang_up"``.
        message: What is said to a machine; ``""`` leaves that to the text model.
    """

    to: str
    caller: str = ""
    trunk: str = ""
    session: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    key: str = ""
    detection: str = "none"
    message: str = ""


@runtime_checkable
class Dialler(Protocol):
    """What makes calls: a listener may be one, too."""

    async def dial(self, wanted: Wanted) -> Mapping[str, object]:
        """Make a call; returns its state, as JSON, when it is on its way.

        Raises:
            BadRequest: If it may not be made.
            Overloaded: If there is no room.
            CallRefused: If there is no way to who is called.
        """

    def find(self, call_id: str) -> Mapping[str, object] | None:
        """A call as it stands; None if none of that id was made of late."""

    def states(self, call_id: str) -> AsyncGenerator[Mapping[str, object], None]:
        """All its states so far and those that follow, until it has ended."""


# Beyond a burst, messages are read at this rate: the network holds them back.
MESSAGES_PER_S = 200
BURST = 400


class Throttle:
    """Says how long to wait before the next message, to keep to a rate.

    Args:
        now_ns: Monotonic clock.
        burst: Messages that may come at once.
    """

    def __init__(self, now_ns: Callable[[], int], burst: int = BURST) -> None:
        self._now_ns = now_ns
        self._burst = burst
        self._free_ns = now_ns()  # when a burst of the full size is possible again

    def wait_s(self) -> float:
        """Count a message; return the seconds to wait before it is handled."""
        now_ns = self._now_ns()
        self._free_ns = max(self._free_ns, now_ns) + 1_000_000_000 // MESSAGES_PER_S
        ahead_s = (self._free_ns - now_ns) / 1e9
        return max(0.0, ahead_s - self._burst / MESSAGES_PER_S)


class HeldCall(ABC):
    """The life of a call; a carrier adds how its client is reached.

    Args:
        incoming: What the call is made of.
        carrier: How its audio moves.
        outlet: Where replies sound.
        send: Takes a text for the client; neither blocks nor raises.
        own_tools: What the carrier offers to the text model.

    Raises:
        BadRequest: If the client's session cannot be used.
    """

    def __init__(
        self,
        incoming: Incoming,
        carrier: Carrier,
        outlet: Outlet,
        send: Callable[[str], None],
        own_tools: OwnTools | None = None,
    ) -> None:
        opened = incoming.open(carrier, send)
        self._parts = incoming.parts
        self._brought = incoming.parts.metrics.carrier_calls.labels(carrier.name).inc
        self._reason = ""
        self._end_code: EndCode = "ended"
        self._over = asyncio.Event()
        self._session = Session(incoming.parts, opened, outlet, carrier, own_tools)

    @property
    def conversation(self) -> Session:
        """For sidebands."""
        return self._session

    @abstractmethod
    async def answer(self, offer: str) -> str:
        """Take the client's offer; return the answer, as ``Call``."""

    async def run(self) -> str:
        """Hold the call to its end; return why it ended."""
        self._brought()
        try:
            await self._connected_or_told()
            return await self._hold()
        finally:
            await self._close()

    def hang_up(self, reason: str, code: EndCode = "ended") -> None:
        """Ask the call to end; the client is told why. The first reason holds.

        Where a goodbye is being said, a second time ends it.
        """
        if not self._reason:
            self._reason, self._end_code = reason, code
        elif self._over.is_set() and self._farewell(self._end_code) is not None:
            self._session.command(HangUp(self._reason, self._end_code))
        self._over.set()

    def _farewell(self, code: EndCode) -> str | None:
        """What is said before the call ends for such a reason; None says nothing."""
        del code
        return None

    async def _connected_or_told(self) -> None:
        """Connect; who listens already is told if that fails."""
        try:
            await self._connect()
        except BaseException:
            reason = self._reason or "The connection was not set up."
            self._session.never_began(HangUp(reason, self._end_code))
            raise

    async def _connect(self) -> None:  # noqa: B027 - few carriers have to
        """Wait for the network, where that is not there with the answer.

        Raises:
            SessionEnded: If it does not come.
        """

    @abstractmethod
    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        """What runs beside the conversation, and is cancelled when that is over."""

    def _until_goodbye(self) -> Sequence[Coroutine[object, object, None]]:
        """What runs on until the last message has left."""
        return ()

    async def _goodbye(self) -> None:  # noqa: B027 - not all can tell
        """Let the last message leave, within a limit."""

    @abstractmethod
    async def _close(self) -> None:
        """Let go of the network, within a limit, whatever happened."""

    async def _hold(self) -> str:
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(self._session.run())
            lasting = [group.create_task(one) for one in self._until_goodbye()]
            beside = [group.create_task(one) for one in self._beside()]
            beside.append(group.create_task(self._wait_for_end()))
            await asyncio.wait({holding})
            for task in beside:
                task.cancel()
            await self._goodbye()
            for task in lasting:
                task.cancel()
        reason = holding.result()
        self._reason = self._reason or reason
        return reason

    async def _wait_for_end(self) -> None:
        await self._over.wait()
        farewell = self._farewell(self._end_code)
        self._session.command(HangUp(self._reason, self._end_code, farewell))
