"""What asks until it is answered: both client transactions of SIP.

RFC 3261, section 17.1, with the state *accepted* of RFC 6026: a request is repeated
where the network may lose it, given up after 32 seconds, and a refusal of an INVITE is
acknowledged, however often it comes. Knows neither sockets nor what is asked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.transactions.timing import LIFE_S, T2_S, T4_S
from voiceserver.carriers.sip.transactions.transaction import Send, State, Transaction

Answered = Callable[[SipResponse | None], None]


class ClientTransaction(Transaction, ABC):
    """Sends a request.

    Args:
        request: What is asked.
        send: Sends to who is asked; never raises.
        reliable: The network repeats what it loses.
        answered: Called with responses, or None if there is none in time.
        over: Called once when no response is expected any more.
    """

    cap_s = T2_S  # longest wait between two copies: timer E

    def __init__(
        self,
        request: SipRequest,
        send: Send,
        reliable: bool,
        answered: Answered,
        over: Callable[[], None],
    ) -> None:
        super().__init__(send, reliable, over, State.CALLING)
        self.request = request
        self._answered = answered

    def start(self) -> None:
        """Send it."""
        packet = bytes(self.request)
        self._send(packet)
        if not self._reliable:
            self._timers.repeat(lambda: self._send(packet), self.cap_s)
        self._timers.after(LIFE_S, self._expired)

    @abstractmethod
    def receive(self, response: SipResponse) -> None:
        """Take a response."""

    def _expired(self) -> None:
        """Timer F."""
        self.stop()
        self._answered(None)


class InviteClient(ClientTransaction):
    """Sends an INVITE.

    Each response is told but copies of refusals; a 2xx each time it comes, as it is for
    the dialog to acknowledge.
    """

    cap_s = LIFE_S  # timer A has no cap
    _acknowledgement = b""

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

    def _final(self, state: State) -> None:
        if self.state is not state:
            self.state = state
            self._timers.stop()
            short = self._reliable and state is State.COMPLETED
            self._timers.after(0.0 if short else LIFE_S, self.stop)  # timers D and M

    def _expired(self) -> None:
        """Timer B; who rings is waited for by whoever rang."""
        if self.state is State.CALLING:
            super()._expired()


class OtherClient(ClientTransaction):
    """Sends any other request; the final response alone is told, once."""

    def receive(self, response: SipResponse) -> None:
        """Take a response; a provisional one changes nothing but the state."""
        if self.state not in (State.CALLING, State.PROCEEDING):
            return
        if response.status_code < 200:
            self.state = State.PROCEEDING
            return
        self.state = State.COMPLETED
        self._timers.stop()
        self._linger(T4_S)  # timer K
        self._answered(response)


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
