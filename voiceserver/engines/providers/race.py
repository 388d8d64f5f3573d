"""Asks several providers, in turn or side by side, until one is committed to.

An attempt reads until there is enough to commit to it (a first clause, a first
chunk) within its limits; until then another may take its place. The first that gets so
far has won, and what it gives from then on is the answer. An attempt tells its route
how it went: slow and late beginnings count, success only at a clean end. Whatever does
not win is cancelled or closed, and waited for. Knows nothing of what is asked.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from voiceserver.budget import Called, Spent
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.route import SLOW, Route, kind_of
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.streams import Until

T = TypeVar("T")

NEARLY = 0.9  # of a limit: a call given up by the caller then was late
GRACE_S = 0.05


class Attempt(Generic[T]):
    """One asking of one provider.

    Args:
        route: Whom.
        ask: Begins the asking, given where its notes go.
        enough: Told of each item; whether the provider may be committed to.
        observe: Where notes go.
        rivals: Whether another could take its place, as things stand.
        called: Told how it went, when it has ended.

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
        rivals: Callable[[], bool] = lambda: True,
        called: Callable[[Called], None] = lambda _call: None,
    ) -> None:
        self.route = route
        self.ended = self.hedged = self.begun = False
        self._enough = enough
        self._observe = observe
        self._ask = ask
        self._rivals = rivals
        self._stream: AsyncGenerator[T, None] | None = None
        self._held: list[T] = []
        self._exhausted = False
        self._won = False
        self._owed: list[Note] = []  # costs, until it is known whether they were wasted
        self._called = called
        self._spent = Spent()
        self._began_s: float | None = None
        self._first_after_s: float | None = None
        self._waiting_s: float | None = None  # since when an item is waited for
        route.running += 1  # at once: others ask for room in the same tick

    @property
    def held(self) -> Sequence[T]:
        """What was read until it could be committed to."""
        return self._held

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
        began_s = self._began_s = route.used_s = self._now_s()
        self._stream = self._ask(self._note)
        try:
            while True:
                item = await self._next(self._gap_s if self._held else self._first_s)
                if item is None:
                    break
                if not self._held:
                    self._first_after_s = self._now_s() - began_s
                    route.began(self._first_after_s, self._now_s())
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
            while (more := await self._next(self._rest_s)) is not None:
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
        if self._held and waited_s > NEARLY * self._patience_s:
            late = ProviderFailed(self.route.name, "stopped in its answer", "late")
            await self._end("failed", late)
        elif self.hedged or (not self._held and waited_s > SLOW * limits.first_s):
            await self._end("slow", None)
        else:
            await self._end("given_up", None)

    def _first_s(self) -> float:
        return self.route.limits.first_s

    def _gap_s(self) -> float:
        """How long more of it is waited for while it is not committed to."""
        return self.route.limits.gap_s if self._rivals() else self._patience_s

    def _rest_s(self) -> float:
        limits = self.route.limits
        # The stage's own limit falls first, where there is one.
        return limits.gap_s + GRACE_S if limits.rest_s is None else limits.rest_s

    @property
    def _patience_s(self) -> float:
        """A longer standstill is the provider's fault, whoever else there is."""
        limits = self.route.limits
        return limits.gap_s if limits.alone_s is None else limits.alone_s

    async def _next(self, limit_s: Callable[[], float]) -> T | None:
        assert self._stream is not None
        if self._exhausted:
            return None
        since_s = self._waiting_s = self._now_s()
        try:
            async with Until(lambda: since_s + limit_s()):
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
        self._tell(outcome, failure)

    def _tell(self, outcome: str, failure: EngineFailed | None) -> None:
        if self._began_s is None:
            return
        self._called(
            Called(
                self.route.name,
                outcome,
                self._now_s() - self._began_s,
                self._first_after_s,
                "" if failure is None else kind_of(failure)[0],
                self._spent.tokens_in,
                self._spent.tokens_out,
            )
        )

    def _note(self, note: Note) -> None:
        if isinstance(note, Spent):
            self._spent += note
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


async def close_losers(tried: Sequence[Attempt[T]]) -> None:
    """Close what was asked and did not win; some may not even have begun."""
    for attempt in tried:
        if not attempt.begun:
            await attempt.close()


class Begun(Protocol):
    """Something that was begun and must be closed."""

    async def close(self) -> None:
        """Stop it."""


B = TypeVar("B", bound=Begun)


@dataclass(frozen=True, slots=True)
class Start(Generic[B]):
    """One that may be asked.

    Attributes:
        run: Begins it.
        alone_s: How long it is given before the next is asked beside it; None until
            it fails.
    """

    run: Callable[[], Awaitable[B]]
    alone_s: float | None = None


async def first_to_begin(starts: Iterator[Start[B]]) -> B:
    """Return the first that begins; the others are stopped.

    Args:
        starts: Taken one by one, each when it is needed.

    Raises:
        EngineFailed: The last failure, if none begins.
    """
    failures = [EngineFailed("race", "there is nobody to ask")]
    tasks: list[asyncio.Task[B | None]] = []
    won: B | None = None
    try:
        async with asyncio.TaskGroup() as group:
            won = await _race(starts, tasks, group, failures)
            for task in tasks:
                task.cancel()
    except BaseException:
        if won is not None:
            await won.close()
        raise
    finally:
        # A loser may have begun in the very moment in which it was cancelled.
        for task in tasks:
            other = None if task.cancelled() or not task.done() else task.result()
            if other is not None and other is not won:
                await other.close()
    if won is None:
        raise failures[-1]
    return won


async def _race(
    starts: Iterator[Start[B]],
    tasks: list[asyncio.Task[B | None]],
    group: asyncio.TaskGroup,
    failures: list[EngineFailed],
) -> B | None:
    async def begin(start: Start[B]) -> B | None:
        try:
            return await start.run()
        except EngineFailed as failure:
            failures.append(failure)
            return None

    running: set[asyncio.Task[B | None]] = set()
    more = True
    while more or running:
        start = next(starts, None) if more else None
        more = start is not None
        alone_s: float | None = None
        if start is not None:
            task = group.create_task(begin(start))
            tasks.append(task)
            running.add(task)
            alone_s = start.alone_s
        while running:
            done, running = await asyncio.wait(
                running, timeout=alone_s, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                if (begun := task.result()) is not None:
                    return begun
            if not done:
                break  # the next is asked beside those that run
    return None
