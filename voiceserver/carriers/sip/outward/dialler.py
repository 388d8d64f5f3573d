"""Calls out: who may be called by which trunk, and each brought to the exchange.

Says what became of each in its book. Knows neither sockets nor audio.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Protocol

from voiceserver.carriers.base import (
    Call,
    Caller,
    Exchange,
    Incoming,
    Wanted,
    merged,
)
from voiceserver.carriers.sip.call import SipCall, telephony_of
from voiceserver.carriers.sip.dialog import Dialog
from voiceserver.carriers.sip.gate import Gate
from voiceserver.carriers.sip.leg import Leg
from voiceserver.carriers.sip.message import uri_in
from voiceserver.carriers.sip.outward.book import RESULTS, Book, CallState
from voiceserver.carriers.sip.outward.destination import destination
from voiceserver.carriers.sip.outward.invitation import Invitation, Party
from voiceserver.carriers.sip.outward.screening import Screening
from voiceserver.carriers.sip.signalling import Place
from voiceserver.carriers.sip.udp import Pair
from voiceserver.carriers.sip.wire import Flow, Wire
from voiceserver.carriers.telephony.attendant import Dialled, session_at
from voiceserver.config import Config, SipTrunk
from voiceserver.config.sip import CALLER
from voiceserver.errors import BadRequest, Overloaded
from voiceserver.metrics import Metrics
from voiceserver.turns.answerer import AnsweredBy

SETUP_MORE_S = 10.0  # a call may take longer than it rings by so much


class Ways(Protocol):
    """How other sides are reached."""

    async def flow_to(self, host: str, transport: str) -> Flow:
        """The way to a host.

        Args:
            host: Name or address; with a port, or as its records say.
            transport: ``"udp"``, ``"tcp"``, ``"tls"``, or ``"auto"``: as they say.

        Raises:
            CallRefused: If there is no such host, or no way to it.
        """

    def failed(self, flow: Flow) -> None:
        """Nobody answered there: other ways to that host, if any, go first."""


class Trunks(Protocol):
    """Who counts the calls of trunks, and knows their legs."""

    def enlist(self, dialog: Dialog, flow: Flow, tag: str, trunk: SipTrunk) -> Leg:
        """The leg of a call that was taken; what is asked within it reaches it."""

    def take(self, trunk: SipTrunk) -> Callable[[], None]:
        """Count a call; returns what counts it off, once however often it is called.

        Raises:
            Overloaded: If the trunk has no room for it.
        """


class Dialler:
    """Makes calls.

    Args:
        config: Of the server.
        wire: Sends requests.
        gate: Learns where trunks are.
        trunks: Count the calls.
        ways: How trunks are reached.
        bind: Gives a pair of sockets for a call's audio.
    """

    def __init__(
        self,
        config: Config,
        wire: Wire,
        gate: Gate,
        trunks: Trunks,
        ways: Ways,
        bind: Callable[[], Pair],
    ) -> None:
        self._config = config.sip
        self._telephony = telephony_of(config)
        self._wire = wire
        self._gate = gate
        self._trunks = trunks
        self._ways = ways
        self._bind = bind
        self._book = Book()
        self._exchange: Exchange | None = None
        self._group: asyncio.TaskGroup | None = None

    def open(self, exchange: Exchange, group: asyncio.TaskGroup) -> None:
        """Calls may be made from now on, until ``close``."""
        self._exchange, self._group = exchange, group

    def close(self) -> None:
        """No more calls."""
        self._exchange = self._group = None

    def find(self, call_id: str) -> dict[str, object] | None:
        """A call as it stands, as JSON; None if there is none of that id."""
        found = self._book.find(call_id)
        return found.shown() if found is not None else None

    async def states(self, call_id: str) -> AsyncGenerator[dict[str, object], None]:
        """All states of a call until it has ended, as JSON."""
        async with aclosing(self._book.states(call_id)) as states:
            async for state in states:
                yield state.shown()

    async def dial(self, wanted: Wanted) -> dict[str, object]:
        """Make a call; returns when it is on its way, as ``carriers.base.Dialler``."""
        if self._exchange is None or self._group is None:
            raise Overloaded("Calls cannot be made just now.")
        trunk, caller = self._trunk(wanted.trunk), self._caller(wanted)
        uri = destination(_plain(wanted.to), trunk.dial, trunk.host)
        flow = await self._way(trunk, uri)
        left = self._trunks.take(trunk)
        try:
            ours = f"sip:{caller}@{_domain(trunk, flow)}"
            party = Party(uri, ours, flow, trunk, self._config.ring_s)
            return await self._place(wanted, party, caller, left)
        except BaseException:
            left()
            raise

    async def _place(
        self,
        wanted: Wanted,
        party: Party,
        caller: str,
        left: Callable[[], None],
    ) -> dict[str, object]:
        exchange, group = self._exchange, self._group
        assert exchange is not None and group is not None
        number = self._telephony.at(caller)
        state = CallState("", wanted.to, caller, party.trunk.name)

        def told(status: int, why: str) -> None:
            last = self._book.find(state.id)
            if status == 408 and last is not None and last.state == "calling":
                self._ways.failed(party.flow)  # it did not even ring
            self._note(status, why, state)

        def taken(dialog: Dialog) -> Leg:
            return self._trunks.enlist(dialog, party.flow, made.tag, party.trunk)

        made = Invitation(party, self._wire, taken, told, lambda: None)

        counted: list[Metrics] = []

        def make(incoming: Incoming) -> Call:
            counted.append(incoming.parts.metrics)
            out_s = party.ring_s + SETUP_MORE_S
            place = Place.by(party.flow, party.trunk, self._bind, out_s)
            dialled = Dialled(wanted.to, caller)
            screening = self._screening(wanted, lambda who: self._heard(who, state))
            made.talk = call = SipCall(incoming, made, place, dialled, screening)
            return call

        session = merged(session_at(number), wanted.session)
        call_id, offer = await exchange.place(
            make, Caller(wanted.place, wanted.key, session=session, asked_for=True)
        )
        state = replace(state, id=call_id)
        self._book.add(state)
        group.create_task(self._until_ended(call_id, exchange, left, counted[0]))
        made.start(offer)
        return state.shown()

    def _note(self, status: int, why: str, state: CallState) -> None:
        last = self._book.find(state.id)
        assert last is not None
        if status == 180:
            self._book.add(replace(last, state="ringing"))
        elif 200 <= status < 300:
            self._book.add(replace(last, state="answered"))
        else:
            result = RESULTS.get(status, "failed")
            ended = replace(last, state="ended", result=result, reason=why)
            self._book.add(replace(ended, status=status))

    @staticmethod
    def _screening(
        wanted: Wanted, told: Callable[[AnsweredBy], None]
    ) -> Screening | None:
        if wanted.detection == "none":
            return None
        return Screening(wanted.detection, wanted.message, told)

    def _heard(self, who: AnsweredBy, state: CallState) -> None:
        last = self._book.find(state.id)
        assert last is not None
        self._book.add(replace(last, answered_by=who.value))

    async def _until_ended(
        self,
        call_id: str,
        exchange: Exchange,
        left: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        """Keep the call's place until it is over."""
        try:
            await exchange.ended(call_id)
        finally:
            left()
            last = self._book.find(call_id)
            if last is not None:
                was = "completed" if last.state == "answered" else "cancelled"
                self._book.add(replace(last, state="ended", result=was))
                metrics.dialled_calls.labels(last.trunk, last.result or was).inc()

    def _trunk(self, name: str) -> SipTrunk:
        """By which trunk.

        Raises:
            BadRequest: If there is none of that name, or none that calls go out by.
        """
        able = [each for each in self._config.lines() if each.dial]
        if name:
            able = [each for each in able if each.name == name]
        if not able:
            raise BadRequest(
                "No trunk of that name may call anybody; [[sip.trunk]] dial says who "
                "may be called.",
                "unknown_trunk",
                "trunk",
            )
        return able[0]

    def _caller(self, wanted: Wanted) -> str:
        """Our number.

        Raises:
            BadRequest: If it is none.
        """
        trunk = self._trunk(wanted.trunk)
        caller = wanted.caller or trunk.caller or trunk.login or "voiceserver"
        if not CALLER.match(caller):
            raise BadRequest("This is no number.", "invalid_value", "from")
        return caller

    async def _way(self, trunk: SipTrunk, uri: str) -> Flow:
        """Where the call is sent: to the trunk, or where the address itself says.

        Raises:
            BadRequest: If an address is none of the trunk's.
            CallRefused: If there is no way.
        """
        host = uri.rpartition("@")[2].partition(";")[0]
        if host and (trunk.proxy or trunk.host):
            near = trunk.proxy or trunk.host
            flow = await self._ways.flow_to(near, trunk.transport)
            self._gate.learn(flow.source[0], trunk)
            return flow
        if not host:
            raise BadRequest(
                "A number needs a trunk with a host; or give sip:user@host.",
                "invalid_destination",
                "to",
            )
        flow = await self._ways.flow_to(host, trunk.transport)
        if self._gate.trunk_at(flow.source[0]) is not trunk:
            raise BadRequest(
                "This address is in no cidr of the trunk.", "not_allowed", "to"
            )
        return flow


def _plain(wanted: str) -> str:
    """A number without ``tel:``: who is rung is at the trunk."""
    text = wanted.strip()
    return text[4:] if text[:4].lower() == "tel:" else text


def _domain(trunk: SipTrunk, flow: Flow) -> str:
    """Where our own number is: at the trunk, where that knows us by it."""
    if trunk.login and trunk.host:
        return without_port(trunk.host)
    return uri_in(flow.contact).partition(":")[2].partition(";")[0]


def without_port(host: str) -> str:
    """A host that may have a port."""
    return re.sub(r":\d+\Z", "", host)
