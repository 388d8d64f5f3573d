"""What a session stands between: the server's parts, a carrier, and a dialect.

A dialect is called by the session's one writer only, so it needs no locks and its
output has one order. It never blocks and never raises for what a client sent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from voiceserver.audio import Samples
from voiceserver.budget import TurnRecord
from voiceserver.clock import Clock
from voiceserver.commands import Attach, CallSettings, Command, HangUp
from voiceserver.config import Config
from voiceserver.engines.opened import Engines
from voiceserver.events import Event
from voiceserver.metrics import Metrics
from voiceserver.purse import Purse
from voiceserver.session.journal import Journal
from voiceserver.tools import Tool, ToolCall
from voiceserver.voices import Voices


class Tape(Protocol):
    """Keeps what goes into a call and what comes out of it, where that is wanted.

    None of its methods may block or raise; what it cannot keep it leaves out.
    """

    def over(self, opening: Opening, opened: Opened) -> Opened:
        """Listen to what the dialect is told and told to do; return what does."""

    def heard(self, samples: Samples, made_up: bool) -> None:
        """Audio of the caller came, 16 kHz, or what stands for it."""

    def spoke(self, samples: Samples, in_s: float) -> None:
        """Audio went out, 24 kHz, that should sound in so many seconds."""

    def silenced(self) -> None:
        """What went out and has not sounded yet will not."""

    def brought(self, item: Command | Event) -> None:
        """The carrier itself asks for something, or has noticed it."""


class NoTape:
    """That of a call that nobody keeps."""

    def over(self, opening: Opening, opened: Opened) -> Opened:
        """Leave the dialect as it is."""
        del opening
        return opened

    def heard(self, samples: Samples, made_up: bool) -> None:
        """Nothing is kept."""

    def spoke(self, samples: Samples, in_s: float) -> None:
        """Nothing is kept."""

    def silenced(self) -> None:
        """Nothing is kept."""

    def brought(self, item: Command | Event) -> None:
        """Nothing is kept."""


NO_TAPE = NoTape()


@dataclass(frozen=True, slots=True)
class CallParts:
    """What a server gives each of its calls.

    Attributes:
        call_id: Unique; bound to log lines.
        config: Settings of the server.
        engines: Shared by all calls.
        clock: Monotonic clock.
        metrics: Of the server.
        journal: Of its newest turns.
        purse: Pays what the call costs.
        tape: Keeps the call, where it is recorded.
    """

    call_id: str
    config: Config
    engines: Engines
    clock: Clock
    metrics: Metrics
    journal: Journal = field(default_factory=Journal)
    purse: Purse = field(default_factory=Purse)
    tape: Tape = NO_TAPE


@dataclass(frozen=True, slots=True)
class Carrier:
    """A kind of carrier: how the audio of a call moves.

    Attributes:
        name: In metrics.
        in_events: Audio goes inside the dialect's events, as fast as it is made, and
            the client keeps it until it is played. Otherwise beside them, at the
            speed of speech, and the carrier knows what was played.
        telephone: The client is a telephone.
    """

    name: str
    in_events: bool = False
    telephone: bool = False


@dataclass(frozen=True, slots=True)
class Used:
    """What came of a call of one of the server's own functions.

    Attributes:
        result: Told to the text model.
        then: Ends the call, once what sounds has been heard; None goes on.
        answers: The text model is asked again, now that it knows the result.
    """

    result: str
    then: HangUp | None = None
    answers: bool = False


class OwnTools(Protocol):
    """Functions that a carrier itself offers to the text model."""

    @property
    def offered(self) -> Sequence[Tool]:
        """Which; beside those of the client."""

    def use(self, call: ToolCall) -> Used | None:
        """Carry a call out, at once; None if it is a function of the client's."""


class NoTools:
    """Those of a carrier that offers none."""

    offered: Sequence[Tool] = ()

    def use(self, call: ToolCall) -> Used | None:
        """Every function is the client's."""
        del call
        return None


class Dialect(Protocol):
    """Renders a session as a protocol; one object per call."""

    def opened(self) -> None:
        """The session runs; greet the client."""

    def notify(self, event: Event) -> None:
        """Something happened."""

    def account(self, record: TurnRecord) -> None:
        """A turn is over; this is what it cost."""

    def receive(self, text: str, sender: int = 0, active: int = 0) -> Iterable[Command]:
        """Read a message of the client, or of a sideband; return what to do.

        What is more work than a millisecond is done bit by bit, as the commands are
        taken: between two of them it is others' turn.

        Args:
            text: The message.
            sender: Number of the sideband; 0 is the client.
            active: Turn of the reply that was told to have begun and not to have
                ended; 0 if there is none. Only the session knows; keep no copy.
        """

    def attach(self, listener: Attach) -> None:
        """Tell somebody else too, from now on; or no more."""

    def refused(self, command: Command) -> None:
        """A command of the client could not be carried out as things stand."""

    def closed(self, end: HangUp) -> None:
        """The session is over; why is fit for the client."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a call's dialect is made of.

    Attributes:
        call_id: Unique per call.
        config: Settings of the server, which the client's are laid over.
        voices: That may be named.
        carrier: How the audio moves.
        address: What the call's address asks for, as the dialect reads it.
        session: What the client wants of its session, said before the call, as the
            dialect reads it.
    """

    call_id: str
    config: Config
    voices: Voices
    carrier: Carrier
    address: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Opened:
    """A dialect made for one call.

    Attributes:
        dialect: The object of the call.
        settings: What the conversation starts with.
    """

    dialect: Dialect
    settings: CallSettings


class DialectKind(Protocol):
    """A dialect before there is a call: a row of the table of dialects."""

    def open(self, opening: Opening, send: Callable[[str], None]) -> Opened:
        """Make the dialect of a call.

        Args:
            opening: What it is made of.
            send: Takes one text for the client; neither blocks nor raises.

        Raises:
            BadRequest: If the client's session or address cannot be used.
        """

    def shown(
        self, config: Config, voices: Voices, session: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Check a session object that a token will carry; return it filled in.

        Raises:
            BadRequest: If it cannot be used.
        """
