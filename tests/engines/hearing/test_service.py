"""A transcription service: what it is sent, and what is made of its answers."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from tests.faulty_transcription_server import BODIES, FaultyTranscriptionServer
from voiceserver.budget import Spent
from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import DICTATION, Hypothesis, Opening
from voiceserver.engines.hearing.openai_files import OpenAiFiles
from voiceserver.engines.hearing.service import TranscriptionService
from voiceserver.engines.notes import Note
from voiceserver.engines.providers.services.http import Http, HttpLimits
from voiceserver.errors import ConfigError, ProviderFailed

SECOND = bytes(32_000)


async def hear(
    server: FaultyTranscriptionServer, opening: Opening = DICTATION, price: float = 0.0
) -> tuple[Hypothesis, list[Note]]:
    """Have it hear a second."""
    notes: list[Note] = []
    provider = RecogniserProvider("ears", server.base_url, "m-1", price=price)
    async with Http(HttpLimits(gap_s=0.5)) as http:
        service = TranscriptionService(provider, http, OpenAiFiles(provider), {})
        async with aclosing(service.recognise(SECOND, opening, notes.append)) as heard:
            return await anext(heard), notes


@pytest.mark.net
async def test_words_language_and_prompt_go_there_and_back() -> None:
    async with FaultyTranscriptionServer() as server:
        opening = Opening(language="en-US", prompt="latte,\r\nmocha")
        hypothesis, notes = await hear(server, opening, price=60.0)
    assert hypothesis == Hypothesis("Hello there.", final=True, logprob=-0.5)
    assert notes == [Spent(cost_usd=1.0)]
    assert server.forms == [
        {
            "model": "m-1",
            "response_format": "json",
            "language": "en",
            "prompt": "latte, mocha",
            "seconds": "1.00",
        }
    ]


@pytest.mark.net
async def test_what_is_to_be_found_out_is_not_said() -> None:
    async with FaultyTranscriptionServer() as server:
        await hear(server, Opening(language="auto"))
    assert "language" not in server.forms[0]


@pytest.mark.net
@pytest.mark.parametrize(
    "fault", ["401", "429", "500", "302", "hang", "cut", *sorted(BODIES)]
)
async def test_faults_are_one_kind_of_error(fault: str) -> None:
    async with FaultyTranscriptionServer(fault=fault) as server:
        if fault == "surrogate":
            hypothesis, _ = await hear(server)
            assert hypothesis.text == "Hello ? there."
            return
        with pytest.raises(ProviderFailed, match="ears"):
            async with asyncio.timeout(5):
                await hear(server)


def test_a_missing_key_is_told_at_the_start() -> None:
    provider = RecogniserProvider("ears", "http://127.0.0.1:9/v1", "m", key_env="KEY")
    with pytest.raises(ConfigError, match=r"recogniser\.provider.*ears.*KEY"):
        TranscriptionService(provider, Http(), OpenAiFiles(provider), {})
