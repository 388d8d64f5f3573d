"""A telephone call by SIP: its audio over RTP, its life that of any call.

What was signalled comes from its leg. Knows neither SIP's messages nor sockets.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import asdict, replace

import numpy as np

from voiceserver.audio import Samples
from voiceserver.carriers.base import Call, HeldCall, Incoming
from voiceserver.carriers.sip.audio_line import AudioLine
from voiceserver.carriers.sip.description import (
    Agreed,
    NotAcceptable,
    Ours,
    agreed_by,
    answer_to,
    offer,
    offer_again,
)
from voiceserver.carriers.sip.outward.screening import Screening
from voiceserver.carriers.sip.outward.tools import SipTools, keys_in
from voiceserver.carriers.sip.outward.transfer import TRANSFERRED
from voiceserver.carriers.sip.signalling import Place, Signalling
from voiceserver.carriers.telephony.attendant import Attendant, Dialled, phone_call
from voiceserver.commands import AddMessage, CreateReply, EndCode
from voiceserver.config import Config, TelephonyConfig
from voiceserver.errors import BadRequest, CallRefused, SessionEnded
from voiceserver.events import MediaReport
from voiceserver.media.codecs import encoder_for
from voiceserver.media.receiver import AudioReceiver
from voiceserver.media.reports import MediaMeter, summary
from voiceserver.media.sender import AudioSender, SparingEncoder, shared
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import Carrier
from voiceserver.streams import first_of

log = logging.getLogger(__name__)

CARRIER = Carrier("sip", telephone=True)
LOOK_S = 1.0
# What sounds is heard before a transfer begins; looked at every so often.
QUIET_S, QUIET_LIMIT_S = 0.2, 15.0
TAKEN_OVER = "The call was put through: somebody else is on the line from now on."
BEGIN_LIMIT_S, SAID_LIMIT_S = 5.0, 120.0  # of what is said to a machine


def telephony_of(config: Config) -> TelephonyConfig:
    """Who answers where, by SIP."""
    if not config.sip.number:
        return config.telephony
    return replace(config.telephony, number=config.sip.number)


def _told_nobody(_text: str) -> None:
    """A telephone has no place for texts."""


def _nobody_minds(_why: str) -> None:
    """Nobody asked to be told."""


class SipCall(HeldCall):
    """One call.

    Args:
        incoming: What it is made of.
        signalling: Its leg.
        place: Of its audio.
        dialled: Who calls whom.
        screening: Hears first who took it, where that was asked for.

    Raises:
        BadRequest: If the session of the number cannot be used.
    """

    def __init__(
        self,
        incoming: Incoming,
        signalling: Signalling,
        place: Place,
        dialled: Dialled,
        screening: Screening | None = None,
    ) -> None:
        parts = incoming.parts
        self._screening = screening
        self._metrics = parts.metrics
        self._clock = parts.clock
        self._signalling = signalling
        self._place = place
        self._established = asyncio.Event()
        self._playout = Playout()
        telephony = telephony_of(parts.config)
        offered = telephony.at(dialled.called).tools if dialled.attended else ()
        self._tools = SipTools(offered)
        super().__init__(
            phone_call(incoming), CARRIER, self._playout, _told_nobody, self._tools
        )
        self._receiver = AudioReceiver(self._hear, parts.clock)
        self._sender = AudioSender(
            self._playout.next_frame, self._left_out, parts.clock
        )
        self._meter = MediaMeter(parts.metrics)
        self._line: AudioLine | None = None
        self._agreed: Agreed | None = None
        self._sent: tuple[int, str, int] | None = None  # what is sent; None on hold
        self._holding = False  # the other side is held by us
        self._n_left_out = 0
        self._ours = Ours("", 0, secrets.randbits(31), 0, secrets.token_bytes(30))
        self._silent_s = parts.config.sip.silent_s
        self._attendant = Attendant(
            self._session, telephony, dialled, parts.clock, self.hang_up
        )

    async def answer(self, offer: str) -> str:
        """Take an offer, or none (``""``); return our answer, or our offer.

        Raises:
            BadRequest: If the offer cannot be used.
            Overloaded: If no port is free.
        """
        try:
            self._line = AudioLine(
                self._place.bind(),
                self._receiver,
                self.pressed,
                self._strange,
                self._clock,
            )
            host, port = self._place.host, self._line.port
            self._ours = replace(self._ours, host=host, port=port)
            if offer:
                return self.offered(offer)
            self._line.discard()
            return self.offer()
        except NotAcceptable as error:
            self._let_go()
            raise BadRequest(str(error), "invalid_sdp") from None
        except BaseException:
            self._let_go()  # whoever asked is told by who asked the exchange
            raise

    def offered(self, offer: str) -> str:
        """Answer an offer.

        Raises:
            NotAcceptable: If it cannot be; all stays as it is.
        """
        self._next_version()
        agreed, answer = answer_to(offer, self._ours)
        self._agree(agreed)
        return answer

    def offer(self) -> str:
        """Make an offer of all that there is."""
        self._next_version()
        return offer(self._ours, self._secure)

    def answered(self, answer: str) -> None:
        """Take the answer to it.

        Raises:
            NotAcceptable: If it cannot be used.
        """
        self._agree(agreed_by(answer, self._ours, self._secure))

    def established(self) -> None:
        """The call is taken."""
        if not self._established.is_set():
            self._established.set()

    def pressed(self, digit: str) -> None:
        """Take a digit of the caller's."""
        self._attendant.press(digit)

    async def refer(
        self, wanted: str, failed: Callable[[str], None] = _nobody_minds
    ) -> None:
        """Transfer the call (REFER, blind); return once the other side will do it.

        The call ends when somebody else has taken it, and goes on if nobody does.

        Args:
            wanted: A number, ``tel:`` and a number, or ``sip:user@host``.
            failed: Called with why, if nothing came of it after all.

        Raises:
            BadRequest: If it is no address (``invalid_destination``), or not in the
                trunk's ``dial`` (``not_allowed``).
            CallRefused: If the other side will not.
        """

        def told(why: str) -> None:
            if why:
                failed(why)
            else:
                self.hang_up(TRANSFERRED)

        await self._signalling.refer(wanted, told)

    async def connect(self, other: Call) -> None:
        """Put the other side through to that of another call, by hand.

        Both calls end when they talk to each other, and go on if nothing comes of it.

        Raises:
            BadRequest: If it is this call, none by SIP, or of another trunk.
            CallRefused: If the other side will not.
        """
        if other is self or not isinstance(other, SipCall):
            raise BadRequest("This is no other call by SIP.", "invalid_destination")

        def told(why: str) -> None:
            if not why:
                other.hang_up(TRANSFERRED)
                self.hang_up(TRANSFERRED)

        await self._signalling.connect(other._signalling.counterpart, told)

    def taken_over(self, signalling: Signalling, place: Place, offer: str) -> str:
        """Somebody else takes the other side's place; the conversation goes on.

        Args:
            signalling: Theirs, from now on; of the side before nothing is heard.
            place: Where they are.
            offer: Theirs, or none (``""``).

        Returns:
            Our answer, or our offer.

        Raises:
            NotAcceptable: If the offer cannot be used; all stays as it is.
        """
        before = self._place, self._ours
        self._place = place
        # Who was there before knows the key.
        key = secrets.token_bytes(30)
        self._ours = replace(self._ours, host=place.host, key=key)
        try:
            description = self.offered(offer) if offer else self.offer()
        except NotAcceptable:
            self._place, self._ours = before
            raise
        self._signalling = signalling
        self._session.command(AddMessage("system", TAKEN_OVER))
        return description

    async def transfer(self, to: str) -> None:
        """Transfer the call, for the text model; errors as ``refer``."""
        await self.refer(to, lambda why: self.tell(f"The transfer failed: {why}"))

    async def send_digits(self, digits: str) -> None:
        """Press keys (RFC 4733, else INFO); return when they are sent.

        Args:
            digits: Of ``0``..``9``, ``*``, ``#`` and ``A``..``D``.

        Raises:
            BadRequest: If they are none.
        """
        keys, agreed = keys_in(digits), self._agreed
        if agreed is None or agreed.events is None or self._sent is None:
            await self._signalling.send_digits(keys)
        else:
            events, rate = agreed.events, agreed.events_rate
            await asyncio.sleep(self._sender.press(keys, events, rate))

    async def hold(self, seconds: float) -> None:
        """Hold the other side for so long; the text model is told when it is back.

        Raises:
            CallRefused: If it cannot be held. If it cannot be taken up again, the call
                ends.
        """
        await self._direct("sendonly", True)
        await asyncio.sleep(seconds)
        try:
            await self._direct("sendrecv", False)
        except CallRefused as error:
            self.hang_up(f"The other side could not be taken up again. {error}")
            return
        self.tell("The hold is over; the other side is back.")

    def greet(self) -> None:
        """Greet who took the call."""
        self._attendant.greet()

    async def say(self, text: str) -> None:
        """Say a text; return when it was heard, within a limit."""
        self._session.command(CreateReply(say=text))
        await self._until(lambda: self._playout.sounding, BEGIN_LIMIT_S)
        await self._until(lambda: not self._playout.sounding, SAID_LIMIT_S)

    async def _until(self, holds: Callable[[], bool], limit_s: float) -> None:
        for _ in range(round(limit_s / QUIET_S)):
            if holds():
                return
            await asyncio.sleep(QUIET_S)

    async def quiet(self) -> None:
        """Wait until nothing of the reply sounds any more, within a limit."""
        await asyncio.sleep(2 * QUIET_S)  # its sound may not have begun
        for _ in range(round(QUIET_LIMIT_S / QUIET_S)):
            if not self._playout.sounding:
                return
            await asyncio.sleep(QUIET_S)

    def tell(self, what: str) -> None:
        """Tell the text model, which then answers."""
        self._session.command(AddMessage("system", what))
        self._session.command(CreateReply(patient=True))

    @property
    def _secure(self) -> bool:
        """Whether an offer of ours is of encrypted audio: what is stays so."""
        agreed = self._agreed
        return self._place.secure if agreed is None else agreed.keys is not None

    async def _direct(self, direction: str, holding: bool) -> None:
        """Change the direction of the audio from this side."""
        agreed = self._agreed
        if agreed is None:
            raise CallRefused("There is no audio yet.", 491)
        self._next_version()
        offered = offer_again(agreed, self._ours, direction)
        answer = await self._signalling.renegotiate(offered)
        self._holding = holding
        try:
            self._agree(agreed_by(answer, self._ours, self._secure))
        except NotAcceptable as error:
            raise CallRefused(f"Its answer cannot be used: {error}.", 488) from None

    async def _connect(self) -> None:
        await first_of(
            self._established.wait(), self._over.wait(), limit_s=self._place.setup_s
        )
        if self._over.is_set() or not self._established.is_set():
            raise SessionEnded(self._reason or "The call was not set up in time.")
        assert self._line is not None
        place = self._place
        self._metrics.trunk_calls.labels(place.trunk, place.way).inc()
        self._line.start()
        if self._screening is None:
            self._attendant.greet()
        self._send_or_hold()

    def _beside(self) -> Sequence[Coroutine[object, object, None]]:
        works = [self._watch(), self._tools.run(self), *self._attendant.beside()]
        if self._screening is not None:
            works.append(self._screening.run(self))
        return works

    async def _watch(self) -> None:
        """End the call when nothing comes for long, but on hold."""
        assert self._line is not None
        seen, idle_s = 0, 0.0
        for look in itertools.count(1):
            await asyncio.sleep(LOOK_S)
            self._line.report()
            fared = self._media()
            self._meter.update(fared)
            if look % 2 == 0:
                self._session.happens(fared)
            agreed = self._agreed  # who holds us may send nothing, whatever it says
            waits = agreed is not None and agreed.receives and agreed.sends
            now = self._line.n_received
            idle_s = idle_s + LOOK_S if waits and now == seen else 0.0
            seen = now
            if idle_s >= self._silent_s:
                self.hang_up(f"No audio came for {self._silent_s:g} s.")
                return

    async def _goodbye(self) -> None:
        fared = self._media()
        self._meter.update(fared)
        log.info("audio of a call", extra=asdict(fared))

    def _farewell(self, code: EndCode) -> str | None:
        return self._attendant.farewell(code)

    async def _close(self) -> None:
        self._attendant.close()
        self._let_go()
        await self._signalling.end()

    def _let_go(self) -> None:
        self._sender.stop()
        self._receiver.stop()
        if self._line is not None:
            self._line.close()

    def _media(self) -> MediaReport:
        return summary(
            self._receiver,
            None if self._line is None else self._line.rtt_s,
            self._sender.n_sent,
            self._n_left_out,
            self._playout.underruns,
        )

    def _agree(self, agreed: Agreed) -> None:
        assert self._line is not None
        self._agreed = agreed
        self._line.agree(agreed, self._place.peer)
        if self._established.is_set():
            self._send_or_hold()

    def _send_or_hold(self) -> None:
        """Send as agreed; on hold nothing is pulled, so no word is lost."""
        agreed, line = self._agreed, self._line
        assert agreed is not None and line is not None
        sends = agreed.sends and not self._holding
        chosen = agreed.payload_type, agreed.mime_type, agreed.ptime_ms
        wanted = chosen if sends else None
        if wanted == self._sent:
            return
        self._sender.stop()
        self._sent = wanted
        encoder = encoder_for(agreed.mime_type)
        if wanted is not None and encoder is not None:
            memory = shared(agreed.mime_type)
            sparing = SparingEncoder(encoder, memory)
            self._sender.start(line, sparing, agreed.ptime_ms)

    def _hear(self, samples: Samples, made_up: bool) -> None:
        self._attendant.heard()
        if self._screening is not None and not self._screening.over:
            self._screening.hear(samples)
            samples = np.zeros_like(samples)
        self._session.hear(samples, made_up)

    def _left_out(self, n_frames: int) -> None:
        self._n_left_out += n_frames
        self._metrics.dropped.labels("send").inc(n_frames)

    def _strange(self) -> None:
        self._metrics.dropped.labels("stranger").inc()

    def _next_version(self) -> None:
        self._ours = replace(self._ours, version=self._ours.version + 1)
