"""What the server asks of the other side within a call: transfer, other audio, digits.

Each request is sent again with a proof where one is wanted. Knows neither sockets nor
what the other side asks of us.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.dialog import Dialog
from voiceserver.carriers.sip.message import SDP, Headers, cseq
from voiceserver.carriers.sip.outward.destination import destination
from voiceserver.carriers.sip.outward.login import MOST_PROOFS, login_at
from voiceserver.carriers.sip.outward.transfer import Counterpart, Transfer, refusal_in
from voiceserver.carriers.sip.transactions.timing import LIFE_S
from voiceserver.carriers.sip.wire import Flow, Wire, new_branch
from voiceserver.config import SipTrunk
from voiceserver.errors import BadRequest, CallRefused
from voiceserver.streams import first_of

Answered = Callable[[SipResponse | None], None]
RELAY = "application/dtmf-relay"
# How a side refuses an address of another scheme than sip: (RFC 3261, section 21.4.14;
# Asterisk 22 says 400). A number is then asked for once more, as one at its host.
NO_TEL = (400, 416)


class Asking:
    """Our requests within one call.

    Args:
        dialog: Of the call.
        flow: Where the other side is.
        wire: Sends requests.
        trunk: That the call came by, or went out by.
    """

    def __init__(self, dialog: Dialog, flow: Flow, wire: Wire, trunk: SipTrunk) -> None:
        self._dialog = dialog
        self._flow = flow
        self._wire = wire
        self._dial, self._trunk = trunk.dial, trunk.name
        self._login = login_at(trunk)
        self._transfer: Transfer | None = None
        self.changing = False  # an offer of ours is not answered yet

    def ask(
        self,
        method: str,
        answered: Answered,
        headers: Headers = (),
        body: str = "",
        kind: str = SDP,
        n_proofs: int = 0,
    ) -> None:
        """Ask something.

        Args:
            method: Of the request.
            answered: Called with its responses, or None if there is none in time.
            headers: Further ones.
            body: To be sent along.
            kind: Media type of the body.
            n_proofs: How often it was sent again with a proof.
        """
        sent = tuple(headers)
        request = self._dialog.request(method, self._via(), body, sent, kind)

        def told(response: SipResponse | None) -> None:
            again = None
            if response is not None and n_proofs < MOST_PROOFS:
                again = self._login.proof(request, response)
            if again is None:
                answered(response)
            else:
                kept = (each for each in sent if each[0] != again[0])
                self.ask(method, answered, (*kept, again), body, kind, n_proofs + 1)

        self._wire.ask(request, self._flow, told)

    def acknowledge(self, response: SipResponse) -> None:
        """Send the ACK of a 2xx to an INVITE of ours, each time that it comes."""
        number = cseq(response)[0]
        ack = self._dialog.request("ACK", self._via(), number=number)
        self._flow.send(bytes(ack))

    async def refer(self, wanted: str, told: Callable[[str], None]) -> None:
        """Have the other side call somebody else in our place (RFC 3515, blind).

        Args:
            wanted: Number or address, as ``outward.destination`` reads it.
            told: Called once when the outcome is known: with ``""`` when somebody has
                taken the call, which is then ours to end; else with why not.

        Raises:
            BadRequest: If it is no address, or nobody who may be called by this trunk.
            CallRefused: If the other side will not; the call goes on.
        """
        host = self._dialog.remote_host
        target = destination(wanted, self._dial, host)
        try:
            await self._refer(target, told)
        except CallRefused as refused:
            number = target.removeprefix("tel:")
            if refused.status not in NO_TEL or number == target:
                raise
            await self._refer(destination(number, self._dial, host), told)

    async def connect(self, to: Counterpart, told: Callable[[str], None]) -> None:
        """Have the other side take our place in another call (RFC 5589, section 7).

        Args:
            to: Who we talk to there.
            told: As for ``refer``.

        Raises:
            BadRequest: If they are not at the same trunk: this side may not know them.
            CallRefused: If the other side will not; both calls go on.
        """
        if to.trunk != self._trunk:
            raise BadRequest("Both calls must be of one trunk.", "not_allowed")
        await self._refer(to.address, told)

    async def _refer(self, target: str, told: Callable[[str], None]) -> None:
        if self._transfer is not None:
            raise CallRefused("A transfer is in progress already.", 491)
        self._transfer = transfer = Transfer(told, self._transfer_over)
        headers = (("Refer-To", f"<{target}>"), ("Referred-By", self._dialog.contact))
        self.ask("REFER", transfer.answered, headers)
        await transfer.accepted()

    def notified(self, notify: SipRequest) -> None:
        """The other side tells how a transfer goes; else it is nothing to us."""
        if self._transfer is not None:
            self._transfer.notified(notify)

    def left(self) -> bool:
        """The call is over; whether that is because it was transferred."""
        return self._transfer is not None and self._transfer.left()

    async def renegotiate(self, offer: str) -> str:
        """Offer the other side other audio (re-INVITE); return its answer.

        Raises:
            CallRefused: If it will not, or does not answer, or is being asked already.
        """
        if self.changing:
            raise CallRefused("The call is being changed already.", 491)
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def answered(response: SipResponse | None) -> None:
            if response is not None and 200 <= response.status_code < 300:
                self._dialog.retarget(response)
                self.acknowledge(response)
            if answer.done() or (response is not None and response.status_code < 200):
                return
            if response is not None and response.status_code < 300:
                answer.set_result(response.text)
            else:
                answer.set_exception(refusal_in(response))

        self.changing = True
        try:
            self.ask("INVITE", answered, body=offer)
            async with asyncio.timeout(LIFE_S):
                return await answer
        except TimeoutError:
            raise refusal_in(None) from None
        finally:
            self.changing = False

    async def send_digits(self, digits: str) -> None:
        """Send digits by INFO, where the audio has no place for them."""
        for digit in digits:
            answered = asyncio.Event()
            self.ask(
                "INFO",
                lambda _response, over=answered: over.set(),  # type: ignore[misc]
                body=f"Signal={digit}\r\nDuration=160\r\n",
                kind=RELAY,
            )
            await first_of(answered.wait(), limit_s=LIFE_S)

    def _transfer_over(self) -> None:
        self._transfer = None

    def _via(self) -> str:
        return self._flow.via(new_branch())
