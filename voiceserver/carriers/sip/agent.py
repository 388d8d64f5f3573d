"""The server as a telephone: who may call it, what it refuses, and its calls.

Takes what the sockets bring, turns strangers and floods away unanswered, and brings
calls to the exchange: 180 while one is made, 200 when it is ready. Knows neither
sockets nor audio.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from aiosipua import SipRequest, SipResponse

from voiceserver.carriers.base import Accepted, Caller, Exchange, Incoming
from voiceserver.carriers.sip.alerting import placed
from voiceserver.carriers.sip.call import SipCall, telephony_of
from voiceserver.carriers.sip.description import NotAcceptable
from voiceserver.carriers.sip.dialog import Dialog, Key, key_of
from voiceserver.carriers.sip.digest import Digest
from voiceserver.carriers.sip.gate import Gate, Rate
from voiceserver.carriers.sip.leg import ACCEPT, Leg, too_small
from voiceserver.carriers.sip.message import (
    NotSip,
    Refusal,
    read,
    tag,
    uri_in,
    user_in,
)
from voiceserver.carriers.sip.outward.dialler import Dialler, Ways
from voiceserver.carriers.sip.outward.invitation import Party
from voiceserver.carriers.sip.outward.own_ring import Answering, rings_itself
from voiceserver.carriers.sip.outward.registration import Registration
from voiceserver.carriers.sip.outward.trial import Trial, trials
from voiceserver.carriers.sip.replacing import Replaces, replaces_in
from voiceserver.carriers.sip.signalling import Place
from voiceserver.carriers.sip.udp import Address, Pair
from voiceserver.carriers.sip.wire import Asked, Flow, Network, Wire
from voiceserver.carriers.telephony.attendant import Dialled, session_at
from voiceserver.config import Config, SipTrunk
from voiceserver.errors import BadRequest, Overloaded, SessionEnded, VoiceServerError

log = logging.getLogger(__name__)

RING_S = 10.0  # the server itself, where it is tried
RETRY_S = 5  # a caller that finds no room is asked to come back after it
# Lines of the log about what was turned away: a second after the first, then after
# twice as long each time; after as long without any it is the first again.
LINE_EVERY_S, LINE_LATEST_S = 1.0, 64.0


@dataclass(slots=True)
class TurnedAway:
    """Counts what was not looked at, and says so now and then."""

    now_ns: Callable[[], int]
    n_packets: int = 0
    said_ns: int | None = None
    seen_ns: int = 0
    wait_s: float = LINE_EVERY_S

    def count(self, why: str, host: str) -> None:
        """One packet more."""
        self.n_packets += 1
        now_ns = self.now_ns()
        if now_ns - self.seen_ns >= LINE_LATEST_S * 1e9:
            self.said_ns = None
        self.seen_ns = now_ns
        if self.said_ns is None or now_ns - self.said_ns >= self.wait_s * 1e9:
            again = self.said_ns is not None
            self.wait_s = min(LINE_LATEST_S, 2 * self.wait_s) if again else LINE_EVERY_S
            self.said_ns = now_ns
            log.info(
                "SIP packets were turned away",
                extra={"why": why, "host": host, "packets": self.n_packets},
            )
            self.n_packets = 0


class Agent:
    """All calls of one server by SIP.

    Args:
        config: Of the server.
        now_ns: Monotonic clock.
        bind: Gives a pair of sockets for a call's audio.
        ways: How trunks are reached.

    Attributes:
        dialler: Makes calls.
        registrations: At PBXs.
    """

    def __init__(
        self,
        config: Config,
        now_ns: Callable[[], int],
        bind: Callable[[], Pair],
        ways: Ways,
    ) -> None:
        self._config = config.sip
        self._telephony = telephony_of(config)
        self._bind = bind
        self._gate = Gate(self._config.trunks(), now_ns)
        per_s = self._config.invites_per_s
        self._invites = Rate(per_s, 2 * per_s, now_ns)
        self._digest = Digest(now_ns)
        self._turned_away = TurnedAway(now_ns)
        self._wire = Wire(self)
        self._legs: dict[Key, Leg] = {}
        self._lefts: dict[Key, Callable[[], None]] = {}  # count calls in off a trunk
        self._n_calls: dict[str, int] = {}  # by trunk
        self._exchange: Exchange | None = None
        self._group: asyncio.TaskGroup | None = None
        self.dialler = Dialler(config, self._wire, self._gate, self, ways, bind)
        self.registrations = [
            Registration(account, self._wire, ways, self._gate.learn)
            for account in self._config.account
        ]

    async def run(self, exchange: Exchange) -> None:
        """Take calls until cancelled."""
        self._exchange = exchange
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                self.dialler.open(exchange, group)
                for each in self.registrations:
                    group.create_task(each.run())
                await asyncio.Event().wait()
        finally:
            self._group = None
            self.dialler.close()

    @property
    def n_legs(self) -> int:
        """Calls in progress, those being set up included."""
        return len(self._legs)

    def enlist(self, dialog: Dialog, flow: Flow, tag: str, trunk: SipTrunk) -> Leg:
        """The leg of a call that was taken, as ``outward.dialler.Trunks``."""
        key = (dialog.call_id, tag, dialog.remote_tag)

        def over() -> None:
            self._legs.pop(key, None)

        session_s = self._config.session_s
        self._legs[key] = leg = Leg(dialog, flow, self._wire, session_s, over, trunk)
        return leg

    def take(self, trunk: SipTrunk) -> Callable[[], None]:
        """Count a call of a trunk, as ``outward.dialler.Trunks``."""
        name, taken = trunk.name, [trunk.name]
        if trunk.max_calls and self._n_calls.get(name, 0) >= trunk.max_calls:
            raise Overloaded(f"The trunk has {trunk.max_calls} calls at most.")
        self._n_calls[name] = self._n_calls.get(name, 0) + 1

        def left() -> None:
            while taken:
                self._n_calls[taken.pop()] -= 1

        return left

    def trials(self, here: Address, ways: Ways) -> AsyncGenerator[Trial, None]:
        """Try what can be tried without a call; ``here`` is where we are reached."""
        host, port = here
        self._gate.learn(host, SipTrunk((host,), "itself"))
        named = f"[{host}]" if ":" in host else host
        return trials(
            self._config, self._wire, ways, self.registrations, f"{named}:{port}"
        )

    async def rings_itself(self, here: Address, flow: Flow) -> Trial:
        """Ring ourselves; as ``trials`` it takes no call of others meanwhile.

        Args:
            here: Where we are reached.
            flow: The way there.
        """
        host, port = here
        itself = SipTrunk((host,), "itself")
        self._gate.learn(host, itself)
        named = f"[{host}]" if ":" in host else host
        numbers = [each.number for each in self._config.number if each.number != "*"]
        uri = f"sip:{numbers[0] if numbers else 'check'}@{named}:{port}"
        party = Party(uri, f"sip:check@{named}", flow, itself, RING_S)
        self._exchange = answering = Answering(self._bind, host)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                return await rings_itself(
                    party,
                    self._wire,
                    lambda dialog, tag: self.enlist(dialog, flow, tag, itself),
                    answering,
                    self._bind,
                    host,
                )
        finally:
            self._group = self._exchange = None

    def stop(self) -> None:
        """Repeat nothing any more."""
        self._wire.stop()

    def knows(self, host: str) -> bool:
        """Whether an address is one of a trunk."""
        if self._gate.trunk_at(host) is not None:
            return True
        self._turned_away.count("stranger", host)
        return False

    def receive(self, packet: bytes, network: Network, source: Address) -> None:
        """Take a packet, or a message of a connection. Never raises."""
        host = source[0]
        if not self.knows(host):
            return
        if not self._gate.in_time(host):
            self._turned_away.count("flood", host)
        elif packet.strip(b"\r\n\0 \t"):  # else it keeps a way through a NAT open
            try:
                self._read(packet, Flow(network, source, source))
            except NotSip:
                self._turned_away.count("malformed", host)
            except Exception:  # a fault of ours; others' calls go on
                log.exception("a SIP message could not be taken")

    def asked(self, asked: Asked) -> None:
        """Take a request that came for the first time."""
        request = asked.request
        if tag(request, "to"):
            leg = self._legs.get(key_of(request))
            if leg is None:
                asked.respond(481)
            else:
                leg.asked(asked)
        elif request.method == "OPTIONS":
            asked.respond(200, ACCEPT)
        elif request.method == "INVITE":
            self._invited(asked)
        else:
            asked.respond(481)

    def acknowledged(self, ack: SipRequest) -> None:
        """Take the ACK of a 2xx."""
        leg = self._legs.get(key_of(ack))
        if leg is not None:
            leg.acknowledged(ack)

    def cancelled(self, invite: Asked) -> None:
        """Give up a call that was not taken yet."""
        invite.respond(487)
        leg = self._legs.get(_key(invite))
        if leg is not None:
            leg.cancelled()

    def _read(self, packet: bytes, flow: Flow) -> None:
        message, refusal = read(packet)
        if isinstance(message, SipResponse):
            self._wire.responded(message)
        else:
            self._wire.requested(message, refusal, flow)

    def _invited(self, asked: Asked) -> None:
        """Refuse a call, or begin to take it."""
        trunk = self._gate.trunk_at(asked.flow.source[0])
        assert trunk is not None  # or it would not have been read
        refusal = self._refusal(asked.request, trunk)
        if refusal is not None:
            asked.refuse(refusal)
            return
        assert self._group is not None
        replaces = replaces_in(asked.request)
        if isinstance(replaces, Replaces):
            refusal = self._replace(asked, replaces, trunk)
            if refusal is not None:
                asked.refuse(refusal)
            return
        asked.respond(100)
        # At once: the next INVITE may come before the task runs.
        left = self.take(trunk)
        self._group.create_task(self._take(asked, trunk, left))

    def _refusal(self, invite: SipRequest, trunk: SipTrunk) -> Refusal | None:
        if trunk.user:
            password = os.environ.get(trunk.password_env, "")
            known = password and self._digest.proves(invite, trunk.user, password)
            if not known:
                return Refusal(401, self._digest.challenges())
        if not self._config.answers_at(_called(invite)):
            return Refusal(404)
        replaces = replaces_in(invite)
        if isinstance(replaces, Refusal):
            return replaces
        full = self._n_calls.get(trunk.name, 0) >= trunk.max_calls > 0
        if full and replaces is None:
            return Refusal(486)
        if self._group is None or not self._invites.take():
            return Refusal(503, (("Retry-After", str(RETRY_S)),))
        return too_small(invite)

    def _replace(
        self, asked: Asked, replaces: Replaces, trunk: SipTrunk
    ) -> Refusal | None:
        """Let a call take the place of another (RFC 3891, section 3), or refuse it."""
        before = self._legs.get(replaces.key)
        if before is None or not before.replaceable:
            return Refusal(481)
        if before.trunk != trunk:
            return Refusal(403)  # only who may bring calls there may take them over
        if replaces.early_only:
            return Refusal(486)
        call = before.talk
        if not isinstance(call, SipCall):
            return Refusal(481)
        place = Place.by(asked.flow, trunk, self._bind)
        leg, over = self._invited_leg(asked, trunk)
        leg.talk = call
        try:
            description = call.taken_over(leg, place, asked.request.text)
        except NotAcceptable as error:
            over()
            return Refusal(488, (("Warning", f'399 voiceserver "{error}"'),))
        left = self._lefts.pop(replaces.key, None)
        if left is not None:
            self._lefts[_key(asked)] = left
        leg.take(asked, description)
        assert self._group is not None
        self._group.create_task(before.replaced())
        return None

    def _invited_leg(
        self, asked: Asked, trunk: SipTrunk
    ) -> tuple[Leg, Callable[[], None]]:
        """The leg of a call that comes in, and what forgets it."""
        key = _key(asked)

        def over() -> None:
            self._legs.pop(key, None)
            left = self._lefts.pop(key, None)
            if left is not None:
                left()

        self._legs[key] = leg = Leg(
            Dialog.invited(asked.request, asked.to_tag, asked.flow.contact),
            asked.flow,
            self._wire,
            self._config.session_s,
            over,
            trunk,
        )
        return leg, over

    async def _take(
        self, asked: Asked, trunk: SipTrunk, left: Callable[[], None]
    ) -> None:
        """Take a call; its place at the trunk is taken, and ``left`` gives it back."""
        invite, flow = asked.request, asked.flow
        leg, over = self._invited_leg(asked, trunk)
        self._lefts[_key(asked)] = left
        called = _called(invite)
        caller = user_in(uri_in(invite.get_header("from") or ""))
        place = Place.by(flow, trunk, self._bind)
        exchange = self._exchange
        assert exchange is not None

        async def put(accepted: Accepted, call_id: str) -> str:
            dialled = Dialled(caller, called, accepted.attended)

            def make(incoming: Incoming) -> SipCall:
                if asked.answered:  # it was cancelled before there was a call to end
                    raise SessionEnded("The caller gave up.")
                leg.talk = call = SipCall(incoming, leg, place, dialled)
                leg.ringing(asked)
                return call

            who = Caller(flow.source[0], session=accepted.session, call_id=call_id)
            return (await exchange.place(make, who, invite.text))[1]

        session = session_at(self._telephony.at(called))
        try:
            description = await placed(exchange, asked, leg, session, put)
            if description is None:
                over()
            else:
                leg.take(asked, description)
        except VoiceServerError as error:
            asked.refuse(_refusal_of(error))
            over()
        except Exception:
            asked.respond(500)
            over()
            log.exception("a call could not be made")


def _key(asked: Asked) -> Key:
    request = asked.request
    return request.get_header("call-id") or "", asked.to_tag, tag(request, "from")


def _called(invite: SipRequest) -> str:
    return user_in(invite.uri)


def _refusal_of(error: VoiceServerError) -> Refusal:
    match error:
        case Overloaded():
            return Refusal(503, (("Retry-After", str(RETRY_S)),))
        case BadRequest():
            return Refusal(488, (("Warning", f'399 voiceserver "{error}"'),))
        case SessionEnded():
            return Refusal(480)
        case _:
            return Refusal(480, (("Retry-After", str(RETRY_S)),))
