"""Several providers as one engine: the next takes over from one that fails.

A turn is spent only on a provider whose breaker is closed. Before the first clause
(for speech: the first chunk) another may take a failed one's place; after it two
models are never spliced. Providers that are left alone are tried again by probes in
the background, where connections are kept warm too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import replace
from types import TracebackType
from typing import TypeVar

from voiceserver.budget import Step
from voiceserver.engines.base import (
    LIFE_TOKENS,
    Answering,
    Message,
    Note,
    TextItem,
    TextModel,
    TextRequest,
)
from voiceserver.engines.providers.race import Start, first_to_begin
from voiceserver.engines.providers.route import Attempt, Route, kind_of
from voiceserver.errors import EngineFailed
from voiceserver.phrases import PhraseSplitter
from voiceserver.tools import ToolCall

log = logging.getLogger(__name__)
T = TypeVar("T")

WARM_S = 2.0  # for opening connections at the start
KEEP_S = 25.0  # a connection idle for so long is used, lest it be closed
PROBE_LIMIT_S = 5.0
SHORTEST_HEDGE_S = 0.15
HEDGE_MARGIN = 1.05  # of the ninth decile: calls that are all alike are not slow
HEDGES_KEPT = 5.0  # of the share not used, so many may come in a row


class Tending:
    """Probes and keeps warm in the background; an asynchronous context manager.

    Args:
        routes: Of the providers.
        probe: Asks a provider something small; returns the failure, if any.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        probe: Callable[[Route], AsyncGenerator[object, None]],
    ) -> None:
        self._routes = routes
        self._probe = probe
        self._changed = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Tending:
        await self._group.__aenter__()
        async with asyncio.TaskGroup() as group:
            for route in self._routes:
                group.create_task(self._warm(route))
        for route in self._routes:
            route.changed = self._changed.set
        self._task = self._group.create_task(self._run())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
        await self._group.__aexit__(None, None, None)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            now_s = loop.time()
            self._changed.clear()
            for route in self._routes:
                due_s = route.breaker.probe_s
                if due_s is not None and due_s <= now_s:
                    await self._try(route)
                elif route.breaker.admits and now_s - route.used_s >= KEEP_S:
                    await self._warm(route)
            await self._sleep(loop.time())

    async def _sleep(self, now_s: float) -> None:
        """Wait until a probe or a warming is due, or a breaker changes."""
        due = [
            route.breaker.probe_s
            if route.breaker.probe_s is not None
            else route.used_s + KEEP_S
            for route in self._routes
            if route.breaker.probe_s is not None or route.breaker.admits
        ]
        wait_s = max(0.0, min(due) - now_s) if due else None
        try:
            async with asyncio.timeout(wait_s):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _try(self, route: Route) -> None:
        """Ask for a sign of life; one that goes on beyond the limit is one, too."""
        loop = asyncio.get_running_loop()
        route.breaker.probing()
        route.show()
        good, kind, wait_s = False, "late", 0.0
        try:
            async with (
                asyncio.timeout(PROBE_LIMIT_S),
                aclosing(self._probe(route)) as items,
            ):
                async for _ in items:
                    good = True
        except TimeoutError:
            good = False
        except EngineFailed as failure:
            good, (kind, wait_s) = False, kind_of(failure)
        route.used_s = loop.time()
        route.breaker.probed(loop.time(), good, kind, wait_s)
        route.show()
        log.info(
            "a provider was probed",
            extra={"provider": route.name, "state": route.breaker.state.value},
        )

    async def _warm(self, route: Route) -> None:
        route.used_s = asyncio.get_running_loop().time()
        if route.warm is None:
            return
        try:
            async with asyncio.timeout(WARM_S):
                await route.warm.warm()
        except (EngineFailed, TimeoutError) as failure:
            kind = kind_of(failure)[0] if isinstance(failure, EngineFailed) else "late"
            if kind in ("misconfigured", "pin"):
                route.breaker.failed(asyncio.get_running_loop().time(), kind)
                route.show()
            elif kind == "refused":
                # Some keys may ask, and list nothing: only an answer proves it.
                route.breaker.doubted(asyncio.get_running_loop().time())
            log.warning(
                "a provider cannot be reached",
                extra={"provider": route.name, "reason": str(failure)},
            )


