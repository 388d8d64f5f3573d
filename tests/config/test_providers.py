"""Providers whose settings cannot work are refused at the start."""

from __future__ import annotations

from typing import Any

import pytest

from voiceserver.config import (
    RecogniserProvider,
    SpeechConfig,
    SpeechProvider,
    TextConfig,
    TextProvider,
)
from voiceserver.config.parse import parse
from voiceserver.errors import ConfigError


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": "example.org"}, "must start with http"),
        ({"base_url": "http://"}, "names no host"),
        ({"base_url": "http://h:99999/v1"}, "names no host, or a port"),
        ({"base_url": "https://me:key@h/v1"}, "no user, key or query"),
        ({"base_url": "https://h/v1?api-key=x"}, "no user, key or query"),
        ({"name": " "}, "name must not be empty"),
        ({"model": ""}, "model must not be empty"),
        ({"max_concurrency": 0}, "max_concurrency must be at least 1"),
        ({"dialect": "azure_v1"}, "needs key_env"),
    ],
)
def test_a_text_provider_that_cannot_work(change: dict[str, Any], words: str) -> None:
    """The message names the setting."""
    settings = {"name": "a", "base_url": "http://h/v1", "model": "m"} | change
    with pytest.raises(ValueError, match=words):
        TextProvider(**settings)


AZURE = {
    "name": "a",
    "base_url": "https://eastus.tts.speech.microsoft.com",
    "model": "MAI-Voice-1",
    "dialect": "azure",
    "voice": "en-US-June:MAI-Voice-1",
    "region": "eastus",
    "key_env": "KEY",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": ""}, "must start with http"),
        ({"model": ""}, "model must not be empty"),
        ({"region": "westus"}, "base_url is not of region"),
        ({"key_env": ""}, "needs key_env"),
        ({"model": "MAI-Voice-2"}, "not of the pinned model"),
        ({"voice": ""}, "voice must not be empty"),
        ({"name": ""}, "name must not be empty"),
    ],
)
def test_a_speech_provider_that_cannot_work(change: dict[str, Any], words: str) -> None:
    """The message names the setting."""
    with pytest.raises(ValueError, match=words):
        SpeechProvider(**(AZURE | change))


def test_a_pin_is_compared_without_case() -> None:
    """Azure's own ids differ in it."""
    SpeechProvider(**(AZURE | {"model": "mai-voice-1"}))  # type: ignore[arg-type]


def test_two_providers_of_one_name_are_refused() -> None:
    """Metrics and the ledger could not tell them apart."""
    text = TextProvider("a", "http://h/v1", "m")
    with pytest.raises(ValueError, match=r"two .*text\.provider"):
        TextConfig(provider=(text, text))
    speech = SpeechProvider(**AZURE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"two .*speech\.provider"):
        SpeechConfig(provider=(speech, speech))


def test_what_is_added_to_requests_is_what_json_can_say() -> None:
    """And nothing that the server says itself."""
    table = '[[text.provider]]\nname = "a"\nbase_url = "http://a/v1"\nmodel = "m"\n'
    good = parse(table + 'extra = { temperature = 0.2, stop = ["x"], n_keep = -1 }')
    extra = good.text.provider[0].extra
    assert extra == {"temperature": 0.2, "stop": ["x"], "n_keep": -1}
    with pytest.raises(ConfigError, match="extra must not hold messages, stream"):
        parse(table + "extra = { stream = false, messages = [] }")
    with pytest.raises(ConfigError, match=r"extra\.at: must be what JSON can say"):
        parse(table + "extra = { at = 2026-11-28 }")
    with pytest.raises(ConfigError, match=r"extra\.x: must be what JSON can say"):
        parse(table + "extra = { x = inf }")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base_url": "example.org"}, "must start with http"),
        ({"model": " "}, "model must not be empty"),
        ({"price": -1.0}, "price must be at least 0"),
        ({"max_concurrency": 0}, "max_concurrency must be at least 1"),
        ({"version": "1"}, "version cannot be pinned"),
        ({"dialect": "deepgram"}, "must end before /v1"),
        (
            {"dialect": "deepgram", "model": "flux-general-en", "version": "1"},
            "version cannot be pinned",
        ),
    ],
)
def test_a_recogniser_provider_that_cannot_work(
    change: dict[str, Any], words: str
) -> None:
    """The message names the setting."""
    settings = {"name": "a", "base_url": "http://h/v1", "model": "m"} | change
    with pytest.raises(ValueError, match=words):
        RecogniserProvider(**settings)


AZURE_EARS = {
    "name": "a",
    "base_url": "https://eastus.api.cognitive.microsoft.com",
    "model": "fast-transcription",
    "dialect": "azure",
    "language": "en-US",
    "region": "eastus",
    "version": "2025-10-15",
    "key_env": "KEY",
}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key_env": ""}, "needs key_env"),
        ({"region": "westus"}, "base_url is not of region"),
        ({"model": "whisper"}, "none of Azure Speech"),
        ({"language": "en"}, "needs language with its country"),
        ({"model": "short-audio"}, "only v1 of it"),
        ({"version": "latest"}, 'must be like "2025-10-15"'),
    ],
)
def test_azures_ears_that_cannot_work(change: dict[str, Any], words: str) -> None:
    """The message names the setting."""
    assert RecogniserProvider(**AZURE_EARS)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=words):
        RecogniserProvider(**AZURE_EARS | change)
