"""Several recognisers as one: services, and the server's own behind them.

The own one hears every utterance while it is spoken: turn-taking has its partial words,
and it takes over within the same turn, with no audio lost, when no service answers in
time. A service is sent the whole utterance at the commit. What a service hears of a
caller who goes on is dropped; nothing of an utterance is sent before it is over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from voiceserver.audio import MIC_RATE, Samples, to_int16
from voiceserver.config import Config
from voiceserver.engines.base import (
    DICTATION,
    Hypothesis,
    Opening,
    Recogniser,
    Utterance,
)
from voiceserver.engines.hearing.service import TranscriptionService
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.http import Transport
from voiceserver.engines.providers.race import (
    Attempt,
    Start,
    close_losers,
    first_to_begin,
)
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.engines.providers.tending import Tended
from voiceserver.errors import EngineFailed
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

MAX_KEPT_S = 120  # of one utterance; more is heard by the own recogniser alone
MAX_KEPT_BYTES = 2 * MAX_KEPT_S * MIC_RATE
_PROBE = bytes(2 * MIC_RATE)  # a second of silence shows life


class HearingChain(Tended):
    """A ``Recogniser``; an asynchronous context manager.

    Args:
        routes: Route and service, in order of preference.
        own: Hears all that is said, and is what is left.
        alone_s: How long a service is given before the next is asked beside it.
        words: To be expected, where a client says nothing of its own.
    """

    def __init__(
        self,
        routes: Sequence[tuple[Route, TranscriptionService]],
        own: Recogniser,
        alone_s: float,
        words: Sequence[str] = (),
    ) -> None:
        self._routes = list(routes)
        self._own = own
        self._alone_s = alone_s
        self._prompt = ", ".join(words)
        services = dict(self._routes)
        super().__init__(
            [route for route, _ in self._routes],
            lambda route: services[route].recognise(_PROBE),
        )

    @property
    def name(self) -> str:
        """The recognisers' names, in their order."""
        return "|".join([*(route.name for route, _ in self._routes), self._own.name])

    @property
    def language(self) -> str:
        """What the own one writes down."""
        return self._own.language

    def open(self, opening: Opening = DICTATION) -> Utterance:
        """Begin an utterance.

        Raises:
            Overloaded: If the own recogniser has no room.
        """
        asked = opening
        if self._prompt and not opening.prompt:
            asked = replace(opening, prompt=self._prompt)
        return _Shared(self._own.open(opening), asked, self)

    def ask(self, pcm: bytes, opening: Opening) -> asyncio.Task[Hypothesis | None]:
        """Ask the services for the words of a whole utterance.

        Returns:
            A task whose result is None if none of them gives any.
        """
        return self._group.create_task(self._asked(pcm, opening))

    async def _asked(self, pcm: bytes, opening: Opening) -> Hypothesis | None:
        try:
            return await self._first(pcm, opening)
        except EngineFailed:
            return None  # its route has told
        except Exception as error:  # noqa: BLE001 - one utterance must not end the others
            why = type(error).__name__
            log.warning("a service's words could not be read", extra={"why": why})
            return None

    async def _first(self, pcm: bytes, opening: Opening) -> Hypothesis:
        tried: list[Attempt[Hypothesis]] = []
        try:
            attempt = await first_to_begin(self._starts(pcm, opening, tried))
        finally:
            await close_losers(tried)
        attempt.win()
        found = [hypothesis async for hypothesis in attempt.items()]
        return found[-1]

    def _starts(
        self, pcm: bytes, opening: Opening, tried: list[Attempt[Hypothesis]]
    ) -> Iterator[Start[Attempt[Hypothesis]]]:
        for route, service in self._routes:
            if route.free and route.affordable(opening.thrift()):
                tried.append(_attempt(route, service, pcm, opening))
                yield Start(tried[-1].begin, self._alone_s)


def _attempt(
    route: Route, service: TranscriptionService, pcm: bytes, opening: Opening
) -> Attempt[Hypothesis]:
    return Attempt(
        route,
        lambda note: service.recognise(pcm, opening, note),
        lambda _hypothesis: True,
        opening.observe,
    )


class _Shared:
    """An ``Utterance`` that the own recogniser hears, and a service may settle."""

    def __init__(self, own: Utterance, opening: Opening, chain: HearingChain) -> None:
        self._own = own
        self._opening = opening
        self._chain = chain
        self._kept = bytearray()  # 16-bit PCM, so that nothing is left to be done
        self._asking: asyncio.Task[Hypothesis | None] | None = None
        self._settled: Hypothesis | None = None

    @property
    def latest(self) -> Hypothesis:
        """The settled words, or the own recogniser's newest."""
        return self._settled or self._own.latest

    def push(self, samples: Samples) -> None:
        """Give audio to the own recogniser, and keep it for a service."""
        self._own.push(samples)
        if len(self._kept) <= MAX_KEPT_BYTES:
            self._kept += to_int16(samples).astype("<i2").tobytes()

    def voiced(self, until: int) -> None:
        """Pass it on."""
        self._own.voiced(until)

    async def final(self) -> Hypothesis:
        """Ask the services; what is left when none answers is the own recogniser's.

        Raises:
            EngineFailed: If that one fails, too.
        """
        if self._settled is None:
            self._settled = await self._of_a_service() or await self._own.final()
        return self._settled

    async def _of_a_service(self) -> Hypothesis | None:
        if not 0 < len(self._kept) <= MAX_KEPT_BYTES:
            return None
        if self._asking is None:
            self._asking = self._chain.ask(bytes(self._kept), self._opening)
        # Waited for, not awaited: the wait may be cut short, and be taken up again.
        await asyncio.wait({self._asking})
        return None if self._asking.cancelled() else self._asking.result()

    def close(self) -> None:
        """Stop the work."""
        self._own.close()
        if self._asking is not None:
            self._asking.cancel()
        self._kept.clear()


def hearing_chain(
    config: Config,
    transport: Transport,
    own: Recogniser,
    metrics: Metrics,
    costs: Costs,
    words: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> HearingChain:
    """Make one recogniser of the ``[[recogniser.provider]]`` tables and ``own``.

    Args:
        config: The providers and the limits.
        transport: Sends their requests.
        own: The server's own recogniser, which takes over.
        metrics: Of the server.
        costs: Books what they cost.
        words: To be expected.
        environ: Where keys are.

    Raises:
        ConfigError: If a key is missing.
    """
    limit_s, rng = config.budget.recognition_ms / 1000, random.Random()
    routes: list[tuple[Route, TranscriptionService]] = []
    for provider in config.recogniser.provider:
        service = TranscriptionService(provider, transport, environ)
        route = Route(
            provider.name,
            "recogniser",
            RouteLimits(limit_s, limit_s, provider.max_concurrency),
            metrics,
            rng,
            costs,
            warm=service,
            region=provider.region,
            priced=provider.price > 0,
        )
        routes.append((route, service))
    return HearingChain(routes, own, limit_s / 2, words)
