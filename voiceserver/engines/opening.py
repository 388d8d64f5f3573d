"""Opens the configured engines, warms them up and closes them.

Each is imported when it is asked for, so that a server without one needs none of its
packages. What there is, ``table`` says; what was opened is ``opened``.
"""

from __future__ import annotations

import importlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from voiceserver.config import Config
from voiceserver.engines.acoustic.apm import echo_cancelling
from voiceserver.engines.acoustic.turn_ends import ending, opened_turn_ends
from voiceserver.engines.base import (
    Recogniser,
    Synthesizer,
    TextModel,
    VoiceActivityEngine,
)
from voiceserver.engines.ears import resolved
from voiceserver.engines.expected import expected_words
from voiceserver.engines.opened import Engines, speaks_own
from voiceserver.engines.polyglot import OTHERS, Polyglot
from voiceserver.engines.providers.common import CommonKnowledge
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.route import Route
from voiceserver.engines.providers.services.http import Http
from voiceserver.engines.remote.turn_ends import RemoteTurnEnds
from voiceserver.engines.specs import (
    domain_of,
    recogniser_process,
    speech_process,
    text_process,
)
from voiceserver.engines.table import (
    IN_THE_HOUSE,
    ROWS,
    ProcessRow,
    Row,
    Slot,
    asks_models,
    chosen,
    row_named,
    text_engine,
    text_tiers,
)
from voiceserver.engines.watch.baseline import read, usual_of
from voiceserver.engines.watch.shadow import Shadow, WithShadow
from voiceserver.engines.watch.watch import Watch
from voiceserver.engines.watch.webhook import Webhook
from voiceserver.errors import ConfigError, NotInstalled
from voiceserver.metrics import Metrics
from voiceserver.overload import Load, Overload
from voiceserver.routing.router import Router

if TYPE_CHECKING:
    from voiceserver.engines.remote.recogniser import RemoteRecogniser
    from voiceserver.engines.remote.text import RemoteText
    from voiceserver.engines.standby import WithStandby

ESPEAK = "espeak"  # the one voice here that speaks other languages

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_engines(
    config: Config, metrics: Metrics, rows: Sequence[Row] = ROWS
) -> AsyncGenerator[Engines, None]:
    """Open the configured engines, warmed up; they are closed on leaving.

    Processes start side by side, while the rest is loaded here.

    Args:
        config: Names and settings.
        metrics: Counts restarts of processes.
        rows: The engines that there are.

    Raises:
        ConfigError: If there is no such engine, or a text model's settings or the voice
            cannot be used.
        EngineFailed: If an engine cannot be opened; says why and what to do.
    """
    began = time.perf_counter()
    chosen(config := resolved(config), rows)  # before anything is loaded
    async with AsyncExitStack() as stack:
        opener = _Opener(config, metrics, stack, rows)
        # First what needs keys: a missing one is told before anything is loaded.
        text = await opener.text()
        recogniser = await opener.recogniser()
        speech = await opener.speech()
        wanted = config.engines.echo
        if wanted == "auto" and config.turn.far_field:
            wanted = "apm"  # whoever asks for it learns what is missing
        providers = tuple(opener.providers)
        common = CommonKnowledge(providers, opener.costs) if providers else None
        ends = await opener.turn_ends()
        engines = Engines(
            opener.vad(),
            recogniser,
            text,
            speech,
            phrases=opener.phrases,
            providers=providers,
            common=common,
            overload=opener.overload,
            alarms=lambda: opener.watch.standing,
            purse=opener.costs.purse,
            pin=opener.pin,
            reliability=opener.reliability,
            turn_ends=ends,
            ending=ending() if ends or opener.told_ends else None,
            echo=echo_cancelling(wanted),
            ears=opener.ears,
            speaks=speech.speaks if isinstance(speech, Polyglot) else speaks_own,
        )
        await opener.ready()
        check_voice(config, speech.voices)
        if isinstance(speech, Polyglot):
            speech.check()
        took_s = round(time.perf_counter() - began, 2)
        log.info("engines are ready", extra={"seconds": took_s})
        yield engines


def check_voice(config: Config, voices: Sequence[str]) -> None:
    """Refuse a default voice that the synthesizer does not have; a stub has any.

    Raises:
        ConfigError: Names the valid ones.
    """
    voice = config.speech.voice
    if config.engines.speech != "stub" and voice not in voices:
        names = ", ".join(voices)
        raise ConfigError(f"[speech] voice = {voice!r} is unknown; one of: {names}")


class _Warming(Protocol):
    @property
    def name(self) -> str: ...

    async def ready(self) -> None: ...