class Hedges:
    """How often a second provider may be asked beside the first.

    Args:
        share: Most turns of all, 0..1.
    """

    def __init__(self, share: float) -> None:
        self._share = share
        self._left = 1.0 if share else 0.0

    def turn(self) -> bool:
        """Count a turn; return whether it may hedge."""
        self._left = min(HEDGES_KEPT, self._left + self._share)
        return self._left >= 1

    def use(self) -> None:
        """A second provider is asked."""
        self._left -= 1


class TextChain:
    """Several text models as one ``TextModel``; an asynchronous context manager.

    Args:
        routes: Route and model, in order of preference.
        last: Answers when none of them does; cannot fail.
        hedges: How often the second may be asked beside the first.
    """

    def __init__(
        self,
        routes: Sequence[tuple[Route, TextModel]],
        last: TextModel | None,
        hedges: Hedges,
    ) -> None:
        self._routes = list(routes)
        self._last = last
        self._hedges = hedges
        models = dict(self._routes)
        hello = TextRequest(
            (Message("user", "hello"),), max_output_tokens=LIFE_TOKENS, life=True
        )
        self._tending = Tending(
            [route for route, _ in routes],
            lambda route: models[route].reply(_booked(route, hello)),
        )

    @property
    def name(self) -> str:
        """The providers' names, in their order."""
        return "|".join(route.name for route, _ in self._routes)

    @property
    def providers(self) -> tuple[Route, ...]:
        """In their order."""
        return tuple(route for route, _ in self._routes)

    @property
    def version(self) -> str:
        """The models, in their order."""
        return "|".join(model.version for _, model in self._routes)

    async def __aenter__(self) -> TextChain:
        await self._tending.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._tending.__aexit__(kind, error, traceback)

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer of the first provider that gives a clause.

        Raises:
            EngineFailed: If none does and there is no last resort; or if the one
                that did breaks off later.
        """
        tried: list[Attempt[TextItem]] = []
        try:
            attempt = await first_to_begin(self._starts(request, tried))
        except EngineFailed:
            if self._last is None:
                raise
            request.observe(Step.RESPONDER)
            request.observe(Answering(self._last.name))
            async with aclosing(self._last.reply(request)) as words:
                async for piece in words:
                    yield piece
            return
        finally:
            await close_losers(tried)
        attempt.win()
        request.observe(Answering(attempt.route.name))
        if attempt.route is not self._routes[0][0]:
            request.observe(Step.NEXT_MODEL)
        async with aclosing(attempt.items()) as pieces:
            async for piece in pieces:
                yield piece

    def _starts(
        self, request: TextRequest, tried: list[Attempt[TextItem]]
    ) -> Iterator[Start[Attempt[TextItem]]]:
        may_hedge = request.hedge and self._hedges.turn()
        for route, model in self._routes:
            if not route.free:
                continue
            if tried and not tried[0].ended and len(tried) == 1:
                self._hedges.use()
                tried[0].hedged = True
                request.observe(Step.HEDGE)
            attempt = _text_attempt(route, model, request)
            alone_s = None
            if may_hedge and not tried and route.ninth_decile_s is not None:
                alone_s = max(HEDGE_MARGIN * route.ninth_decile_s, SHORTEST_HEDGE_S)
            tried.append(attempt)
            yield Start(attempt.begin, alone_s)


async def close_losers(tried: Sequence[Attempt[T]]) -> None:
    """Close what was asked and did not win; some may not even have begun."""
    for attempt in tried:
        if not attempt.begun:
            await attempt.close()


def _text_attempt(
    route: Route, model: TextModel, request: TextRequest
) -> Attempt[TextItem]:
    splitter = PhraseSplitter()

    def enough(piece: TextItem) -> bool:
        if isinstance(piece, ToolCall):
            return True
        if request.read:
            return isinstance(piece, str) and bool(piece.strip())
        return isinstance(piece, str) and bool(splitter.push(piece))

    return Attempt(
        route,
        lambda note: model.reply(replace(request, observe=note)),
        enough,
        request.observe,
    )


def _booked(route: Route, request: TextRequest) -> TextRequest:
    """Have a probe's cost booked like any other: as wasted, nobody hears it."""
    return replace(request, observe=lambda note: _ignore(route.book(note)))


def _ignore(_note: Note) -> None:
    """Nobody keeps a ledger of a probe."""
