"""A share of calls is answered by a candidate first, until it is worse than is usual.

A call is pinned as it begins, so that nobody changes models in mid-conversation. The
candidate is compared with what is usual of the live provider in whose place it answers,
and nobody is pinned before that is known. At its first alarm, or when its breaker
opens, it is drained in all processes, as an operator would; whoever takes over in a
failed turn takes over in the calls that were pinned. Puts nothing back by itself.
"""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace

from voiceserver.engines.base import TextItem, TextModel, TextRequest
from voiceserver.engines.providers.breaker import BreakerState
from voiceserver.engines.providers.route import Route
from voiceserver.engines.watch.watch import Watch
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)

_ASKED = (BreakerState.CLOSED.value, BreakerState.HALF_OPEN.value)


class Canary:
    """Pins calls to a candidate, and rolls it back.

    Args:
        route: The candidate.
        instead_of: Name of the live provider that it stands for.
        share: Of calls, 0..1.
        watch: Knows what is usual, and of alarms.
        metrics: Counts calls, and that it was rolled back.
        rng: Draws.
    """

    def __init__(
        self,
        route: Route,
        instead_of: str,
        share: float,
        watch: Watch,
        metrics: Metrics,
        rng: random.Random,
    ) -> None:
        self._route = route
        self._instead_of = instead_of
        self._share = share
        self._watch = watch
        self._metrics = metrics
        self._rng = rng
        self._compared = False
        watch.noticed = self._noticed
        self.tell: Callable[[dict[str, object]], None] = lambda told: watch.tell(told)

    def pin(self, model: TextModel) -> TextModel:
        """Return what answers in a call that begins now: the model, or a pinned one."""
        drawn = self._rng.random() < self._share
        if not drawn or self._route.state not in _ASKED or not self._comparable():
            return model
        self._metrics.canary_calls.labels(self._route.name).inc()
        return Pinned(model, self._route.name)

    def _comparable(self) -> bool:
        """Have it compared with the live provider, as soon as that is known enough."""
        usual = self._watch.usual(self._instead_of)
        if usual is not None and not self._compared:
            self._watch.compare({self._route.name: usual})
            self._compared = True
        return self._compared

    def _noticed(self, provider: str, signal: str) -> None:
        """Something was told of a provider, or it failed (``""``)."""
        route = self._route
        if provider != route.name or route.state == BreakerState.DRAINED.value:
            return
        why = signal or ("" if route.state in _ASKED else "breaker")
        if why:
            route.drain(True)
            self._metrics.canary_rollbacks.labels(route.name, why).inc()
            log.warning(
                "a candidate is asked no more",
                extra={"provider": route.name, "why": why},
            )
            self.tell(
                {"type": "voiceserver.canary", "provider": route.name, "why": why}
            )


class Pinned:
    """The text model of a call that is pinned to a provider.

    Args:
        model: Answers.
        name: Of the provider.
    """

    def __init__(self, model: TextModel, name: str) -> None:
        self._model = model
        self._pinned = name

    @property
    def name(self) -> str:
        """The model's; who answers is noted."""
        return self._model.name

    @property
    def version(self) -> str:
        """The model's."""
        return self._model.version

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Answer as the model does, asked with the pin."""
        return self._model.reply(replace(request, pinned=self._pinned))
