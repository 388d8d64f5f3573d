"""What telephone services say and are told, whatever they call it.

A framing reads and writes the messages of one connection; it knows neither sockets nor
conversations. Everything that a service may say is one of these; what else it says is
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

Codec = Literal["pcmu", "pcma", "l16"]


@dataclass(frozen=True, slots=True)
class LineForm:
    """How a line carries audio, both ways, mono.

    Attributes:
        codec: Mu-law, A-law, or 16-bit little-endian PCM.
        rate: Hz.
    """

    codec: Codec = "pcmu"
    rate: int = 8_000


@dataclass(frozen=True, slots=True)
class Started:
    """The stream has begun; nothing of it came before.

    Attributes:
        stream: The service's name of the stream; ``""`` if it has none.
        call: The service's name of the call.
        caller: Number of who calls; ``""`` if it was not told.
        called: Number that was called.
        form: Of its audio.
        parameters: What the call's document, or its address, gave along.
    """

    stream: str
    call: str
    caller: str
    called: str
    form: LineForm
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Heard:
    """Audio of the caller, in the stream's form."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Returned:
    """All that was sent before a mark has been played, or dropped."""

    name: str


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller pressed a key: ``0``..``9``, ``*``, ``#``, ``A``..``D``."""

    key: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The caller has hung up, or the service has ended the stream."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The service asked something of the connection itself; this is sent at once."""

    messages: Sequence[str]


Happening = Answered | Started | Heard | Returned | Pressed | Stopped
SocketMessage = str | bytes
KEYS = frozenset("0123456789*#ABCD")


class Framing(Protocol):
    """Reads and writes the messages of one connection."""

    def read(self, message: SocketMessage) -> Sequence[Happening]:
        """Read a message; what nobody needs is nothing.

        Raises:
            BadRequest: If it cannot be used, or comes before the stream has begun.
        """

    def begin(self) -> Sequence[SocketMessage]:
        """What is said once the call is taken."""

    def audio(self, payload: bytes) -> Sequence[SocketMessage]:
        """Play audio of the stream's form."""

    def mark(self, name: str) -> Sequence[SocketMessage]:
        """Tell when all before has been played."""

    def clear(self) -> Sequence[SocketMessage]:
        """Drop what has not been played yet."""

    def hang_up(self) -> Sequence[SocketMessage]:
        """End the call, where closing the socket does not."""
