"""A provider among several: whether it may be asked, and what is known of it.

Tells the breaker and the metrics how its calls went. Knows nothing of what is asked.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from voiceserver.budget import Spent
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.breaker import Breaker, BreakerState, Standing
from voiceserver.engines.providers.costs import Costs
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.purse import Thrift

log = logging.getLogger(__name__)

SLOW = 0.75  # of the limit: a first output later than that counts as slow
FIRSTS = 50  # calls remembered, for the ninth decile
FEWEST_FIRSTS = 10


class Warm(Protocol):
    """Something whose connection can be kept warm."""

    async def warm(self) -> None:
        """Open a connection.

        Raises:
            ProviderFailed: If there is none to be had.
        """


@dataclass(frozen=True, slots=True)
class RouteLimits:
    """How long a provider may take.

    Attributes:
        first_s: To its first output.
        gap_s: Between two before it is committed to; then another takes its place.
        capacity: Calls at a time; 0 is unbounded.
        alone_s: In place of ``gap_s`` where there is no other; None is the same.
        rest_s: Between two once it is committed to; None is ``gap_s``.
    """

    first_s: float
    gap_s: float
    capacity: int = 0
    alone_s: float | None = None
    rest_s: float | None = None


class Route:
    """A provider, its breaker and what is known of its speed.

    Args:
        name: Of the provider.
        slot: ``"text"`` or ``"speech"``, for metrics.
        limits: How long it may take.
        metrics: Of the server.
        rng: For its breaker's back-off.
        costs: Where its cost is booked.
        warm: Keeps a connection; None for what needs none.
        guarded: False for an engine of the server's own, which always may be asked.
        region: Where it runs, for the operator.
        priced: What it does costs money: it is not asked once there is none left.
        strong: It is of the strong tier, which is not asked near a cap of money.
    """

    def __init__(
        self,
        name: str,
        slot: str,
        limits: RouteLimits,
        metrics: Metrics,
        rng: random.Random,
        costs: Costs,
        *,
        warm: Warm | None = None,
        guarded: bool = True,
        region: str = "",
        priced: bool = False,
        strong: bool = False,
    ) -> None:
        self.name = name
        self.region = region
        self.slot = slot
        self.limits = limits
        self.metrics = metrics
        self.costs = costs
        self.warm = warm
        self.breaker = Breaker(rng)
        self.running = 0
        self.used_s = 0.0  # when it was last asked
        self.changed: Callable[[], None] = lambda: None
        self.moved: Callable[[Standing], None] = lambda _standing: None
        self.failed: Callable[[EngineFailed], None] = lambda _failure: None
        self._priced = priced
        self._strong = strong
        self._told = self.breaker.standing
        self._guarded = guarded
        self._firsts: deque[float] = deque(maxlen=FIRSTS)
        self._shown: BreakerState | None = None
        self.show()

    @property
    def free(self) -> bool:
        """Whether a caller's turn may be spent on it now."""
        return self.free_for(Thrift.NONE)

    def free_for(self, thrift: Thrift, needed: bool = False) -> bool:
        """Whether a turn may be spent on it whose money allows so much.

        Args:
            thrift: Of the turn; the day's is looked at, too.
            needed: No other tier may answer the turn.
        """
        capacity = self.limits.capacity
        room = capacity == 0 or self.running < capacity
        paid = self.affordable(max(thrift, self.costs.thrift), needed)
        return room and paid and (self.breaker.admits or not self._guarded)

    def affordable(self, thrift: Thrift, needed: bool = False) -> bool:
        """Whether it may be asked, as far as money goes.

        Near a cap the strong tier is left to turns that need it; at it, to none.
        """
        if not self._priced or thrift is Thrift.NONE:
            return True
        return thrift is Thrift.CHEAP and (needed or not self._strong)

    @property
    def state(self) -> str:
        """Where its breaker stands."""
        return self.breaker.state.value

    def drain(self, drained: bool) -> None:
        """Ask it no more, or again; calls under way go on to their end."""
        self.breaker.drain(drained)
        self.show()

    def adopt(self, told: Standing, later_s: float) -> None:
        """Stand where another process does; see ``Breaker``. Nobody is told again."""
        self.breaker.adopt(told, later_s)
        self._told = self.breaker.standing
        self.show()
        self.changed()

    @property
    def ninth_decile_s(self) -> float | None:
        """Nine in ten could be committed to sooner; None while too few are known."""
        if len(self._firsts) < FEWEST_FIRSTS:
            return None
        return sorted(self._firsts)[len(self._firsts) * 9 // 10]

    def began(self, after_s: float, now_s: float) -> None:
        """The first output came."""
        self.metrics.provider_first_seconds.labels(self.slot, self.name).observe(
            after_s
        )
        self.breaker.began(after_s > SLOW * self.limits.first_s, now_s)
        self.show()

    def committed(self, after_s: float) -> None:
        """There was enough to commit to it."""
        self._firsts.append(after_s)

    def ended(self, outcome: str, now_s: float, failure: EngineFailed | None) -> None:
        """A call ended.

        Args:
            outcome: For the metric.
            now_s: Now.
            failure: Why it failed; None if it did not.
        """
        self.metrics.provider_calls.labels(self.slot, self.name, outcome).inc()
        if outcome == "done":
            self.breaker.succeeded()
        elif outcome == "slow":
            self.breaker.began(True, now_s)
        elif failure is not None:
            kind, wait_s = kind_of(failure)
            self.breaker.failed(now_s, kind, wait_s)
            self.failed(failure)
            log.warning(
                "a provider failed",
                extra={"provider": self.name, "kind": kind, "reason": str(failure)},
            )
        self.show()
        if self.breaker.probe_s is not None:
            self.changed()

    def book(self, note: Note, wasted: bool = True) -> Note:
        """Book what a call cost; of one that was of no use all tokens are wasted."""
        if isinstance(note, Spent):
            if wasted:
                tokens = note.tokens_in + note.tokens_out
                note = replace(note, tokens_wasted=tokens)
            self.costs.book(self.name, note)
        return note

    def show(self) -> None:
        """Where the breaker changed, write it to the metrics and tell of it."""
        standing = self.breaker.standing
        if standing != self._told:
            self._told = standing
            self.moved(standing)
        now = self.breaker.state
        if now is self._shown:
            return
        self._shown = now
        for state in BreakerState:
            gauge = self.metrics.breaker_state.labels(self.slot, self.name, state.value)
            gauge.set(float(now is state))
        self.changed()


def kind_of(failure: EngineFailed) -> tuple[str, float]:
    """Return a failure's kind and how long the provider asks to be left alone."""
    if isinstance(failure, ProviderFailed):
        return failure.kind, failure.retry_after_s
    return "error", 0.0
