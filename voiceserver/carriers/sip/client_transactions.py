"""What asks until it is answered: both client transactions of SIP.

RFC 3261, section 17.1, with the state *accepted* of RFC 6026: a request is repeated
where the network may lose it, given up after 32 seconds, and a refusal of an INVITE is
acknowledged, however often it comes. Knows neither sockets nor what is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.timing import LIFE_S, T2_S, T4_S, Timers

Send = Callable[[bytes], None]
Answered = Callable[[SipResponse | None], None]


class State(Enum):
    """Of a transaction."""

    CALLING = "calling"
    PROCEEDING = "proceeding"
    ACCEPTED = "accepted"
    COMPLETED = "completed"
    OVER = "over"


class InviteClient:
    """Sends an INVITE.

    Args:
        request: The INVITE.
        send: Sends to who is asked; never raises.
        reliable: The network repeats what it loses.
        answered: Called with each response but copies of refusals, a 2xx each time it
            comes, as it is for the dialog to acknowledge; with None if there is none.
        over: Called once when no response is expected any more.
    """

    def __init__(
        self,
        request: SipRequest,
        send: Send,
        reliable: bool,
        answered: Answered,
        over: Callable[[], None],
    ) -> None:
        self.request = request
        self._send = send
        self._reliable = reliable
        self._answered = answered
        self._over = over
        self._timers = Timers()
        self._acknowledgement = b""
        self.state = State.CALLING

    def start(self) -> None:
        """Send it."""
        packet = bytes(self.request)
        self._send(packet)
        if not self._reliable:
            self._timers.repeat(lambda: self._send(packet), LIFE_S)  # timer A: no cap
        self._timers.after(LIFE_S, self._expired)

    def receive(self, response: SipResponse) -> None:
        """Take a response."""
        status = response.status_code
        self._timers.still()
        if status < 200:
            if self.state in (State.CALLING, State.PROCEEDING):
                self.state = State.PROCEEDING
                self._answered(response)
        elif status < 300:
            if self.state in (State.CALLING, State.PROCEEDING, State.ACCEPTED):
                self._final(State.ACCEPTED)
                self._answered(response)
        elif self.state is State.COMPLETED:
            self._send(self._acknowledgement)
        elif self.state in (State.CALLING, State.PROCEEDING):
            self._acknowledgement = bytes(_acknowledging(self.request, response))
            self._send(self._acknowledgement)
            self._final(State.COMPLETED)
            self._answered(response)

    def stop(self) -> None:
        """Forget it; may be called again."""
        self._timers.stop()
        if self.state is not State.OVER:
            self.state = State.OVER
            self._over()

    def _final(self, state: State) -> None:
        if self.state is not state:
            self.state = state
            self._timers.stop()
            short = self._reliable and state is State.COMPLETED
            self._timers.after(0.0 if short else LIFE_S, self.stop)  # timers D and M

    def _expired(self) -> None:
        """Timer B; who rings is waited for by whoever rang."""
        if self.state is State.CALLING:
            self.stop()
            self._answered(None)


class OtherClient:
    """Sends any other request.

    Args:
        request: What is asked.
        send: Sends to who is asked; never raises.
        reliable: The network repeats what it loses.
        answered: Called with the final response, or None if there is none.
        over: Called once when no response is expected any more.
    """

    def __init__(
        self,
        request: SipRequest,
        send: Send,
        reliable: bool,
        answered: Answered,
        over: Callable[[], None],
    ) -> None:
        self.request = request
        self._send = send
        self._reliable = reliable
        self._answered = answered
        self._over = over
        self._timers = Timers()
        self.state = State.CALLING

    def start(self) -> None:
        """Send it."""
        packet = bytes(self.request)
        self._send(packet)
        if not self._reliable:
            self._timers.repeat(lambda: self._send(packet), T2_S)  # timer E
        self._timers.after(LIFE_S, self._expired)

    def receive(self, response: SipResponse) -> None:
        """Take a response; a provisional one changes nothing but the state."""
        if self.state not in (State.CALLING, State.PROCEEDING):
            return
        if response.status_code < 200:
            self.state = State.PROCEEDING
            return
        self.state = State.COMPLETED
        self._timers.stop()
        self._timers.after(0.0 if self._reliable else T4_S, self.stop)  # timer K
        self._answered(response)

    def stop(self) -> None:
        """Forget it; may be called again."""
        self._timers.stop()
        if self.state is not State.OVER:
            self.state = State.OVER
            self._over()

    def _expired(self) -> None:
        """Timer F."""
        self.stop()
        self._answered(None)


def _acknowledging(invite: SipRequest, refusal: SipResponse) -> SipRequest:
    """The ACK of a refusal: within the INVITE's transaction (section 17.1.1.3)."""
    ack = SipRequest(method="ACK", uri=invite.uri)
    ack.add_header("Via", invite.get_header_values("via")[0])
    for value in invite.get_header_values("route"):
        ack.add_header("Route", value)
    ack.add_header("Max-Forwards", "70")
    ack.add_header("From", invite.get_header("from") or "")
    ack.add_header("To", refusal.get_header("to") or "")
    ack.add_header("Call-ID", invite.get_header("call-id") or "")
    number = (invite.get_header("cseq") or "1").split()[0]
    ack.add_header("CSeq", f"{number} ACK")
    return ack
