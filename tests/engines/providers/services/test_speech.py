"""Speech services on loopback: what is sent, and every fault told."""

from __future__ import annotations

import contextlib
import json
import xml.etree.ElementTree as ET
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import numpy as np
import pytest

from tests.fake_transport import FakeTransport
from tests.faulty_speech_server import FaultySpeechServer
from voiceserver.budget import Spent
from voiceserver.config import SpeechProvider
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.services.http import Http, HttpLimits
from voiceserver.engines.providers.services.speech import SpeechService, ssml
from voiceserver.errors import ConfigError, ProviderFailed

ENVIRON = {"KEY": "canary"}
OPENAI = SpeechProvider("o", "http://x/v1", "tts-1", key_env="KEY", price=15.0)
AZURE = SpeechProvider(
    "a",
    "http://x",
    "MAI-Voice-1",
    dialect="azure",
    voice="en-US-June:MAI-Voice-1",
    key_env="KEY",
    style="empathy",
)
LIMITS = HttpLimits(connect_s=1, gap_s=0.3, total_s=3)


@contextlib.asynccontextmanager
async def service(
    provider: SpeechProvider, fault: str = ""
) -> AsyncGenerator[tuple[SpeechService, FaultySpeechServer], None]:
    async with FaultySpeechServer(fault) as server, Http(LIMITS) as http:
        path = "" if provider.dialect == "azure" else "/v1"
        there = replace(provider, base_url=server.base_url + path)
        yield SpeechService(there, http, ENVIRON), server


async def spoken(voice: SpeechService, request: SpeechRequest) -> np.ndarray:
    async with aclosing(voice.speak(request)) as chunks:
        return np.concatenate([chunk.samples async for chunk in chunks])


@pytest.mark.net
async def test_openai_is_asked_for_pcm() -> None:
    """With voice, model and speed; half a second comes back whole."""
    notes: list[Note] = []
    async with service(OPENAI) as (voice, server):
        await voice.warm()
        request = SpeechRequest("Hello there.", speed=1.25, observe=notes.append)
        samples = await spoken(voice, request)
    assert len(samples) == 12_000 and samples.dtype == np.float32
    assert 0.2 < np.abs(samples).max() < 0.3
    assert json.loads(server.bodies[0]) == {
        "model": "tts-1",
        "voice": "alloy",
        "input": "Hello there.",
        "speed": 1.25,
        "response_format": "pcm",
    }
    assert server.headers[0]["Authorization"] == "Bearer canary"
    assert notes == [Spent(cost_usd=12 * 15 / 1e6)]


@pytest.mark.net
async def test_azure_is_asked_in_ssml() -> None:
    """The voice names the model; the key has a header of its own."""
    async with service(AZURE) as (voice, server):
        await voice.warm()
        samples = await spoken(voice, SpeechRequest("Fish & chips <3", speed=1.2))
    assert len(samples) == 12_000
    headers = server.headers[0]
    assert headers["Ocp-Apim-Subscription-Key"] == "canary"
    assert headers["X-Microsoft-OutputFormat"] == "raw-24khz-16bit-mono-pcm"
    root = ET.fromstring(server.bodies[0])
    assert root[0].attrib["name"] == "en-US-June:MAI-Voice-1"
    assert "".join(root.itertext()) == "Fish & chips <3"
    assert "rate='+20%'" in server.bodies[0]


def test_text_cannot_leave_its_place_in_the_ssml() -> None:
    """Whatever a model wrote."""
    evil = "</voice><voice name='x'>\"'&amp;"
    root = ET.fromstring(ssml(SpeechRequest(evil), "en-US-June:MAI-Voice-1", "a'b\"c"))
    assert len(root) == 1
    assert "".join(root.itertext()) == evil


@pytest.mark.net
@pytest.mark.parametrize("provider", [OPENAI, AZURE], ids=["openai", "azure"])
@pytest.mark.parametrize(
    ("fault", "words", "kind"),
    [
        ("429", "rate limit", "busy"),
        ("401", "refused the key", "misconfigured"),
        ("502", "has a fault", "error"),
        ("hang", "in time", "late"),
        ("cut", "broke off", "error"),
        ("empty", "no audio", "refused"),
        ("wav", "not 24 kHz PCM", "error"),
        ("mp3", "audio/mpeg", "error"),
        ("html", "text/html", "error"),
    ],
)
async def test_a_fault_is_told(
    provider: SpeechProvider, fault: str, words: str, kind: str
) -> None:
    """Of what kind, and without the key."""
    async with service(provider, fault) as (voice, _server):
        with pytest.raises(ProviderFailed, match=words) as caught:
            await spoken(voice, SpeechRequest("Hello there."))
    assert caught.value.kind == kind
    assert "canary" not in str(caught.value)


async def test_nothing_to_speak_is_not_sent() -> None:
    """It would cost money and give an error."""
    transport = FakeTransport()
    voice = SpeechService(OPENAI, transport, ENVIRON)
    assert [chunk async for chunk in voice.speak(SpeechRequest("..."))] == []
    assert transport.asked == []


def test_a_missing_key_is_a_configuration_error() -> None:
    """Naming the table and the variable."""
    with pytest.raises(ConfigError, match=r"speech.provider.*KEY"):
        SpeechService(OPENAI, FakeTransport(), {})
