"""A call that goes out: its INVITE, until somebody takes it or it is given up.

RFC 3261, sections 13.2 and 9.1: proved where that is asked for, rung within a limit,
cancelled where it rings; of several who take it the first has it, and the others are
told goodbye. Redirections are refusals. Then it is its leg's. Knows neither sockets nor
audio.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.description import NotAcceptable
from voiceserver.carriers.sip.dialog import Dialog, new_tag
from voiceserver.carriers.sip.leg import Leg, Talk
from voiceserver.carriers.sip.message import ALLOW, SUPPORTED, cseq, tag
from voiceserver.carriers.sip.outward.asking import Asking
from voiceserver.carriers.sip.outward.login import MOST_PROOFS, login_at
from voiceserver.carriers.sip.outward.requests import outside, route
from voiceserver.carriers.sip.outward.transfer import Counterpart
from voiceserver.carriers.sip.transactions.client import ClientTransaction
from voiceserver.carriers.sip.transactions.timing import LIFE_S
from voiceserver.carriers.sip.wire import Flow, Wire, new_branch
from voiceserver.config import SipTrunk
from voiceserver.errors import CallRefused
from voiceserver.streams import first_of

GIVE_UP_LIMIT_S = 1.0  # for the end of what was cancelled; it goes on beyond that
NO_ANSWER = "Nobody took the call."


@dataclass(frozen=True, slots=True)
class Party:
    """Who is called, and how.

    Attributes:
        uri: Of who is called.
        caller: Our own address, without brackets.
        flow: Where to.
        trunk: That it goes out by.
        ring_s: For how long.
    """

    uri: str
    caller: str
    flow: Flow
    trunk: SipTrunk
    ring_s: float


class Invitation:
    """One call out, as its leg is one in.

    Args:
        party: Who is called.
        wire: Sends requests.
        taken: Called when somebody takes it; makes the leg.
        told: Called with a status and words: 180 when it rings, 200 when it is taken,
            else why it was not.
        over: Called once if nobody takes it.
    """

    def __init__(
        self,
        party: Party,
        wire: Wire,
        taken: Callable[[Dialog], Leg],
        told: Callable[[int, str], None],
        over: Callable[[], None],
    ) -> None:
        self._party = party
        self._wire = wire
        self._taken = taken
        self._told = told
        self._over = over
        self._login = login_at(party.trunk)
        self._call_id, self.tag = secrets.token_hex(16), new_tag()
        self._offer = ""
        self._number = 0
        self._invite: SipRequest | None = None
        self._transaction: ClientTransaction | None = None
        self._rings = False  # there was a provisional response: it may be cancelled
        self._given_up = False
        self._ended = asyncio.Event()  # there was a final response, or none will be
        self._early: dict[str, str] = {}  # answers before the call is taken, by tag
        self._acks: dict[str, bytes] = {}
        self._leg: Leg | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.talk: Talk | None = None

    def start(self, offer: str) -> None:
        """Ring."""
        if self._given_up:
            return
        self._offer = offer
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._party.ring_s, self._unanswered)
        self._send()

    async def end(self) -> None:
        """Give it up, or end the call if it was taken; within a limit."""
        if self._leg is not None:
            await self._leg.end()
            return
        if not self._given_up and not self._ended.is_set():
            self._given_up = True
            if self._rings:
                self._cancel()
            await first_of(self._ended.wait(), limit_s=GIVE_UP_LIMIT_S)
        self._close()

    async def refer(self, wanted: str, told: Callable[[str], None]) -> None:
        """As the leg's, once there is one."""
        await self._in_progress().refer(wanted, told)

    async def connect(self, to: Counterpart, told: Callable[[str], None]) -> None:
        """As the leg's, once there is one."""
        await self._in_progress().connect(to, told)

    @property
    def counterpart(self) -> Counterpart:
        """As the leg's, once there is one."""
        return self._in_progress().counterpart

    async def renegotiate(self, offer: str) -> str:
        """As the leg's, once there is one."""
        return await self._in_progress().renegotiate(offer)

    async def send_digits(self, digits: str) -> None:
        """As the leg's, once there is one."""
        await self._in_progress().send_digits(digits)

    def _in_progress(self) -> Leg:
        if self._leg is None:
            raise CallRefused("The call is not in progress.", 481)
        return self._leg

    def _send(
        self, headers: tuple[tuple[str, str], ...] = (), n_proofs: int = 0
    ) -> None:
        self._number += 1
        self._invite = invite = self._made(headers)

        def answered(response: SipResponse | None) -> None:
            self._answered(invite, response, n_proofs)

        self._transaction = self._wire.ask(invite, self._party.flow, answered)

    def _made(self, headers: tuple[tuple[str, str], ...]) -> SipRequest:
        party = self._party
        return outside(
            "INVITE",
            party.uri,
            party.flow.via(new_branch()),
            f"<{party.caller}>;tag={self.tag}",
            f"<{party.uri}>",
            (self._call_id, self._number),
            (
                *route(party.trunk),
                ("Contact", party.flow.contact),
                ("Allow", ALLOW),
                SUPPORTED,
                *headers,
            ),
            self._offer,
        )

    def _answered(
        self, invite: SipRequest, response: SipResponse | None, n_proofs: int
    ) -> None:
        if response is None:
            self._refused(408, "The other side does not answer.")
            return
        status = response.status_code
        if status < 200:
            self._provisional(response)
        elif status < 300:
            self._accepted(invite, response)
        elif not self._again(invite, response, n_proofs):
            why = response.reason_phrase[:80]
            self._refused(status, f"It was refused: {status} {why}.")

    def _again(self, invite: SipRequest, response: SipResponse, n_proofs: int) -> bool:
        """Ask again with a proof, where one is wanted; whether it was asked again."""
        if self._given_up or n_proofs >= MOST_PROOFS:
            return False
        proof = self._login.proof(invite, response)
        if proof is None:
            return False
        self._rings = False
        self._send((proof,), n_proofs + 1)
        return True

    def _provisional(self, response: SipResponse) -> None:
        first, self._rings = not self._rings, True
        if self._given_up:
            if first:
                self._cancel()
            return
        if response.body:
            self._early[tag(response, "to")] = response.text
        if response.status_code in (180, 183):
            self._told(180, "")

    def _accepted(self, invite: SipRequest, response: SipResponse) -> None:
        name = tag(response, "to")
        if name in self._acks:  # it has not come; its ACK comes again
            self._party.flow.send(self._acks[name])
            return
        dialog = Dialog.accepted(invite, response)
        number = cseq(invite)[0]
        ack = dialog.request("ACK", self._party.flow.via(new_branch()), number=number)
        self._acks[name] = bytes(ack)
        self._party.flow.send(self._acks[name])
        if self._leg is not None or self._given_up:
            self._decline(dialog)
            self._ended.set()
            return
        self._quiet()
        self._ended.set()
        self._leg = leg = self._taken(dialog)
        talk = self.talk
        assert talk is not None
        leg.talk = talk
        leg.accepted(response)
        try:
            talk.answered(response.text or self._early.get(name, ""))
        except NotAcceptable as error:
            talk.hang_up(f"The answer cannot be used: {error}.")
            return
        self._told(200, "")
        talk.established()

    def _decline(self, dialog: Dialog) -> None:
        """Somebody took it besides, or too late: they are told goodbye."""
        party = self._party
        asking = Asking(dialog, party.flow, self._wire, party.trunk)
        asking.ask("BYE", lambda _response: None)

    def _refused(self, status: int, why: str) -> None:
        self._ended.set()
        if self._leg is not None or self._given_up:
            return
        self._told(status, why)
        self._hang_up(why)

    def _unanswered(self) -> None:
        self._told(408, NO_ANSWER)
        self._hang_up(NO_ANSWER)

    def _hang_up(self, why: str) -> None:
        self._quiet()
        if self.talk is not None:
            self.talk.hang_up(why)

    def _cancel(self) -> None:
        """Give up what rings (section 9.1): its branch, its number, no tag."""
        invite = self._invite
        assert invite is not None and self._transaction is not None
        made = SipRequest(method="CANCEL", uri=invite.uri)
        for name in ("Via", "From", "To", "Call-ID"):
            made.add_header(name, invite.get_header_values(name)[0])
        for value in invite.get_header_values("Route"):
            made.add_header("Route", value)
        made.add_header("Max-Forwards", "70")
        made.add_header("CSeq", f"{self._number} CANCEL")
        self._wire.ask(made, self._party.flow, lambda _response: None)
        # Whoever does not end it even then is not waited for.
        loop = asyncio.get_running_loop()
        loop.call_later(LIFE_S, self._transaction.stop)

    def _quiet(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _close(self) -> None:
        self._quiet()
        over, self._over = self._over, lambda: None
        over()
