"""The signalling of one call, from its INVITE to its BYE.

Answers what the other side asks within the call, ends it from this side, and keeps the
session's timer. The call itself says what it makes of offers. Knows neither sockets nor
audio.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.sip.description import NotAcceptable
from voiceserver.carriers.sip.dialog import Dialog
from voiceserver.carriers.sip.message import ALLOW, SDP, SUPPORTED, Refusal, cseq
from voiceserver.carriers.sip.outward.asking import RELAY, Asking
from voiceserver.carriers.sip.outward.transfer import TRANSFERRED, Counterpart
from voiceserver.carriers.sip.wire import Asked, Flow, Wire
from voiceserver.config import SipTrunk
from voiceserver.errors import CallRefused
from voiceserver.media.telephone_events import DIGITS
from voiceserver.streams import first_of

LEAST_SESSION_S = 90  # RFC 4028, section 4
LATEST_S = 32  # before its end a session that was not refreshed is given up
BYE_LIMIT_S = 1.0  # for the answer to a BYE; it is repeated beyond that
ACK_LIMIT_S = 1.0  # for an ACK on its way, before a BYE overtakes it
NO_TRUNK = SipTrunk(("127.0.0.0/8",), "")

_SIGNAL = re.compile(r"(?im)^\s*Signal\s*=\s*([0-9A-D*#])\s*$")


class Talk(Protocol):
    """The call whose signalling this is."""

    def offered(self, offer: str) -> str:
        """Answer an offer.

        Raises:
            NotAcceptable: If it cannot be; all stays as it is.
        """

    def offer(self) -> str:
        """Make an offer."""

    def answered(self, answer: str) -> None:
        """Take the answer to the offer.

        Raises:
            NotAcceptable: If it cannot be used.
        """

    def established(self) -> None:
        """The call is taken, and what was agreed on holds."""

    def pressed(self, digit: str) -> None:
        """A digit came by signalling."""

    def hang_up(self, reason: str) -> None:
        """Ask the call to end."""


class Leg:
    """One call's signalling.

    Args:
        dialog: Of the call.
        flow: Where the other side is: requests go where its own came from.
        wire: Sends requests.
        session_s: Longest time without a sign of the other side that we ask for.
        over: Called once when it is over.
        trunk: That it came by; says to whom it may be transferred.

    Attributes:
        gone: Set when the other side has ended it.
        trunk: As given.
    """

    def __init__(
        self,
        dialog: Dialog,
        flow: Flow,
        wire: Wire,
        session_s: int,
        over: Callable[[], None],
        trunk: SipTrunk = NO_TRUNK,
    ) -> None:
        self._dialog = dialog
        self._asks = Asking(dialog, flow, wire, trunk)
        self.trunk = trunk
        self._session_s = session_s
        self._over = over
        self._talk: Talk | None = None
        self._invite: Asked | None = None  # the last of theirs
        self._acknowledged = asyncio.Event()
        self._answer_due = False  # our offer is in a 2xx; its ACK has the answer
        self._confirmed = False
        self._ended = False
        self.gone = asyncio.Event()  # the other side ended it
        self._timer: asyncio.TimerHandle | None = None

    @property
    def talk(self) -> Talk | None:
        """The call, once it is made."""
        return self._talk

    @talk.setter
    def talk(self, talk: Talk) -> None:
        self._talk = talk

    def take(self, invite: Asked, description: str) -> None:
        """Take the call: answer its INVITE with a 200, unless it was given up.

        Args:
            invite: Not answered yet.
            description: Our answer to its offer, or our offer where it has none.
        """
        if self._ended or invite.answered:
            return
        self._accept(invite, description)
        if not self._answer_due and self._talk is not None:
            self._talk.established()

    def accepted(self, response: SipResponse) -> None:
        """Our INVITE was accepted, and that is acknowledged: the call is taken."""
        self._confirmed = True
        self._acknowledged.set()
        interval_s, refresher = _expires(response)
        if interval_s is None:
            return
        interval_s = max(interval_s, LEAST_SESSION_S)
        if refresher == "uac":
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(interval_s / 2, self._refresh, interval_s)
        else:
            self._lapse_after(interval_s)

    def ringing(self, invite: Asked) -> None:
        """The call is being made, or waits for who takes it; may be called again."""
        if self._invite is invite:
            return
        self._invite = invite
        invite.respond(180, (("Contact", self._dialog.contact),))

    def cancelled(self) -> None:
        """The other side gave up before the call was taken."""
        self._gone("The caller gave up.")

    def asked(self, asked: Asked) -> None:
        """Answer a request within the call."""
        request = asked.request
        if not self._dialog.takes(request):
            asked.respond(500, (("Retry-After", "1"),))
            return
        match request.method:
            case "BYE":
                self._left(asked)
            case "INVITE" | "UPDATE":
                self._changed(asked)
            case "INFO":
                self._informed(asked)
            case "NOTIFY":
                asked.respond(200)
                self._asks.notified(request)
            case "OPTIONS":
                asked.respond(200)
            case _:
                asked.respond(405, (("Allow", ALLOW),))

    def acknowledged(self, ack: SipRequest) -> None:
        """The ACK of a 2xx of ours came."""
        invite = self._invite
        if invite is None or cseq(ack)[0] != cseq(invite.request)[0]:
            return
        invite.acknowledged()
        self._acknowledged.set()
        if not self._answer_due or self._talk is None:
            return
        self._answer_due = False
        try:
            self._talk.answered(ack.text)
            self._talk.established()
        except NotAcceptable as error:
            self._gone_from_here(f"The answer cannot be used: {error}.")

    async def refer(self, wanted: str, told: Callable[[str], None]) -> None:
        """Have the other side call somebody else in our place, as ``Asking.refer``."""
        self._require_progress()
        await self._asks.refer(wanted, told)

    async def connect(self, to: Counterpart, told: Callable[[str], None]) -> None:
        """Have the other side take the place of our call with somebody else.

        Raises:
            BadRequest: If that call is not of the same trunk.
            CallRefused: As ``Asking.refer``.
        """
        self._require_progress()
        await self._asks.connect(to, told)

    @property
    def counterpart(self) -> Counterpart:
        """Who the other side is, for another call that takes this one's place.

        Raises:
            CallRefused: If the call is not in progress.
        """
        self._require_progress()
        return Counterpart(self._dialog.replaced, self.trunk.name)

    @property
    def replaceable(self) -> bool:
        """Whether another call may take its place."""
        return self._confirmed and not self._ended and self._talk is not None

    async def replaced(self) -> None:
        """Another has taken its place: say goodbye here, while the call goes on."""
        self._talk = None
        await self.end()

    async def renegotiate(self, offer: str) -> str:
        """Offer the other side other audio, as ``Asking.renegotiate``."""
        self._require_progress()
        return await self._asks.renegotiate(offer)

    async def send_digits(self, digits: str) -> None:
        """Send digits beside the audio, as ``Asking.send_digits``."""
        self._require_progress()
        await self._asks.send_digits(digits)

    async def end(self) -> None:
        """End the call from this side, if the other has not; within a limit."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ended:
            return
        self._ended = True
        self._asks.left()
        try:
            if self._invite is not None and not self._invite.answered:
                self._invite.respond(480)
            elif self._confirmed:
                await self._say_goodbye()
        finally:
            self._over()

    def _accept(self, invite: Asked, description: str) -> None:
        self._invite = invite
        self._answer_due = not invite.request.body
        self._acknowledged.clear()
        self._confirmed = True
        headers = (
            ("Contact", self._dialog.contact),
            ("Allow", ALLOW),
            SUPPORTED,
            *self._timed(invite.request),
        )
        invite.respond(200, headers, description, unacknowledged=self._unheard)

    def _left(self, bye: Asked) -> None:
        bye.respond(200)
        if self._invite is not None and not self._invite.answered:
            self._invite.respond(487)
        elif self._invite is not None:
            self._invite.acknowledged()  # its 2xx came, even if the ACK was lost
        moved = self._asks.left()
        self._gone(TRANSFERRED if moved else "The caller hung up.")

    def _changed(self, asked: Asked) -> None:
        """Negotiate anew, or only hear that the other side is there."""
        request, talk = asked.request, self._talk
        refusal = too_small(request)
        if refusal is not None:
            asked.refuse(refusal)
            return
        if (
            talk is None
            or not self._confirmed
            or (request.body and self._asks.changing)
        ):
            asked.respond(491)
            return
        try:
            description = self._description(request, talk)
        except NotAcceptable as error:
            asked.respond(488, (("Warning", f'399 voiceserver "{error}"'),))
            return
        self._dialog.retarget(request)
        if request.method == "INVITE":
            self._accept(asked, description)
            return
        headers = (("Contact", self._dialog.contact), *self._timed(request))
        asked.respond(200, headers, description)

    @staticmethod
    def _description(request: SipRequest, talk: Talk) -> str:
        if request.body:
            return talk.offered(request.text)
        return talk.offer() if request.method == "INVITE" else ""

    def _informed(self, asked: Asked) -> None:
        """A digit, in one of the two ways that there are."""
        request = asked.request
        kind = (request.content_type or "").partition(";")[0].strip().lower()
        text = request.text[:200]
        if kind == RELAY:
            found = _SIGNAL.search(text)
            digit = found[1].upper() if found else ""
        elif kind == "application/dtmf":
            digit = text.strip().upper()
        elif request.body:
            asked.respond(415, (("Accept", RELAY),))
            return
        else:
            digit = ""
        asked.respond(200)
        if digit in DIGITS and len(digit) == 1 and self._talk is not None:
            self._talk.pressed(digit)

    def _timed(self, request: SipRequest) -> tuple[tuple[str, str], ...]:
        """Keep the session's timer, where the other side has one (RFC 4028)."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        supported = ",".join(request.get_header_values("supported")).lower()
        if "timer" not in re.split(r"[\s,]+", supported):
            return ()
        asked_s, refresher = _expires(request)
        interval_s = min(asked_s or self._session_s, self._session_s)
        interval_s = max(interval_s, LEAST_SESSION_S)
        loop = asyncio.get_running_loop()
        if refresher == "uas":
            self._timer = loop.call_later(interval_s / 2, self._refresh, interval_s)
        else:
            refresher = "uac"
            self._lapse_after(interval_s)
        value = f"{interval_s};refresher={refresher}"
        return (("Session-Expires", value), ("Require", "timer"))

    def _lapse_after(self, interval_s: int) -> None:
        late_s = interval_s - min(LATEST_S, interval_s / 3)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(late_s, self._lapsed)

    def _refresh(self, interval_s: int) -> None:
        """Show that we are there."""
        if self._ended:
            return
        headers = (
            SUPPORTED,
            ("Session-Expires", f"{interval_s};refresher=uac"),
        )
        self._asks.ask("UPDATE", self._refreshed, headers)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(interval_s / 2, self._refresh, interval_s)

    def _refreshed(self, response: SipResponse | None) -> None:
        if response is None or response.status_code in (408, 481):
            self._gone_from_here("The other side does not answer any more.")

    def _lapsed(self) -> None:
        self._gone_from_here("The other side gave no sign in its session's time.")

    def _unheard(self) -> None:
        self._gone_from_here("The call was never acknowledged.")

    def _gone(self, reason: str) -> None:
        """The other side ended the call."""
        was_over, self._ended = self._ended, True
        self.gone.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._talk is not None:
            self._talk.hang_up(reason)
        if not was_over:
            self._over()

    def _gone_from_here(self, reason: str) -> None:
        if self._talk is not None:
            self._talk.hang_up(reason)

    async def _say_goodbye(self) -> None:
        if not self._acknowledged.is_set():
            await first_of(self._acknowledged.wait(), limit_s=ACK_LIMIT_S)
        answered = asyncio.Event()
        self._asks.ask("BYE", lambda _response: answered.set())
        await first_of(answered.wait(), limit_s=BYE_LIMIT_S)

    def _require_progress(self) -> None:
        if not self._confirmed or self._ended:
            raise CallRefused("The call is not in progress.", 481)


def too_small(request: SipRequest) -> Refusal | None:
    """How an INVITE is refused whose session would have to be refreshed too often."""
    asked_s, _ = _expires(request)
    if asked_s is None or asked_s >= LEAST_SESSION_S:
        return None
    return Refusal(422, (("Min-SE", str(LEAST_SESSION_S)),))


def _expires(request: SipRequest | SipResponse) -> tuple[int | None, str]:
    """Seconds and refresher of ``Session-Expires``."""
    found = re.match(
        r"\s*(\d{1,9})\s*(?:;.*?refresher=(uac|uas))?",
        request.get_header("session-expires") or request.get_header("x") or "",
        re.IGNORECASE,
    )
    if found is None:
        return None, ""
    return int(found[1]), (found[2] or "").lower()


ACCEPT = (("Accept", SDP), ("Allow", ALLOW), SUPPORTED)
