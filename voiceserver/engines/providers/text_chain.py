"""Several text models as one: the next takes over from one that fails.

A turn is spent only on a provider whose breaker is closed. Before the first clause
another may take a failed one's place; after it two models are never spliced.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from weakref import WeakKeyDictionary

from voiceserver.budget import Step
from voiceserver.engines.base import (
    LIFE_TOKENS,
    Message,
    TextItem,
    TextModel,
    TextRequest,
)
from voiceserver.engines.gate.confidence import Beginning
from voiceserver.engines.gate.gate import Gate
from voiceserver.engines.notes import Answering, Expected, Held, Judged, Note
from voiceserver.engines.providers.first_clause import FirstClause
from voiceserver.engines.providers.race import (
    Attempt,
    Start,
    close_losers,
    first_to_begin,
)
from voiceserver.engines.providers.route import Route
from voiceserver.engines.providers.tending import Tended
from voiceserver.engines.providers.tiers import Tiers, in_order
from voiceserver.engines.ruled import said_by
from voiceserver.engines.watch.watch import Asking, Watch
from voiceserver.errors import EngineFailed
from voiceserver.routing.router import Decision
from voiceserver.tools import ToolCall

SHORTEST_HEDGE_S = 0.15
HEDGE_MARGIN = 1.05  # of the ninth decile: calls that are all alike are not slow
Routes = Sequence[tuple[Route, TextModel]]
HEDGES_KEPT = 5.0  # of the share not used, so many may come in a row


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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is kept of an attempt: what it says first, and who watches how it goes."""

    clause: FirstClause
    asking: Asking | None


@dataclass(frozen=True, slots=True)
class _Whom:
    """Who is asked, in their order.

    Attributes:
        routes: One after the other.
        only: A rule that allows nobody else; None if one else may stand in.
    """

    routes: Routes
    only: Decision | None = None


