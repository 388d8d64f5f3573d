"""The server rings itself, for ``voiceserver check``: INVITE, 200, ACK, audio, BYE.

By its own sockets and transactions on both sides, with ports of audio as calls have;
no engine takes part, so nothing is said. Knows no sockets but those it is given.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import replace

from voiceserver.carriers.base import Alerting, Caller, MakeCall, Pending
from voiceserver.carriers.sip.description import (
    NotAcceptable,
    Ours,
    agreed_by,
    answer_to,
    offer,
)
from voiceserver.carriers.sip.dialog import Dialog
from voiceserver.carriers.sip.leg import Leg
from voiceserver.carriers.sip.outward.invitation import Invitation, Party
from voiceserver.carriers.sip.outward.trial import LIMIT_S, Trial
from voiceserver.carriers.sip.udp import Address, Pair
from voiceserver.carriers.sip.wire import Wire
from voiceserver.errors import BadRequest, CallRefused, Overloaded
from voiceserver.streams import first_of

WHAT = "sip call"
_TONE = b"\xff" * 160  # 20 ms of mu-law
_AGAIN_S = 0.02


class Answering:
    """Takes the call that comes, in the exchange's place.

    Args:
        bind: Gives a pair of sockets.
        host: Address of them.
    """

    asks = False

    def __init__(self, bind: Callable[[], Pair], host: str) -> None:
        self._bind = bind
        self._ours = Ours(host, 0, secrets.randbits(31), 1, secrets.token_bytes(30))
        self._pair: Pair | None = None
        self.came = asyncio.Event()

    async def place(
        self, make: MakeCall, caller: Caller, offer: str = ""
    ) -> tuple[str, str]:
        """Answer it, as ``carriers.base.Exchange``; no engine hears it."""
        del make, caller
        self._pair = pair = self._bind()
        pair[0].start(self._heard)
        ours = replace(self._ours, port=pair[0].address[1])
        try:
            return "", answer_to(offer, ours)[1]
        except NotAcceptable as error:
            raise BadRequest(str(error), "invalid_sdp") from None

    async def ended(self, call_id: str) -> None:
        """Nobody asks."""
        del call_id

    def pend(self, alerting: Alerting) -> Pending:
        """Nobody is asked."""
        del alerting
        raise Overloaded("Nobody is asked while the server is tried.")

    def close(self) -> None:
        """Give the ports back."""
        for each in self._pair or ():
            each.close()

    def _heard(self, packet: bytes, source: Address) -> None:
        del packet, source
        self.came.set()


class _Calling:
    """The side that rings, as its signalling sees it."""

    def __init__(self, pair: Pair, ours: Ours) -> None:
        self._pair = pair
        self._ours = ours
        self._to: Address | None = None
        self.taken = asyncio.Event()
        self.why = ""  # it was not taken

    def offered(self, offer: str) -> str:
        """Nobody offers anything."""
        raise NotAcceptable("nothing is negotiated anew")

    def offer(self) -> str:
        """Audio of all kinds."""
        return offer(self._ours)

    def answered(self, answer: str) -> None:
        """Where audio goes."""
        agreed = agreed_by(answer, self._ours)
        self._to = agreed.host, agreed.port

    def established(self) -> None:
        """It is taken."""
        self.taken.set()

    def pressed(self, digit: str) -> None:
        """Nobody presses anything."""

    def hang_up(self, reason: str) -> None:
        """It was not taken, or is over."""
        self.why = self.why or reason
        self.taken.set()

    async def sound(self) -> None:
        """Send audio until cancelled."""
        assert self._to is not None
        while True:
            self._pair[0].send(b"\x80\x00" + bytes(10) + _TONE, self._to)
            await asyncio.sleep(_AGAIN_S)


async def rings_itself(
    party: Party,
    wire: Wire,
    enlist: Callable[[Dialog, str], Leg],
    answering: Answering,
    bind: Callable[[], Pair],
    host: str,
) -> Trial:
    """Ring; tell what came of it.

    Args:
        party: Ourselves.
        wire: Sends requests.
        enlist: Makes the leg of the side that rings, of its dialog and tag.
        answering: The side that takes it.
        bind: Gives a pair of sockets.
        host: Address of them.
    """
    try:
        pair = bind()
    except Overloaded as error:
        cure = "[sip] rtp_port_min and rtp_port_max must leave ports for audio"
        return Trial(WHAT, False, f"{error}; {cure}")
    key = secrets.token_bytes(30)
    ours = Ours(host, pair[0].address[1], secrets.randbits(31), 1, key)
    calling = _Calling(pair, ours)
    made = Invitation(
        party,
        wire,
        lambda dialog: enlist(dialog, made.tag),
        lambda _status, _why: None,
        lambda: None,
    )
    made.talk = calling
    try:
        made.start(calling.offer())
        await first_of(calling.taken.wait(), limit_s=LIMIT_S)
        if not calling.taken.is_set():
            return Trial(WHAT, False, "rings itself, and does not answer")
        if calling.why:
            return Trial(WHAT, False, f"cannot ring itself. {calling.why}")
        await first_of(answering.came.wait(), calling.sound(), limit_s=LIMIT_S)
        if not answering.came.is_set():
            cure = "UDP of [sip] rtp_port_min to rtp_port_max must be let through"
            return Trial(WHAT, False, f"rings itself, but no audio comes; {cure}")
        return Trial(WHAT, True, "rings itself, and audio comes")
    except CallRefused as error:
        return Trial(WHAT, False, f"cannot ring itself. {error}")
    finally:
        await made.end()
        for each in pair:
            each.close()
        answering.close()
