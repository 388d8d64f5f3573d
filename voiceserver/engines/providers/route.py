"""A provider among several: whether it may be asked, and one asking of it.

An attempt reads until there is enough to commit to it (a first clause, a first
chunk) within its limits; until then another may take its place. It tells the breaker
how it went: slow and late beginnings count, success only at a clean end.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from typing import Generic, Protocol, TypeVar

from voiceserver.budget import Spent
from voiceserver.engines.base import Note
from voiceserver.engines.providers.breaker import Breaker, BreakerState
from voiceserver.engines.providers.costs import Costs
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)
T = TypeVar("T")

SLOW = 0.75  # of the limit: a first output later than that counts as slow
NEARLY = 0.9  # of a limit: a call given up by the caller then was late
GRACE_S = 0.05
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
        gap_s: Between two.
        capacity: Calls at a time; 0 is unbounded.
    """

    first_s: float
    gap_s: float
    capacity: int = 0


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
        self._guarded = guarded
        self._firsts: deque[float] = deque(maxlen=FIRSTS)
        self._shown: BreakerState | None = None
        self.show()

    @property
    def free(self) -> bool:
        """Whether a caller's turn may be spent on it now."""
        capacity = self.limits.capacity
        room = capacity == 0 or self.running < capacity
        return room and (self.breaker.admits or not self._guarded)

    @property
    def state(self) -> str:
        """Where its breaker stands."""
        return self.breaker.state.value

    def drain(self, drained: bool) -> None:
        """Ask it no more, or again; calls under way go on to their end."""
        self.breaker.drain(drained)
        self.show()

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
        """Write the breaker's state to the metrics, where it changed."""
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


class Attempt(Generic[T]):
    """One asking of one provider.

    Args:
        route: Whom.
        ask: Begins the asking, given where its notes go.
        enough: Told of each item; whether the provider may be committed to.
        observe: Where notes go.

    Attributes:
        route: As given.
        ended: Whether it is over, well or not.
        hedged: Whether another was asked beside it because it was slow.
        begun: Whether there is enough to commit to it.
    """

    def __init__(
        self,
        route: Route,
        ask: Callable[[Callable[[Note], None]], AsyncGenerator[T, None]],
        enough: Callable[[T], bool],
        observe: Callable[[Note], None],
    ) -> None:
        self.route = route
        self.ended = self.hedged = self.begun = False
        self._enough = enough
        self._observe = observe
        self._ask = ask
        self._stream: AsyncGenerator[T, None] | None = None
        self._held: list[T] = []
        self._exhausted = False
        self._won = False
        self._owed: list[Note] = []  # costs, until it is known whether they were wasted
        self._waiting_s: float | None = None  # since when an item is waited for
        route.running += 1  # at once: others ask for room in the same tick

    def win(self) -> None:
        """It is committed to: what it costs is no waste."""
        self._won = True
        self._settle()

    async def begin(self) -> Attempt[T]:
        """Read until there is enough to commit to it.

        Raises:
            EngineFailed: If it fails or is late; it is closed then.
        """
        route = self.route
        began_s = route.used_s = self._now_s()
        self._stream = self._ask(self._note)
        limit_s = route.limits.first_s
        try:
            while True:
                item = await self._next(limit_s)
                if item is None:
                    break
                if not self._held:
                    route.began(self._now_s() - began_s, self._now_s())
                    limit_s = route.limits.gap_s
                self._held.append(item)
                if self._enough(item):
                    route.committed(self._now_s() - began_s)
                    break
        except EngineFailed as failure:
            await self._end("failed", failure)
            raise
        except BaseException:
            await self.close()
            raise
        self.begun = True
        return self

    async def items(self) -> AsyncGenerator[T, None]:
        """Give what was read, and the rest.

        Raises:
            EngineFailed: If it breaks off or stalls.
        """
        try:
            for item in self._held:
                yield item
            # The stage's own limit falls first, where there is one.
            gap_s = self.route.limits.gap_s + GRACE_S
            while (more := await self._next(gap_s)) is not None:
                yield more
            await self._end("done", None)
        except EngineFailed as failure:
            await self._end("failed", failure)
            raise
        finally:
            await self.close()

    async def close(self) -> None:
        """Give it up; what was late until then counts against the provider."""
        limits = self.route.limits
        since_s = self._waiting_s
        waited_s = 0.0 if since_s is None else self._now_s() - since_s
        if self._held and waited_s > NEARLY * limits.gap_s:
            late = ProviderFailed(self.route.name, "stopped in its answer", "late")
            await self._end("failed", late)
        elif self.hedged or (not self._held and waited_s > SLOW * limits.first_s):
            await self._end("slow", None)
        else:
            await self._end("given_up", None)

    async def _next(self, limit_s: float | None) -> T | None:
        assert self._stream is not None
        if self._exhausted:
            return None
        self._waiting_s = self._now_s()
        try:
            async with asyncio.timeout(limit_s):
                item: T | None = await anext(self._stream)
        except StopAsyncIteration:
            self._exhausted = True
            item = None
        except TimeoutError:
            self._waiting_s = None
            raise ProviderFailed(self.route.name, "is late", "late") from None
        self._waiting_s = None
        return item

    async def _end(self, outcome: str, failure: EngineFailed | None) -> None:
        if self.ended:
            return
        self.ended = True
        self.route.running -= 1
        self.route.ended(outcome, self._now_s(), failure)
        if self._stream is not None:
            await self._stream.aclose()
        self._settle()

    def _note(self, note: Note) -> None:
        if self._won or self.ended or not isinstance(note, Spent):
            self._observe(self.route.book(note, wasted=not self._won))
        else:
            self._owed.append(note)  # it may be over before it is committed to

    def _settle(self) -> None:
        owed, self._owed = self._owed, []
        for note in owed:
            self._observe(self.route.book(note, wasted=not self._won))

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
