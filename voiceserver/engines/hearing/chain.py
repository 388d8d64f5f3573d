"""Several recognisers as one: services, and the server's own behind them.

The own one hears every utterance while it is spoken, and takes over within the same
turn, with no audio lost, when no service answers in time. The first service that may be
asked hears it beside the own one if it can do so while somebody speaks; then its words
are the newest as long as it has not failed. Any other is sent the whole utterance at
the commit, and nothing of it before. What services say of a turn's end is evidence.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
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
from voiceserver.engines.hearing.live import LiveService, LiveUtterance
from voiceserver.engines.hearing.services import Service
from voiceserver.engines.hearing.table import service_of
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.race import (
    Attempt,
    Start,
    close_losers,
    first_to_begin,
)
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.engines.providers.services.http import Transport
from voiceserver.engines.providers.services.sockets import SocketTransport, WebSockets
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
        routes: Sequence[tuple[Route, Service]],
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

    def listening(self, opening: Opening) -> Listening | None:
        """Have the first service that may be asked hear an utterance from now on.

        Returns:
            None if it cannot, or nobody may be asked.
        """
        for route, service in self._routes:
            if route.free and route.affordable(opening.thrift()):
                if opening.whole or not isinstance(service, LiveService):
                    return None
                live = service.listen(opening)
                task = self._group.create_task(live.run())
                return Listening(route, live, task, opening.observe)
        return None

    def ask(
        self, pcm: bytes, opening: Opening, listening: Listening | None = None
    ) -> asyncio.Task[Hypothesis | None]:
        """Ask the services for the words of a whole utterance.

        Args:
            pcm: The utterance.
            opening: What is known of it.
            listening: Who has heard it already.

        Returns:
            A task whose result is None if none of them gives any.
        """
        return self._group.create_task(self._asked(pcm, opening, listening))

    async def _asked(
        self, pcm: bytes, opening: Opening, listening: Listening | None
    ) -> Hypothesis | None:
        try:
            return await self._first(pcm, opening, listening)
        except EngineFailed:
            return None  # its route has told
        except Exception as error:  # noqa: BLE001 - one utterance must not end the others
            why = type(error).__name__
            log.warning("a service's words could not be read", extra={"why": why})
            return None

    async def _first(
        self, pcm: bytes, opening: Opening, listening: Listening | None
    ) -> Hypothesis:
        tried: list[Attempt[Hypothesis]] = []
        try:
            starts = self._starts(pcm, opening, listening, tried)
            attempt = await first_to_begin(starts)
        finally:
            await close_losers(tried)
        attempt.win()
        found = [hypothesis async for hypothesis in attempt.items()]
        return found[-1]

    def _starts(
        self,
        pcm: bytes,
        opening: Opening,
        listening: Listening | None,
        tried: list[Attempt[Hypothesis]],
    ) -> Iterator[Start[Attempt[Hypothesis]]]:
        for route, service in self._routes:
            if listening is not None and route is listening.route:
                listening.release()
                if route.free:
                    tried.append(listening.attempt())
                    yield Start(tried[-1].begin, self._alone_s)
            elif pcm and route.free and route.affordable(opening.thrift()):
                tried.append(_attempt(route, service, pcm, opening))
                yield Start(tried[-1].begin, self._alone_s)


class Listening:
    """A service that hears an utterance while it is spoken; has a place of its route.

    Args:
        route: Of the service.
        live: The utterance.
        task: That runs it.
        observe: Takes what it costs.
    """

    def __init__(
        self,
        route: Route,
        live: LiveUtterance,
        task: asyncio.Task[None],
        observe: Callable[[Note], None],
    ) -> None:
        self.route = route
        self.live = live
        self._task = task
        self._observe = observe
        self._placed = True
        route.running += 1

    def release(self) -> None:
        """Give the place back, to whoever asks for the words or to others."""
        if self._placed:
            self._placed = False
            self.route.running -= 1

    def attempt(self) -> Attempt[Hypothesis]:
        """Ask for the words."""
        return Attempt(self.route, self._words, lambda _hypothesis: True, self._observe)

    async def _words(
        self, observe: Callable[[Note], None]
    ) -> AsyncGenerator[Hypothesis, None]:
        yield await self.live.final(observe)

    def close(self) -> None:
        """Hang up; what it has heard is paid for whether or not it was of use."""
        self._task.cancel()
        self.release()
        if (spent := self.live.charge()) is not None:
            self._observe(self.route.book(spent))


def _attempt(
    route: Route, service: Service, pcm: bytes, opening: Opening
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
        self._too_long = False
        self._listening = chain.listening(opening)
        self._asking: asyncio.Task[Hypothesis | None] | None = None
        self._settled: Hypothesis | None = None

    @property
    def latest(self) -> Hypothesis:
        """The settled words, or the newest of who hears best."""
        if self._settled is not None:
            return self._settled
        own = self._own.latest
        live = self._listening.live.latest if self._listening is not None else None
        if live is None:
            return own
        known = own.complete and own.says(live.text)  # only the own one has a grammar
        return replace(live, complete=known)

    def push(self, samples: Samples) -> None:
        """Give audio to who hears it now, and keep it for who is sent all of it."""
        self._own.push(samples)
        if self._too_long and self._listening is None:
            return
        pcm = to_int16(samples).astype("<i2").tobytes()
        if self._listening is not None:
            self._listening.live.push(pcm)
        if not self._too_long:
            self._kept += pcm
            if len(self._kept) > MAX_KEPT_BYTES:
                self._too_long = True
                self._kept.clear()

    def voiced(self, until: int) -> None:
        """Pass it on."""
        self._own.voiced(until)
        if self._listening is not None:
            self._listening.live.voiced(until)

    async def final(self) -> Hypothesis:
        """Ask the services; what is left when none answers is the own recogniser's.

        Raises:
            EngineFailed: If that one fails, too.
        """
        if self._settled is None:
            self._settled = await self._of_a_service() or await self._own.final()
        return self._settled

    async def _of_a_service(self) -> Hypothesis | None:
        if self._asking is None:
            if not self._kept and (self._listening is None or not self._too_long):
                return None
            if self._listening is not None:
                self._listening.live.end()
            self._asking = self._chain.ask(
                bytes(self._kept), self._opening, self._listening
            )
        # Waited for, not awaited: the wait may be cut short, and be taken up again.
        await asyncio.wait({self._asking})
        return None if self._asking.cancelled() else self._asking.result()

    def close(self) -> None:
        """Stop the work."""
        self._own.close()
        if self._asking is not None:
            self._asking.cancel()
        if self._listening is not None:
            self._listening.close()
        self._kept.clear()


def hearing_chain(
    config: Config,
    transport: Transport,
    own: Recogniser,
    metrics: Metrics,
    costs: Costs,
    words: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    sockets: SocketTransport | None = None,
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
        sockets: Opens WebSockets to them.

    Raises:
        ConfigError: If a key is missing.
    """
    limit_s, rng = config.budget.recognition_ms / 1000, random.Random()
    routes: list[tuple[Route, Service]] = []
    for provider in config.recogniser.provider:
        service = service_of(provider, transport, sockets or WebSockets(), environ)
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
