"""The table of engines: names in the configuration to what is opened for them.

The one place that knows every engine. Each is imported when it is asked for, so that
a server without one needs none of its packages.
"""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, assert_never

from voiceserver.config import Config
from voiceserver.engines.base import (
    Recogniser,
    Synthesizer,
    TextModel,
    VoiceActivityEngine,
)
from voiceserver.engines.opened import Engines, Provider
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.providers.http import Http
from voiceserver.errors import ConfigError
from voiceserver.metrics import Metrics

log = logging.getLogger(__name__)


@asynccontextmanager
async def open_engines(
    config: Config, metrics: Metrics
) -> AsyncGenerator[Engines, None]:
    """Open the configured engines, warmed up; they are closed on leaving.

    Processes start side by side, while the rest is loaded here.

    Args:
        config: Names and settings.
        metrics: Counts restarts of processes.

    Raises:
        ConfigError: If a text model's settings or the voice cannot be used.
        EngineFailed: If an engine cannot be opened; says why and what to do.
    """
    began = time.perf_counter()
    async with AsyncExitStack() as stack:
        opening = _Opening(config, metrics, stack)
        # First what needs keys: a missing one is told before anything is loaded.
        text = await opening.text()
        recogniser = await opening.recogniser()
        speech = await opening.speech()
        providers = tuple(opening.providers)
        engines = Engines(opening.vad(), recogniser, text, speech, providers=providers)
        await opening.ready()
        check_voice(config, speech.voices)
        took_s = round(time.perf_counter() - began, 2)
        log.info("engines are ready", extra={"seconds": took_s})
        yield engines


def text_engine(config: Config) -> str:
    """Name of the text engine: ``"auto"`` is the providers where there are any."""
    name = config.engines.text
    if name == "auto":
        return "providers" if config.text.provider else "responder"
    return name


_VOICES = {
    "neural": "voiceserver.engines.neural:load",
    "espeak": "voiceserver.engines.espeak.voice:load",
}


def check_voice(config: Config, voices: Sequence[str]) -> None:
    """Refuse a default voice that the synthesizer does not have; a stub has any.

    Raises:
        ConfigError: Names the valid ones.
    """
    voice = config.speech.voice
    if config.engines.speech != "stub" and voice not in voices:
        names = ", ".join(voices)
        raise ConfigError(f"[speech] voice = {voice!r} is unknown; one of: {names}")


def grammar(config: Config) -> str:
    """What the recogniser should listen for beside dictation, as JSGF; "" is nothing.

    That is what the responder can answer, where it may be the one to answer.
    """
    if not config.recogniser.grammar or text_engine(config) == "providers":
        return ""
    if config.engines.text == "stub" and config.text.provider:
        return ""  # the stub stands for them
    from voiceserver.engines.responder import Responder, jsgf

    return jsgf(Responder(config.responder).questions)


class _Warming(Protocol):
    @property
    def name(self) -> str: ...

    async def ready(self) -> None: ...


class _Opening:
    """Engines being opened; what they hold goes on ``stack``."""

    def __init__(self, config: Config, metrics: Metrics, stack: AsyncExitStack) -> None:
        self._config = config
        self._metrics = metrics
        self._stack = stack
        self._warming: list[_Warming] = []
        self._http: Http | None = None
        self._costs = Costs(metrics)
        self.providers: list[Provider] = []

    async def ready(self) -> None:
        """Wait for all processes."""
        for engine in self._warming:
            log.info("waiting for an engine", extra={"engine": engine.name})
            await engine.ready()

    def vad(self) -> VoiceActivityEngine:
        match self._config.engines.vad:
            case "silero":
                from voiceserver.engines.silero import Silero

                return Silero()
            case "stub":
                from voiceserver.engines.stub import StubVad

                return StubVad()
            case name:
                assert_never(name)

    async def recogniser(self) -> Recogniser:
        match self._config.engines.recogniser:
            case "pocketsphinx":
                return await self._pocketsphinx()
            case "stub":
                from voiceserver.engines.stub import StubRecogniser

                return StubRecogniser()
            case name:
                assert_never(name)

    async def transport(self) -> Http:
        """One session for all services, opened when the first is."""
        if self._http is None:
            self._http = await self._stack.enter_async_context(Http())
        return self._http

    async def speech(self) -> Synthesizer:
        own = await self._own_speech()
        if not self._config.speech.provider or self._config.engines.speech == "stub":
            return own
        from voiceserver.engines.providers.chains import voice_chain

        chain = voice_chain(
            self._config, await self.transport(), own, self._metrics, self._costs
        )
        self.providers += chain.providers
        return await self._stack.enter_async_context(chain)

    async def _own_speech(self) -> Synthesizer:
        match self._config.engines.speech:
            case "neural" | "espeak" as name:
                return await self._voice(name)
            case "stub":
                from voiceserver.engines.stub import StubSpeech

                return StubSpeech()
            case name:
                assert_never(name)

    async def text(self) -> TextModel:
        config = self._config
        match text_engine(config):
            case "providers":
                from voiceserver.engines.providers.chains import text_chain
                from voiceserver.engines.responder import Responder
                from voiceserver.engines.responder.standby import Standby

                chain = text_chain(
                    config,
                    await self.transport(),
                    Standby(Responder(config.responder)),
                    self._metrics,
                    self._costs,
                )
                self.providers += chain.providers
                return await self._stack.enter_async_context(chain)
            case "stub":
                from voiceserver.engines.stub import StubText

                return StubText()
            case _:
                from voiceserver.engines.responder import Responder

                return Responder(config.responder)

    async def _voice(self, name: str) -> Synthesizer:
        from voiceserver.engines.remote import synthesizer

        spec = synthesizer.speech_spec(
            name,
            _VOICES[name],
            {"model": self._config.speech.model},
        )
        voice = synthesizer.RemoteSynthesizer(spec, self._metrics)
        self._warming.append(voice)
        return await self._stack.enter_async_context(voice)

    async def _pocketsphinx(self) -> Recogniser:
        from voiceserver.engines.remote import recogniser

        settings = self._config.recogniser
        spec = recogniser.recogniser_spec(
            "pocketsphinx",
            "voiceserver.engines.sphinx.decoder:load",
            {"model": settings.model, "grammar": grammar(self._config)},
        )
        pool = recogniser.RemoteRecogniser(spec, settings.processes, self._metrics)
        self._warming.append(pool)
        return await self._stack.enter_async_context(pool)
