"""What answers a request, however often it comes: both server transactions of SIP.

RFC 3261, section 17.2, with the state *accepted* of RFC 6026. A copy of a request gets
the last response again and reaches nobody else. The final response to an INVITE is
repeated until its ACK, a 2xx too, as whoever gives it is behind this one object. Knows
neither sockets nor what is asked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from aiosipua import SipResponse

from voiceserver.carriers.sip.transactions.timing import LIFE_S, T2_S, T4_S
from voiceserver.carriers.sip.transactions.transaction import Send, State, Transaction


def _nobody() -> None:
    """Nobody minds."""


class ServerTransaction(Transaction, ABC):
    """Answers a request.

    Args:
        send: Sends a response to who asked; never raises.
        reliable: The network repeats what it loses, so nothing is repeated here
            but a 2xx of an INVITE, which other networks may lie behind.
        over: Called once when no copy is expected any more.
    """

    def __init__(self, send: Send, reliable: bool, over: Callable[[], None]) -> None:
        super().__init__(send, reliable, over, State.PROCEEDING)
        self._last = b""

    @property
    def answered(self) -> bool:
        """Whether there was a final response."""
        return self.state is not State.PROCEEDING

    @abstractmethod
    def copied(self) -> None:
        """The request came again."""

    @abstractmethod
    def respond(
        self, response: SipResponse, unacknowledged: Callable[[], None] = _nobody
    ) -> None:
        """Send a response; ones after the final are left out.

        Args:
            response: Provisional or final.
            unacknowledged: Called if no ACK comes to the final one of an INVITE.
        """


class InviteServer(ServerTransaction):
    """Answers an INVITE."""

    def __init__(self, send: Send, reliable: bool, over: Callable[[], None]) -> None:
        super().__init__(send, reliable, over)
        self._unacknowledged = _nobody

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
        """Send a response."""
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
            self._linger(T4_S)

    def _resend(self) -> None:
        self._send(self._last)

    def _expired(self) -> None:
        """Timer H or L."""
        unacknowledged = self._unacknowledged
        self.stop()
        unacknowledged()


class OtherServer(ServerTransaction):
    """Answers any other request."""

    def __init__(self, send: Send, reliable: bool, over: Callable[[], None]) -> None:
        super().__init__(send, reliable, over)
        # Whoever is to answer may never do so.
        self._timers.after(LIFE_S, self.stop)

    def copied(self) -> None:
        """The request came again."""
        if self._last:
            self._send(self._last)

    def respond(
        self, response: SipResponse, unacknowledged: Callable[[], None] = _nobody
    ) -> None:
        """Send a response."""
        del unacknowledged
        if self.state is not State.PROCEEDING:
            return
        self._last = bytes(response)
        self._send(self._last)
        if response.status_code >= 200:
            self.state = State.COMPLETED
            self._timers.stop()
            self._linger(LIFE_S)
