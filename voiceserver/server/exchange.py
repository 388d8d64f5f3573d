"""Where calls come together: the carrier's, the dialect's and the server's part.

Every carrier brings its calls here, whether they come by a route or by a socket of
the carrier's own: one table of dialects, one count, one way in. Knows nothing of HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from voiceserver.carriers.base import Alerting, Call, Caller, Incoming, MakeCall
from voiceserver.clock import Clock, MonotonicClock
from voiceserver.config import CallWebhookConfig, Config, RecordConfig
from voiceserver.dialects.table import DIALECTS, Dialects, dialect_in
from voiceserver.errors import Overloaded
from voiceserver.metrics import Metrics
from voiceserver.recording.recorder import Recorder
from voiceserver.server.admission import CallRegistry
from voiceserver.server.engine_room import EngineRoom
from voiceserver.server.pending_calls import PendingCall, PendingCalls
from voiceserver.server.places import OwnCalls
from voiceserver.session.journal import Journal
from voiceserver.session.ports import CallParts


@dataclass(frozen=True, slots=True)
class Exchange:
    """Makes the calls of one server, and holds them.

    Attributes:
        config: Settings of the server; a call lays its client's over them.
        metrics: For all calls.
        calls: The calls in progress.
        engines: The engines, when warm.
        dialects: That a client may speak.
        clock: Monotonic clock.
        journal: Of the newest turns.
        pending: Calls that ring, and are not taken yet.
        recorder: Keeps calls, where that is wanted.
    """

    config: Config
    metrics: Metrics
    calls: CallRegistry
    engines: EngineRoom
    dialects: Dialects = field(default_factory=lambda: DIALECTS)
    clock: Clock = field(default_factory=MonotonicClock)
    journal: Journal = field(default_factory=Journal)
    pending: PendingCalls = field(
        default_factory=lambda: PendingCalls(CallWebhookConfig())
    )
    recorder: Recorder = field(default_factory=lambda: Recorder(RecordConfig()))

    async def place(
        self, make: MakeCall, caller: Caller, offer: str = ""
    ) -> tuple[str, str]:
        """Answer an offer and hold the call, as ``carriers.base.Exchange``.

        Raises:
            Refusal: If the engines are not warm, or cannot keep up.
            Overloaded: If there is no room.
            BadRequest: If the offer, the session or the dialect cannot be used.
            SessionEnded: If the call ended before there was an answer.
        """
        engines = self.engines.for_a_call().of_a_call()
        dialect = dialect_in(caller.address, self.dialects)

        def made(call_id: str) -> Call:
            self.journal.began(call_id, caller.key)
            self.calls.when_ended(call_id, partial(self.journal.ended, call_id))
            parts = CallParts(
                call_id,
                self.config,
                engines,
                self.clock,
                self.metrics,
                self.journal,
                engines.purse(caller.key),
                self.recorder.tape(self.clock),
            )
            return make(Incoming(parts, dialect, caller.address, caller.session))

        return await self.calls.place(
            made, offer, caller.place, caller.key, caller.call_id
        )

    async def ended(self, call_id: str) -> None:
        """Wait until a call is over; at once if there is none of that id."""
        await self.calls.ended(call_id)

    @property
    def asks(self) -> bool:
        """Whether somebody outside decides about calls that ring."""
        return self.pending.asks

    def pend(self, alerting: Alerting) -> PendingCall:
        """Ask whether a call is to be taken, as ``carriers.base.Exchange``.

        Raises:
            Refusal: If the engines are not warm, or cannot keep up.
            Overloaded: If there is no room, for the call or for it to ring.
        """
        self.engines.for_a_call()
        self.calls.check_room(alerting.place)
        if len(self.pending) >= self.config.server.max_calls:
            raise Overloaded("Too many calls ring at a time.")
        return self.pending.pend(self.calls.new_id(), alerting)


@dataclass(frozen=True, slots=True)
class OwnDoor:
    """The exchange, for carriers with sockets of their own: their calls are counted.

    Attributes:
        exchange: Where their calls come to.
        own: Counts them for the front of several workers.
    """

    exchange: Exchange
    own: OwnCalls

    async def place(
        self, make: MakeCall, caller: Caller, offer: str = ""
    ) -> tuple[str, str]:
        """As the exchange's; one that was asked for by HTTP is counted already."""
        if caller.asked_for:
            return await self.exchange.place(make, caller, offer)
        self.own.check(self.exchange.config.server.max_calls)
        self.own.count(1)
        placed = False
        try:
            call_id, answer = await self.exchange.place(make, caller, offer)
            self.exchange.calls.when_ended(call_id, lambda: self.own.count(-1))
            placed = True
        finally:
            if not placed:
                self.own.count(-1)
        return call_id, answer

    async def ended(self, call_id: str) -> None:
        """Wait until a call is over, as the exchange."""
        await self.exchange.ended(call_id)

    @property
    def asks(self) -> bool:
        """Whether somebody outside decides about calls that ring."""
        return self.exchange.asks

    def pend(self, alerting: Alerting) -> PendingCall:
        """Ask whether a call is to be taken; errors as the exchange's."""
        self.own.check(self.exchange.config.server.max_calls)
        return self.exchange.pend(alerting)
