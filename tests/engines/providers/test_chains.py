"""The configured providers become engines, or a precise error."""

from __future__ import annotations

import dataclasses

import pytest

from tests.fake_transport import FakeTransport
from tests.fakes import FakeSpeech, FakeText
from voiceserver.config import (
    BudgetConfig,
    Config,
    SpeechConfig,
    SpeechProvider,
    TextConfig,
    TextProvider,
    TransformersConfig,
)
from voiceserver.engines.providers.chains import (
    house_limits,
    text_chain,
    text_limits,
    voice_chain,
)
from voiceserver.engines.providers.costs import Costs
from voiceserver.errors import ConfigError
from voiceserver.metrics import Metrics


def test_a_complex_model_is_given_more_time() -> None:
    """600 and 1200 ms to the first words."""
    simple = TextProvider("a", "http://h/v1", "m")
    slow = TextProvider("b", "http://h/v1", "m", tier="complex", max_concurrency=3)
    assert text_limits(simple, BudgetConfig()).first_s == 0.6
    own = dataclasses.replace(simple, first_ms=1500)
    assert text_limits(own, BudgetConfig()).first_s == 1.5
    limits = text_limits(slow, BudgetConfig())
    assert (limits.first_s, limits.gap_s, limits.capacity) == (1.2, 0.5, 3)


def test_a_model_in_the_house_is_asked_first_and_one_at_a_time() -> None:
    """Whoever comes meanwhile goes to the next; its limit is its own."""
    metrics = Metrics()
    config = Config(text=TextConfig(provider=(TextProvider("a", "http://h/v1", "m"),)))
    house = FakeText()
    chain = text_chain(
        config, FakeTransport(), None, metrics, Costs(metrics), house=house
    )
    assert [route.name for route in chain.providers] == [house.name, "a"]
    limits = chain.providers[0].limits
    assert (limits.capacity, limits.first_s) == (1, 2.0)
    house.name = "a"
    with pytest.raises(ConfigError, match="named 'a', as the model in the house is"):
        text_chain(config, FakeTransport(), None, metrics, Costs(metrics), house=house)


def test_a_limit_that_outlasts_the_turn_is_refused() -> None:
    """With both settings."""
    with pytest.raises(ConfigError, match=r"first_ms = 2500 .* text_words_ms = 2000"):
        house_limits(TransformersConfig(first_ms=2500), BudgetConfig())


def test_no_provider_is_a_configuration_error() -> None:
    """There must be somebody to ask."""
    metrics = Metrics()
    with pytest.raises(ConfigError, match=r"\[\[text.provider\]\]"):
        text_chain(Config(), FakeTransport(), None, metrics, Costs(metrics))


def test_a_missing_key_is_told_at_the_start() -> None:
    """Not at the first caller."""
    metrics = Metrics()
    text = TextProvider("a", "http://h/v1", "m", "NO_SUCH_KEY")
    config = Config(text=TextConfig(provider=(text,)))
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        text_chain(config, FakeTransport(), None, metrics, Costs(metrics), {})
    voice = SpeechProvider("a", "http://h/v1", "m", key_env="NO_SUCH_KEY")
    config = Config(speech=SpeechConfig(provider=(voice,)))
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        voice_chain(config, FakeTransport(), FakeSpeech(), metrics, Costs(metrics), {})


def test_the_region_of_a_provider_is_kept_for_the_operator() -> None:
    """For text and speech; the built-in voice is no provider."""
    metrics = Metrics()
    costs = Costs(metrics)
    text = TextProvider("a", "http://h/v1", "m", region="swedencentral")
    voice = SpeechProvider("b", "http://h/v1", "m", region="eastus")
    config = Config(
        text=TextConfig(provider=(text,)), speech=SpeechConfig(provider=(voice,))
    )
    words = text_chain(config, FakeTransport(), None, metrics, costs, {})
    voices = voice_chain(config, FakeTransport(), FakeSpeech(), metrics, costs, {})
    shown = [each.region for each in (*words.providers, *voices.providers)]
    assert shown == ["swedencentral", "eastus"]


def test_names_stand_in_their_order() -> None:
    """The built-in voice is the last."""
    metrics = Metrics()
    voice = SpeechProvider("azure", "http://h/v1", "m")
    config = Config(speech=SpeechConfig(provider=(voice,)))
    chain = voice_chain(config, FakeTransport(), FakeSpeech(), metrics, Costs(metrics))
    assert chain.name == "azure|fake"
