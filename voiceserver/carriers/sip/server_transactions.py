"""What answers a request, however often it comes: both server transactions of SIP.

RFC 3261, section 17.2, with the state *accepted* of RFC 6026. A copy of a request gets
the last response again and reaches nobody else. The final response to an INVITE is
repeated until its ACK, a 2xx too, as whoever gives it is behind this one object. Knows
neither sockets nor what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from aiosipua import SipResponse

from voiceserver.carriers.sip.timing import LIFE_S, T2_S, T4_S, Timers

Send = Callable[[bytes], None]


def _nobody() -> None:
    """Nobody minds."""


class State(Enum):
    """Of a transaction."""

    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    CONFIRMED = "confirmed"
    OVER = "over"


class InviteServer:
    """Answers an INVITE.

    Args:
        send: Sends a response to who asked; never raises.
        reliable: The network repeats what it loses, so nothing is repeated here
            but a 2xx, which other networks may lie behind.
        over: Called once when no copy is expected any more.
    """

    def __init__(self, send: Send, reliable: bool, over: Callable[[], None]) -> None:
        self._send = send
        self._reliable = reliable
        self._over = over
        self._timers = Timers()
        self._last = b""
        self._unacknowledged = _nobody
        self.state = State.PROCEEDING

    @property
    def answered(self) -> bool:
        """Whether there was a final response."""
        return self.state is not State.PROCEEDING

    @property
    def accepted(self) -> bool:
        """Whether the final response was a 2xx."""
        return self.state is State.ACCEPTED

    def copied(self) -> None:
        """The INVITE came again."""
        if self._last and self.state in (State.PROCEEDING, State.COMPLETED):
            self._send(self._last)

    def respond(
        self, response: SipResponse, unacknowledged: Callable[[], None] = _nobody
    ) -> None:
        """Send a response; ones after the final are left out.

        Args:
            response: Provisional or final.
            unacknowledged: Called if no ACK comes to a final one.
        """
        if self.answered:
            return
        self._last = bytes(response)
        self._send(self._last)
        if response.status_code < 200:
            return
        self._unacknowledged = unacknowledged
        if response.status_code < 300:
            self.state = State.ACCEPTED
            self._timers.repeat(self._resend, T2_S)
        else:
            self.state = State.COMPLETED
            if not self._reliable:
                self._timers.repeat(self._resend, T2_S)
        self._timers.after(LIFE_S, self._expired)

    def acknowledged(self) -> None:
        """The ACK came: of a refusal with the same branch, of a 2xx by its dialog."""
        self._timers.still()
        self._unacknowledged = _nobody
        if self.state is State.COMPLETED:
            self.state = State.CONFIRMED
            self._timers.after(0.0 if self._reliable else T4_S, self.stop)

    def stop(self) -> None:
        """Forget it; may be called again."""
        self._timers.stop()
        if self.state is not State.OVER:
            self.state = State.OVER
            self._over()

    def _resend(self) -> None:
        self._send(self._last)

    def _expired(self) -> None:
        """Timer H or L."""
        unacknowledged = self._unacknowledged
        self.stop()
        unacknowledged()


class OtherServer:
    """Answers any other request.

    Args:
        send: Sends a response to who asked; never raises.
        reliable: The network repeats what it loses.
        over: Called once when no copy is expected any more.
    """

    def __init__(self, send: Send, reliable: bool, over: Callable[[], None]) -> None:
        self._send = send
        self._reliable = reliable
        self._over = over
        self._timers = Timers()
        self._last = b""
        # Whoever is to answer may never do so.
        self._timers.after(LIFE_S, self.stop)
        self.state = State.PROCEEDING

    @property
    def answered(self) -> bool:
        """Whether there was a final response."""
        return self.state is not State.PROCEEDING

    def copied(self) -> None:
        """The request came again."""
        if self._last:
            self._send(self._last)

    def respond(self, response: SipResponse) -> None:
        """Send a response; ones after the final are left out."""
        if self.state is not State.PROCEEDING:
            return
        self._last = bytes(response)
        self._send(self._last)
        if response.status_code >= 200:
            self.state = State.COMPLETED
            self._timers.stop()
            self._timers.after(0.0 if self._reliable else LIFE_S, self.stop)

    def stop(self) -> None:
        """Forget it; may be called again."""
        self._timers.stop()
        if self.state is not State.OVER:
            self.state = State.OVER
            self._over()
