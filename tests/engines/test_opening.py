"""Engines that are opened by their names, and what stands in the way."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conformance import check_recogniser, heard
from tests.recordings import recording
from voiceserver.audio import MIC_RATE
from voiceserver.config import (
    Config,
    EnginesConfig,
    RecogniserConfig,
    ResponderConfig,
    RouterConfig,
    RouterRule,
    SpeechConfig,
    TextConfig,
    TextProvider,
)
from voiceserver.engines import stub
from voiceserver.engines.base import Message, SpeechRequest, TextRequest
from voiceserver.engines.notes import Answering, Note
from voiceserver.engines.opening import check_voice, open_engines
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.errors import ConfigError, EngineFailed
from voiceserver.metrics import Metrics

STUBS = EnginesConfig(vad="stub", recogniser="stub", text="stub", speech="stub")


async def test_stubs_are_opened_by_name() -> None:
    """No process, no model."""
    async with open_engines(Config(engines=STUBS), Metrics()) as engines:
        assert isinstance(engines.vad, stub.StubVad)
        assert isinstance(engines.recogniser, stub.StubRecogniser)
        assert isinstance(engines.text, stub.StubText)
        assert isinstance(engines.speech, stub.StubSpeech)


@pytest.mark.net
async def test_espeak_speaks_other_languages_beside_the_voice() -> None:
    """A process of its own, and a code that it does not have is an error."""
    pytest.importorskip("espeakng_loader", reason="the extra espeak is not installed")
    engines = EnginesConfig(vad="stub", recogniser="stub", text="stub")
    speech = SpeechConfig(language={"es": ("espeak",), "*": ("espeak",)})
    async with open_engines(
        Config(engines=engines, speech=speech), Metrics()
    ) as opened:
        assert opened.speech.name == "neural"
        assert opened.speaks("es") and opened.speaks("fr-CA") and opened.speaks("")
        assert not opened.speaks("bo")
        notes: list[Note] = []
        request = SpeechRequest("Hola.", language="es", observe=notes.append)
        assert [chunk async for chunk in opened.speech.speak(request)]
        assert notes == [Answering("espeak")]
    speech = SpeechConfig(language={"bo": ("espeak",)})
    with pytest.raises(ConfigError, match=r"speech\.language\] bo: .*Tibetan"):
        async with open_engines(Config(engines=engines, speech=speech), Metrics()):
            pass


@pytest.mark.parametrize(
    ("engines", "slot", "hint"),
    [
        (EnginesConfig(recogniser="Pocketsphynx"), "recogniser", "pocketsphinx"),
        (EnginesConfig(speech="espeek"), "speech", "espeak"),
    ],
)
async def test_an_unknown_engine_is_refused_before_anything_is_loaded(
    engines: EnginesConfig, slot: str, hint: str
) -> None:
    """With the one that was meant, and all that there are."""
    wanted = rf'engines\.{slot}: .*did you mean "{hint}".*there are: .*"stub"'
    with pytest.raises(ConfigError, match=wanted):
        async with open_engines(Config(engines=engines), Metrics()):
            pass


def test_an_unknown_default_voice_is_refused() -> None:
    """With the valid names; benchmarks with a stub need not change the voice."""
    config = Config(speech=SpeechConfig(voice="nobody"))
    with pytest.raises(ConfigError, match=r"nobody.*one of: alloy, echo"):
        check_voice(config, ("alloy", "echo"))
    check_voice(Config(engines=STUBS, speech=config.speech), ("alloy",))


@pytest.mark.net
async def test_a_recogniser_without_its_model_says_so() -> None:
    """Which setting, and what is allowed; nothing is left running."""
    engines = EnginesConfig(vad="stub", text="stub", speech="stub")
    config = Config(engines=engines, recogniser=RecogniserConfig(1, "/nonexistent"))
    with pytest.raises(EngineFailed, match=r"recogniser\.model"):
        async with open_engines(config, Metrics()):
            pass


@pytest.mark.net
async def test_an_error_of_one_engine_closes_the_others(tmp_path: Path) -> None:
    """The voice's process is started already when the questions cannot be read."""
    engines = EnginesConfig(vad="stub", recogniser="stub", text="responder")
    missing = ResponderConfig(questions=str(tmp_path / "missing.toml"))
    with pytest.raises(ConfigError):
        async with open_engines(Config(engines=engines, responder=missing), Metrics()):
            pass


@pytest.mark.net
@pytest.mark.speech
async def test_the_default_recogniser_conforms_and_survives_a_kill() -> None:
    """Pocketsphinx in its process, on a person's recording."""
    audio = recording("speech/command/goforward.wav")
    engines = EnginesConfig(vad="stub", text="stub", speech="stub")
    config = Config(engines=engines, recogniser=RecogniserConfig(1))
    async with open_engines(config, Metrics()) as opened:
        pool = opened.recogniser
        assert isinstance(pool, RemoteRecogniser)
        words = (await heard(pool, audio)).text
        assert "forward" in words
        utterance = pool.open()
        utterance.push(audio)
        os.kill(pool.pids[0], signal.SIGKILL)
        assert (await utterance.final()).text == words
        utterance.close()
        await check_recogniser(pool, audio[: MIC_RATE * 5 // 4])


@pytest.mark.net
async def test_the_default_voice_speaks() -> None:
    """From the table to audio, through its process."""
    engines = EnginesConfig(vad="stub", recogniser="stub", text="stub")
    try:
        async with open_engines(Config(engines=engines), Metrics()) as opened:
            stream = opened.speech.speak(SpeechRequest("Hello."))
            assert len((await anext(stream)).samples)
            await stream.aclose()
    except EngineFailed as error:
        if "install" not in str(error):
            raise
        pytest.skip(str(error))


def _tiers(*tiers: str, **router: Any) -> Config:
    providers = tuple(
        TextProvider(f"p{at}", "http://127.0.0.1:9/v1", "m", tier=tier)  # type: ignore[arg-type]
        for at, tier in enumerate(tiers)
    )
    engines = replace(STUBS, text="providers")
    text = TextConfig(provider=providers)
    return Config(engines=engines, text=text, router=RouterConfig(**router))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (_tiers("simple", strong_share=0.3), "both tiers"),
        (_tiers("simple", "complex", least_confidence=0.5), "needs a calibration"),
        (_tiers("simple", least_confidence=0.5), "both tiers"),
    ],
)
async def test_routing_that_cannot_be_is_refused(config: Config, words: str) -> None:
    """With what is needed."""
    with pytest.raises(ConfigError, match=words):
        async with open_engines(config, Metrics()):
            pass


async def test_a_rule_for_a_tier_that_nobody_has_is_refused() -> None:
    """The cheap tier must not answer, and there is no other."""
    rule = RouterRule("complex", topic="medical")
    provider = TextProvider("cheap", "http://127.0.0.1:9/v1", "m")
    config = Config(
        engines=replace(STUBS, text="providers"),
        text=TextConfig(provider=(provider,)),
        router=RouterConfig(rule=(rule,)),
    )
    with pytest.raises(ConfigError, match="only that tier answer"):
        async with open_engines(config, Metrics()):
            pass


async def test_rules_come_before_whoever_answers() -> None:
    """The responder alone, too."""
    rule = RouterRule("refuse", pattern="bomb", say="No.")
    engines = replace(STUBS, text="responder")
    config = Config(engines=engines, router=RouterConfig(rule=(rule,)))
    async with open_engines(config, Metrics()) as opened:
        request = TextRequest((Message("user", "how do i build a bomb"),))
        stream = opened.text.reply(request)
        assert await anext(stream) == "No."
        await stream.aclose()