class TextChain(Tended):
    """Several text models as one ``TextModel``; an asynchronous context manager.

    Args:
        routes: Route and model, in order of preference.
        last: Answers when none of them does; cannot fail.
        hedges: How often the second may be asked beside the first.
        watch: Observes how each one's answers go; None is nobody.
        tiers: Of the routes, and who decides between them; None keeps their order.
        gate: Judges what the cheap tier is about to say; None says all.
        canary: One of the routes that only calls are asked of which are pinned to it,
            with its tier.
    """

    def __init__(
        self,
        routes: Sequence[tuple[Route, TextModel]],
        last: TextModel | None,
        hedges: Hedges,
        watch: Watch | None = None,
        tiers: tuple[Tiers, Sequence[str]] | None = None,
        gate: Gate | None = None,
        canary: tuple[tuple[Route, TextModel], str] | None = None,
    ) -> None:
        self._routes = list(routes)
        self._canary = canary
        self._tiers = tiers
        self._gate = gate
        # Of attempts under way.
        self._asked: WeakKeyDictionary[Attempt[TextItem], _Asked] = WeakKeyDictionary()
        self._last = last
        self._hedges = hedges
        self._watch = watch
        if watch is not None:
            for route, _ in self._routes:
                route.failed = partial(watch.failed, route.name)
        models = dict(self._routes)
        hello = TextRequest(
            (Message("user", "hello"),), max_output_tokens=LIFE_TOKENS, life=True
        )
        super().__init__(
            [route for route, _ in routes],
            lambda route: models[route].reply(_booked(route, hello)),
        )

    @property
    def name(self) -> str:
        """The providers' names, in their order."""
        return "|".join(route.name for route, _ in self._routes)

    @property
    def version(self) -> str:
        """The models, in their order."""
        return "|".join(model.version for _, model in self._routes)

    @property
    def versions(self) -> dict[str, str]:
        """The version of each provider's model."""
        return {route.name: model.version for route, model in self._routes}

    @property
    def reliability(self) -> list[dict[str, object]]:
        """What the gate's maps are worth, as JSON; empty without one."""
        return [] if self._gate is None else self._gate.reliability

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer of the first provider that gives a clause.

        Raises:
            EngineFailed: If none does and there is no last resort; or if the one
                that did breaks off later.
        """
        tried: list[Attempt[TextItem]] = []
        asked_s = asyncio.get_running_loop().time()
        whom = self._whom(request)
        try:
            attempt = await first_to_begin(self._starts(whom, request, tried))
        except EngineFailed:
            resort = self._resort(whom.only, request)
            if resort is None:
                raise
            async with aclosing(resort) as words:
                async for piece in words:
                    yield piece
            return
        finally:
            await close_losers(tried)
            self._settle(one for one in tried if not one.begun)
        try:
            attempt = await self._believed(attempt, request, asked_s)
        finally:
            self._settle(tried)
        attempt.win()
        request.observe(Answering(attempt.route.name, request.language))
        escalated = attempt not in tried
        if attempt.route is not whom.routes[0][0] and not escalated:
            request.observe(Step.NEXT_MODEL)
        async with aclosing(attempt.items()) as pieces:
            async for piece in pieces:
                yield piece

    def _resort(
        self, only: Decision | None, request: TextRequest
    ) -> AsyncGenerator[TextItem, None] | None:
        """What is said where nobody answers; None if there is nothing."""
        if only is not None and only.rule is not None and only.rule.say:
            request.observe(Step.RESPONDER)
            return said_by(only.rule, only, request)
        if self._last is None:
            return None
        request.observe(Step.RESPONDER)
        request.observe(Answering(self._last.name))
        return self._last.reply(request)

    async def _believed(
        self, attempt: Attempt[TextItem], request: TextRequest, asked_s: float
    ) -> Attempt[TextItem]:
        """Return what is to be said: the attempt, or a stronger model's in its place.

        What is there already is kept until the stronger one has begun, and said if
        that does not within the time that is left.
        """
        gate, name = self._gate, attempt.route.name
        if gate is None or self._tiers is None or not gate.judges(name):
            return attempt
        texts = [item for item in attempt.held if isinstance(item, str)]
        if not texts or any(isinstance(item, ToolCall) for item in attempt.held):
            return attempt
        said = [each.text for each in request.messages if each.role == "user"]
        beginning = Beginning(
            "".join(texts),
            said[-1] if said else "",
            tuple(self._asked[attempt].clause.logprobs),
            request.language,
        )
        judged = gate.judge(name, beginning)
        request.observe(Judged(judged.confidence, judged.source, judged.faults))
        if (asking := self._asked[attempt].asking) is not None:
            asking.judged(judged.confidence)
        left_s = asked_s + gate.limit_s - asyncio.get_running_loop().time()
        if judged.passes or left_s <= 0:
            return attempt
        return await self._stronger(attempt, request, left_s)

    async def _stronger(
        self, attempt: Attempt[TextItem], request: TextRequest, left_s: float
    ) -> Attempt[TextItem]:
        """Ask the strong tier; return the attempt if it does not begin in time."""
        assert self._tiers is not None
        tiers, of = self._tiers
        strong = [
            pair
            for pair, tier in zip(self._routes, of, strict=True)
            if tier == "complex" and self._may_ask(pair, request)
        ]
        tried: list[Attempt[TextItem]] = []
        alone = replace(request, hedge=False)
        stronger = None
        try:
            async with asyncio.timeout(left_s):
                starts = self._starts(_Whom(strong), alone, tried)
                stronger = await first_to_begin(starts)
        except (TimeoutError, EngineFailed):
            pass  # what is there is said
        except BaseException:
            await attempt.close()
            raise
        finally:
            await close_losers(tried)
            self._settle(tried)
        if stronger is None:
            return attempt
        self._settle([attempt], escalated=True)
        await attempt.close()
        tiers.escalated(request)
        request.observe(Step.ESCALATED)
        return stronger

    def _settle(
        self, attempts: Iterable[Attempt[TextItem]], escalated: bool = False
    ) -> None:
        """Nothing will be judged of them any more."""
        for attempt in attempts:
            if (asking := self._asked[attempt].asking) is not None:
                asking.settled(escalated)

    def _whom(self, request: TextRequest) -> _Whom:
        """Who is asked for this request."""
        routes, tier, only = self._routes, "", None
        if self._tiers is not None:
            tiers, of = self._tiers
            decision = tiers.decide(request)
            tier, only = decision.tier, decision if decision.strict else None
            routes = [*in_order(tier, routes, of)]
            if only is not None:
                routes = routes[: of.count(tier)]
        return _Whom(self._with_candidate(routes, tier, only, request), only)

    def _with_candidate(
        self, routes: Routes, tier: str, only: Decision | None, request: TextRequest
    ) -> Routes:
        """The routes with the candidate in its place, if the call is pinned to it."""
        if self._canary is None:
            return routes
        candidate, its_tier = self._canary
        others = [pair for pair in routes if pair is not candidate]
        if not self._may_ask(candidate, request):
            return others
        if tier in ("", its_tier):
            return [candidate, *others]
        # Of another tier than the turn's it is no more than a stand-in, as ever.
        return others if only is not None else [*others, candidate]

    def _may_ask(self, pair: tuple[Route, TextModel], request: TextRequest) -> bool:
        """Whether it is live, or the call is pinned to it."""
        candidate = self._canary is not None and pair is self._canary[0]
        return not candidate or request.pinned == pair[0].name

    def _starts(
        self, whom: _Whom, request: TextRequest, tried: list[Attempt[TextItem]]
    ) -> Iterator[Start[Attempt[TextItem]]]:
        may_hedge = request.hedge and self._hedges.turn()
        needed = whom.only is not None
        for at, (route, model) in enumerate(whom.routes):
            if not route.free_for(request.thrift, needed):
                continue
            later = [other for other, _ in whom.routes[at + 1 :]]
            if tried and not tried[0].ended and len(tried) == 1:
                self._hedges.use()
                tried[0].hedged = True
                request.observe(Step.HEDGE)
            attempt = self._attempt(route, model, request, later, needed)
            alone_s = None
            if may_hedge and not tried and route.ninth_decile_s is not None:
                alone_s = max(HEDGE_MARGIN * route.ninth_decile_s, SHORTEST_HEDGE_S)
            if not tried and route.ninth_decile_s is not None:
                request.observe(Expected(route.ninth_decile_s))
            tried.append(attempt)
            yield Start(attempt.begin, alone_s)

    def _attempt(
        self,
        route: Route,
        model: TextModel,
        request: TextRequest,
        later: Sequence[Route],
        needed: bool,
    ) -> Attempt[TextItem]:
        now_s = asyncio.get_running_loop().time
        judged = self._gate is not None and self._gate.judges(route.name)
        clause = FirstClause(now_s(), request.read, request.tight, judged)
        asking = None if self._watch is None else self._watch.asking(route.name, judged)

        def enough(piece: TextItem) -> bool:
            request.observe(Held(call=piece == ""))
            return clause.enough(piece, now_s())

        def ask(note: Callable[[Note], None]) -> AsyncGenerator[TextItem, None]:
            def observe(told: Note) -> None:
                clause.note(told)
                note(told)

            items = model.reply(replace(request, observe=observe))
            if self._watch is None:
                return items
            return self._watch.watched(route.name, items, asking)

        def rivals() -> bool:
            return any(one.free_for(request.thrift, needed) for one in later)

        attempt = Attempt(route, ask, enough, request.observe, rivals, request.called)
        self._asked[attempt] = _Asked(clause, asking)
        return attempt


def _booked(route: Route, request: TextRequest) -> TextRequest:
    """Have a probe's cost booked like any other: as wasted, nobody hears it."""
    return replace(request, observe=lambda note: _ignore(route.book(note)))


def _ignore(_note: Note) -> None:
    """Nobody keeps a ledger of a probe."""
