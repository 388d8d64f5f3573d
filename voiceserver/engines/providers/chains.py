"""Opens the configured providers as one text model and one synthesizer."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence

from voiceserver.config import (
    BudgetConfig,
    Config,
    TextProvider,
    TransformersConfig,
)
from voiceserver.engines.base import Synthesizer, TextModel
from voiceserver.engines.gate.gate import Gate, opened_gate
from voiceserver.engines.providers.canary import Canary
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route, RouteLimits
from voiceserver.engines.providers.services.chat import ChatModel
from voiceserver.engines.providers.services.http import HttpLimits, Transport
from voiceserver.engines.providers.services.speech import SpeechService
from voiceserver.engines.providers.text_chain import Hedges, TextChain
from voiceserver.engines.providers.tiers import Tiers
from voiceserver.engines.providers.voice_chain import VoiceChain
from voiceserver.engines.table import text_names, text_tiers
from voiceserver.engines.watch.watch import Watch
from voiceserver.errors import ConfigError
from voiceserver.metrics import Metrics
from voiceserver.routing.router import Router


def text_limits(provider: TextProvider, budget: BudgetConfig) -> RouteLimits:
    """How long a text provider may take: a complex model is given more time."""
    of_tier_ms = (
        budget.text_first_complex_ms
        if provider.tier == "complex"
        else budget.text_first_ms
    )
    first_ms = provider.first_ms or of_tier_ms
    # The last resort still has time for its line, before the stage is over.
    alone_ms = max(budget.text_stall_ms, budget.text_words_ms - budget.text_stall_ms)
    return RouteLimits(
        first_ms / 1000,
        budget.text_stall_ms / 1000,
        provider.max_concurrency,
        alone_ms / 1000,
        HttpLimits().gap_s,
    )


def house_limits(house: TransformersConfig, budget: BudgetConfig) -> RouteLimits:
    """How long a model in the house may take: one caller at a time.

    Raises:
        ConfigError: If a turn is over before its answer may begin.
    """
    if house.first_ms > budget.text_words_ms:
        raise ConfigError(
            f"[transformers] first_ms = {house.first_ms} is above [budget] "
            f"text_words_ms = {budget.text_words_ms}, when a turn is given up: raise "
            "that, too"
        )
    first_s = house.first_ms / 1000
    return RouteLimits(first_s, first_s, 1, rest_s=HttpLimits().gap_s)


def text_chain(
    config: Config,
    transport: Transport,
    last: TextModel | None,
    metrics: Metrics,
    costs: Costs,
    environ: Mapping[str, str] = os.environ,
    watch: Watch | None = None,
    router: Router | None = None,
    house: TextModel | None = None,
) -> TextChain:
    """Make one text model of one in the house and the ``[[text.provider]]`` tables.

    Args:
        config: The providers and the limits.
        transport: Sends their requests.
        last: Answers when none does.
        metrics: Of the server.
        costs: Books what they cost.
        environ: Where keys are.
        watch: Observes how each one's answers go; None is nobody.
        router: Decides between their tiers; None keeps the order of preference.
        house: Asked before all of them.

    Raises:
        ConfigError: If there is nobody to ask, or a key is missing.
    """
    if not config.text.provider and house is None:
        raise ConfigError("[text] needs at least one [[text.provider]]")
    rng = random.Random()
    services: list[tuple[Route, TextModel]] = []
    for provider in config.text.provider:
        model = ChatModel(provider, transport, environ)
        limits = text_limits(provider, config.budget)
        route = Route(
            provider.name,
            "text",
            limits,
            metrics,
            rng,
            costs,
            warm=model,
            region=provider.region,
            priced=provider.price_in > 0 or provider.price_out > 0,
            strong=provider.tier == "complex",
        )
        services.append((route, model))
    budget = config.budget
    hedges = Hedges(budget.hedge_share if budget.hedge else 0.0)
    of = [provider.tier for provider in config.text.provider]
    routes = services
    if house is not None:
        if any(route.name == house.name for route, _ in services):
            raise ConfigError(
                f"a [[text.provider]] is named {house.name!r}, as the model in the "
                "house is: give it another name"
            )
        limits = house_limits(config.transformers, budget)
        own = Route(house.name, "text", limits, metrics, rng, costs)
        routes = [(own, house), *services]
        of.insert(0, config.transformers.tier)
    both = router is not None and len(set(of)) > 1
    tiers = (Tiers(router), of) if router is not None and both else None
    gate = (
        _gate(config, routes, of, tiers is not None)
        if config.router.least_confidence
        else None
    )
    tried = [
        (pair, provider.tier)
        for pair, provider in zip(services, config.text.provider, strict=True)
        if provider.canary
    ]
    canary = tried[0] if tried else None
    return TextChain(routes, last, hedges, watch, tiers, gate, canary)


def _gate(
    config: Config,
    routes: Sequence[tuple[Route, TextModel]],
    of: Sequence[str],
    tiered: bool,
) -> Gate:
    """What the cheap tier is about to say is judged; ``of`` has each one's tier."""
    if not tiered:
        raise ConfigError(
            "[router] least_confidence needs text providers of both tiers"
        )
    cheap = {
        route.name: model.version
        for (route, model), tier in zip(routes, of, strict=True)
        if tier == "simple"
    }
    budget, router = config.budget, config.router
    return opened_gate(
        router.calibration,
        router.least_confidence,
        cheap,
        (budget.text_words_ms - budget.text_stall_ms) / 1000,
    )