class _Opener:
    """Engines being opened; what they hold goes on ``stack``."""

    def __init__(
        self,
        config: Config,
        metrics: Metrics,
        stack: AsyncExitStack,
        rows: Sequence[Row],
    ) -> None:
        self._config = config
        self._metrics = metrics
        self._stack = stack
        self._rows = rows
        self._warming: list[_Warming] = []
        self._own_ears: RemoteRecogniser | WithStandby | None = None
        self._http: Http | None = None
        self._router: Router | None = None
        self._domain = domain_of(config)
        self.costs = Costs(metrics, caps=config.budget)
        self.providers: list[Route] = []
        self.overload = Overload()
        self.told_ends = False  # a service tells how likely a turn is over
        self.watch = Watch(metrics, time.monotonic)
        self.reliability: list[dict[str, object]] = []
        self.pin: Callable[[TextModel], TextModel] = lambda model: model

    async def ready(self) -> None:
        """Wait for all processes."""
        for engine in self._warming:
            log.info("waiting for an engine", extra={"engine": engine.name})
            await engine.ready()

    def vad(self) -> VoiceActivityEngine:
        engine: VoiceActivityEngine = self._loaded(self._row("vad"))
        return engine

    async def recogniser(self) -> Recogniser:
        own = await self._own_recogniser()
        stands_in = self._config.engines.recogniser == "stub"
        if not self._config.recogniser.provider or stands_in:
            return own
        from voiceserver.engines.hearing.chain import hearing_chain
        from voiceserver.engines.hearing.table import tells_ends

        self.told_ends = tells_ends(self._config)
        chain = hearing_chain(
            self._config,
            await self.transport(),
            own,
            self._metrics,
            self.costs,
            expected_words(self._config, self._domain),
        )
        self.providers += chain.providers
        return await self._stack.enter_async_context(chain)

    async def _own_recogniser(self) -> Recogniser:
        row = self._row("recogniser")
        if not isinstance(row, ProcessRow):
            engine: Recogniser = self._loaded(row)
            return engine
        own = self._config.recogniser
        n_processes = 1 if row.gateway else own.processes
        if not (row.standby and own.standby):
            pool = self._ears(row, n_processes)
            self._own_ears = pool
            self._warming.append(pool)
            return await self._stack.enter_async_context(pool)
        from voiceserver.engines.standby import WithStandby

        other = row_named("recogniser", row.standby, self._rows)
        assert isinstance(other, ProcessRow)
        first = self._ears(row, n_processes, relieved=True)
        self._own_ears = both = WithStandby(first, self._ears(other, 1))
        self._warming.append(both)
        return await self._stack.enter_async_context(both)

    def ears(self) -> tuple[int, int]:
        """How many speak to the own recogniser, and how many it hears in time."""
        own = self._own_ears
        return (own.speaking, own.at_ease) if own is not None else (0, 0)

    def _ears(
        self, row: ProcessRow, processes: int, relieved: bool = False
    ) -> RemoteRecogniser:
        from voiceserver.engines.remote.recogniser import RemoteRecogniser

        run = recogniser_process(self._config, row, self._domain)
        return RemoteRecogniser(run, processes, self._metrics, relieved)

    async def turn_ends(self) -> RemoteTurnEnds | None:
        model = opened_turn_ends(self._config.engines.turns, self._metrics)
        if model is not None:
            self._warming.append(await self._stack.enter_async_context(model))
        return model

    async def transport(self) -> Http:
        """One session for all services, opened when the first is."""
        if self._http is None:
            self._http = await self._stack.enter_async_context(Http())
        return self._http

    async def speech(self) -> Synthesizer:
        row = self._row("speech")
        if row.name == "stub":
            stub: Synthesizer = self._loaded(row)
            return stub
        own = voice = await self._voice(row)
        alone: Callable[[str], Synthesizer] | None = None
        if self._config.speech.provider:
            from voiceserver.engines.providers.chains import voice_chain

            chain = voice_chain(
                self._config, await self.transport(), own, self._metrics, self.costs
            )
            self.providers += chain.providers
            voice, alone = await self._stack.enter_async_context(chain), chain.alone
        return Polyglot(voice, await self._by_language(own, alone))

    async def _by_language(
        self, own: Synthesizer, alone: Callable[[str], Synthesizer] | None
    ) -> dict[str, list[Synthesizer]]:
        """Who speaks other languages; eSpeak has most, where it is the voice."""
        named = dict(self._config.speech.language)
        if self._config.engines.speech == ESPEAK:
            named.setdefault(OTHERS, (ESPEAK,))
        voices: dict[str, Synthesizer] = {own.name: own}
        for name in {name for names in named.values() for name in names}:
            if name == ESPEAK and name not in voices:
                row = row_named("speech", name, self._rows)
                voices[name] = await self._voice(row)
            elif name not in voices and alone is not None:
                voices[name] = alone(name)
        return {
            code.lower(): [voices[name] for name in names]
            for code, names in named.items()
        }

    async def _voice(self, row: Row) -> Synthesizer:
        if not isinstance(row, ProcessRow):
            engine: Synthesizer = self._loaded(row)
            return engine
        from voiceserver.engines.remote.synthesizer import RemoteSynthesizer

        run = speech_process(self._config, row)
        voice = RemoteSynthesizer(run, self._metrics)
        self._warming.append(voice)
        return await self._stack.enter_async_context(voice)

    def _routed(self) -> Router | None:
        """One router for rules and tiers; None where nothing needs one."""
        config = self._config
        strong = len(set(text_tiers(config))) > 1
        share = config.router.strong_share
        if share and not strong and asks_models(config):
            raise ConfigError(
                "[router] strong_share needs text providers of both tiers: set tier = "
                '"simple" or "complex" in each [[text.provider]]'
            )
        needed = any(rule.then == "complex" for rule in config.router.rule)
        if needed and asks_models(config) and "complex" not in text_tiers(config):
            raise ConfigError(
                '[[router.rule]] then = "complex" lets only that tier answer, and no '
                '[[text.provider]] has tier = "complex"'
            )
        if self._router is None and (strong or config.router.rule):
            from voiceserver.engines.providers.tiers import router_weights

            self._router = Router(config.router, router_weights())
        return self._router

    async def text(self) -> TextModel:
        answering = await self._unruled()
        router = self._routed()
        if router is None or not router.rules:
            return answering
        from voiceserver.engines.ruled import Ruled

        return Ruled(router, answering)

    @property
    def phrases(self) -> tuple[str, ...]:
        """What answers are known to say before anybody asks."""
        if self._domain is None:
            return ()
        from voiceserver.engines.domain import phrases

        return phrases(self._domain)

    async def _unruled(self) -> TextModel:
        rest = await self._model()
        if self._domain is None:
            return rest
        from voiceserver.engines.domain import DomainFirst

        first = DomainFirst(self._domain, rest, await self.transport())
        return await self._stack.enter_async_context(first)

    async def _model(self) -> TextModel:
        config, name = self._config, text_engine(self._config)
        if not asks_models(config):
            model: TextModel = self._loaded(row_named("text", name, self._rows))
            return model
        from voiceserver.engines.providers.chains import opened_canary, text_chain
        from voiceserver.engines.responder import Responder, ResponderFirst
        from voiceserver.engines.responder.standby import Standby

        responder, place = Responder(config.responder), config.text.responder
        chain = text_chain(
            config,
            await self.transport(),
            None if place == "off" else Standby(responder),
            self._metrics,
            self.costs,
            watch=self.watch,
            router=self._routed(),
            house=await self._house() if name == IN_THE_HOUSE else None,
        )
        self.providers += chain.providers
        self.reliability = chain.reliability
        await self._watched(dict(chain.versions))
        canary = opened_canary(config, chain, self.watch, self._metrics)
        if canary is not None:
            self.pin = canary.pin
        opened: TextModel = await self._stack.enter_async_context(chain)
        if config.shadow.provider:
            opened = WithShadow(opened, await self._shadow())
        return ResponderFirst(responder, opened) if place == "first" else opened

    async def _house(self) -> RemoteText:
        """A language model in a process of its own."""
        model = house_model(self._config, self._metrics, self._rows)
        self._warming.append(model)
        return await self._stack.enter_async_context(model)

    async def _shadow(self) -> Shadow:
        """Candidates that are asked beside the providers, and who compares them."""
        from voiceserver.engines.providers.services.chat import ChatModel

        config, transport = self._config.shadow, await self.transport()
        if not config.file:
            raise ConfigError("[shadow] file must say where the record is written")
        models = [(one.name, ChatModel(one, transport)) for one in config.provider]
        judges = {
            one.name: one for one in (*self._config.text.provider, *config.provider)
        }
        if config.judge and config.judge not in judges:
            known = ", ".join(judges)
            raise ConfigError(
                f'[shadow] judge = "{config.judge}" is no provider; one of: {known}'
            )
        judge = judges.get(config.judge)
        shadow = Shadow(
            models,
            None if judge is None else ChatModel(judge, transport),
            config.share,
            config.max_usd_per_day,
            Path(config.file),
            self._metrics,
            lambda: self.overload.level > Load.NORMAL,
            random.Random(),
        )
        return await self._stack.enter_async_context(shadow)

    async def _watched(self, versions: Mapping[str, str]) -> None:
        """Let the watch know what is usual, and whom to tell."""
        drift = self._config.drift
        if drift.baseline:
            self.watch.compare(usual_of(read(Path(drift.baseline)), versions))
        if drift.webhook:
            hook = Webhook(drift.webhook, await self.transport())
            self.watch.tell = (await self._stack.enter_async_context(hook)).tell

    def _row(self, slot: Slot) -> Row:
        return row_named(slot, getattr(self._config.engines, slot), self._rows)

    def _loaded(self, row: Row) -> Any:
        """Make an engine that runs within the server."""
        module, _, factory = row.load.partition(":")
        try:
            load = getattr(importlib.import_module(module), factory)
        except ImportError as error:
            raise NotInstalled(row.name, error, row.extra) from error
        return load(getattr(self._config, row.settings)) if row.settings else load()


def house_model(
    config: Config, metrics: Metrics, rows: Sequence[Row] = ROWS
) -> RemoteText:
    """Make the language model in the house, which runs while it is entered.

    Raises:
        EngineFailed: If its file can be none; names it and what to do.
    """
    from voiceserver.engines.llm.files import model_files
    from voiceserver.engines.remote.text import RemoteText

    row = row_named("text", IN_THE_HOUSE, rows)
    assert isinstance(row, ProcessRow)
    files = model_files(config.transformers.model)
    return RemoteText(text_process(config, row), files.version, metrics)
