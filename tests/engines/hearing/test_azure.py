"""Azure Speech: what each of its ways is sent, and what is made of the answers."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from contextlib import aclosing
from typing import Any

import pytest

from tests.fake_sockets import FakeSockets
from tests.faulty_transcription_server import BODIES, FaultyTranscriptionServer
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.hearing.azure import FastTranscription, ShortAudio, dialect
from voiceserver.engines.hearing.table import service_of
from voiceserver.engines.providers.services.http import Http, HttpLimits
from voiceserver.errors import ProviderFailed

SECOND = bytes(32_000)
KEY = "key-that-nobody-may-read"
MODELS = ["short-audio", "fast-transcription", "MAI-Transcribe-2"]


def ears(model: str, base_url: str = "http://h", version: str = "") -> Any:
    return RecogniserProvider(
        "ears",
        base_url,
        model,
        "azure",
        key_env="KEY",
        language="" if model.startswith("MAI") else "en-US",
        version=version,
    )


async def hear(
    server: FaultyTranscriptionServer, model: str, opening: Opening = DICTATION
) -> Hypothesis:
    """Have it hear a second."""
    async with Http(HttpLimits(gap_s=0.5)) as http:
        provider = ears(model, server.root_url)
        service = service_of(provider, http, FakeSockets(), {"KEY": KEY})
        await service.warm()
        async with aclosing(service.recognise(SECOND, opening)) as heard:
            return await anext(heard)


@pytest.mark.net
async def test_short_audio_is_sent_as_it_is() -> None:
    async with FaultyTranscriptionServer() as server:
        hypothesis = await hear(server, "short-audio")
    assert hypothesis == Hypothesis("Hello there.", True, logprob=math.log(0.5))
    assert server.forms == [
        {
            "seconds": "1.00",
            "language": "en-US",
            "format": "detailed",
            "profanity": "raw",
        }
    ]
    assert server.keys == [{"Ocp-Apim-Subscription-Key": KEY}]


@pytest.mark.net
async def test_fast_transcription_is_told_what_to_expect() -> None:
    async with FaultyTranscriptionServer() as server:
        hypothesis = await hear(
            server, "fast-transcription", Opening(prompt="latte, mocha")
        )
    assert hypothesis == Hypothesis(
        "Hello there.", True, language="en", logprob=math.log(0.5)
    )
    [form] = server.forms
    assert json.loads(form.pop("definition")) == {
        "locales": ["en-US"],
        "phraseList": {"phrases": ["latte", "mocha"]},
        "profanityFilterMode": "None",
    }
    assert form == {"seconds": "1.00", "api-version": "2025-10-15"}


@pytest.mark.net
async def test_mai_transcribe_is_a_model_of_it() -> None:
    async with FaultyTranscriptionServer(fault="language") as server:
        hypothesis = await hear(server, "MAI-Transcribe-2", Opening("de"))
    assert hypothesis.language == "es"
    assert json.loads(server.forms[0]["definition"]) == {
        "locales": ["de"],
        "enhancedMode": {"enabled": True, "model": "MAI-Transcribe-2"},
    }


@pytest.mark.net
@pytest.mark.parametrize("model", MODELS[:2])
@pytest.mark.parametrize("fault", ["401", "429", "500", "302", "hang", "cut", "deep"])
async def test_faults_are_one_kind_of_error(
    model: str, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with FaultyTranscriptionServer(fault=fault) as server:
        with pytest.raises(ProviderFailed, match="ears") as failure:
            async with asyncio.timeout(5):
                await hear(server, model)
    assert KEY not in str(failure.value) + caplog.text


@pytest.mark.net
async def test_nothing_understood_is_no_words() -> None:
    async with FaultyTranscriptionServer(text="") as server:
        assert await hear(server, "short-audio") == Hypothesis(final=True)
        heard = await hear(server, "fast-transcription")
    assert heard.text == ""


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("name", [name for name in BODIES if name != "deep"])
def test_an_answer_without_words_is_a_failure(model: str, name: str) -> None:
    try:
        answer = json.loads(BODIES[name])
    except ValueError:
        answer = None
    with pytest.raises(ProviderFailed, match="ears: sent no text"):
        dialect(ears(model)).read(answer)


def test_what_is_odd_in_an_answer_is_left_alone() -> None:
    fast = FastTranscription(ears("fast-transcription"))
    odd = {"combinedPhrases": [7, {"text": "a"}, {"text": 7}], "phrases": [7, {}, None]}
    assert fast.read(odd) == Hypothesis("a", True)
    short = ShortAudio(ears("short-audio"))
    with pytest.raises(ProviderFailed):
        short.read({"RecognitionStatus": "Error", "NBest": [{"Display": "a"}]})
    with pytest.raises(ProviderFailed):
        short.read({"RecognitionStatus": "Success", "NBest": [7]})


def test_more_than_a_minute_is_left_to_others() -> None:
    short = ShortAudio(ears("short-audio"))
    assert short.request(SECOND * 60, DICTATION).body
    with pytest.raises(ProviderFailed, match="at most 60 s") as failure:
        short.request(SECOND * 61, DICTATION)
    assert failure.value.kind == "refused"


def test_the_version_of_the_interface_can_be_pinned() -> None:
    pinned = dialect(ears("fast-transcription", version="2024-11-15"))
    assert pinned.request(SECOND, DICTATION).url.endswith("?api-version=2024-11-15")
