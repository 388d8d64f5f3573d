"""What a session asks of a dialect: to render events and to read the client.

Called by the session's one writer only, so a dialect needs no locks and its output
has one order. A dialect never blocks and never raises for what a client sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from voiceserver.budget import TurnRecord
from voiceserver.commands import Attach, Command
from voiceserver.events import Event


class Dialect(Protocol):
    """Renders a session as a protocol; one object per call."""

    def opened(self) -> None:
        """The session runs; greet the client."""

    def notify(self, event: Event) -> None:
        """Something happened."""

    def account(self, record: TurnRecord) -> None:
        """A turn is over; this is what it cost."""

    def receive(self, text: str, sender: int = 0) -> Sequence[Command]:
        """Read a message of the client, or of a sideband; return what to do."""

    def attach(self, listener: Attach) -> None:
        """Tell somebody else too, from now on; or no more."""

    def refused(self, command: Command) -> None:
        """A command of the client could not be carried out as things stand."""

    def closed(self, reason: str) -> None:
        """The session is over; ``reason`` is fit for the client."""