def opened_canary(
    config: Config, chain: TextChain, watch: Watch, metrics: Metrics
) -> Canary | None:
    """Make what pins calls to the candidate among the providers, if there is one.

    Raises:
        ConfigError: If nobody else is of its tier, for whom it could stand.
    """
    tried = next((one for one in config.text.provider if one.canary), None)
    if tried is None:
        return None
    tiers = dict(zip(text_names(config), text_tiers(config), strict=True))
    live = [
        name
        for name, tier in tiers.items()
        if tier == tried.tier and name != tried.name
    ]
    if not live:
        raise ConfigError(
            f'[[text.provider]] canary: "{tried.name}" has nobody to stand for: '
            f'another model of tier = "{tried.tier}" is needed'
        )
    [route] = [one for one in chain.providers if one.name == tried.name]
    return Canary(route, live[0], tried.canary, watch, metrics, random.Random())


def voice_chain(
    config: Config,
    transport: Transport,
    own: Synthesizer,
    metrics: Metrics,
    costs: Costs,
    environ: Mapping[str, str] = os.environ,
) -> VoiceChain:
    """Make one synthesizer of the ``[[speech.provider]]`` tables and ``own``.

    Args:
        config: The providers and the limits.
        transport: Sends their requests.
        own: The server's own voice, which takes over.
        metrics: Of the server.
        costs: Books what they cost.
        environ: Where keys are.

    Raises:
        ConfigError: If a key is missing.
    """
    budget, rng = config.budget, random.Random()
    first_s, gap_s = budget.speech_first_ms / 1000, 1.0
    routes: list[tuple[Route, Synthesizer]] = []
    for provider in config.speech.provider:
        voice = SpeechService(provider, transport, environ)
        limits = RouteLimits(first_s, gap_s, provider.max_concurrency)
        route = Route(
            provider.name,
            "speech",
            limits,
            metrics,
            rng,
            costs,
            warm=voice,
            region=provider.region,
            priced=provider.price > 0,
        )
        routes.append((route, voice))
    limits = RouteLimits(budget.speech_last_ms / 1000, 2.0)
    route = Route(own.name, "speech", limits, metrics, rng, costs, guarded=False)
    return VoiceChain([*routes, (route, own)], budget.speech_cap_ms / 1000)
