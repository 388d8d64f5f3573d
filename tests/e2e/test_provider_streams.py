"""Every recorded stream of a chat service through the whole server, read and spoken.

What the client gets is the whole answer and nothing but the answer; what is spoken
sounds, and an answer that cannot be spoken is said to be one.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest

from tests.chat_faults import ChatService, Head, recorded
from tests.chat_streams import LOOK, OTHER, STREAMS, Stream
from tests.e2e.running import running_server
from tests.faulty_text_server import FaultyTextServer
from voiceserver.config import BudgetConfig

pytestmark = pytest.mark.net
pytest.importorskip("espeakng_loader", reason="the extra espeak is not installed")

# The slow stream is longer than any limit of a wait; a slow machine is given time.
CONFIG = """
[engines]
vad = "stub"
recogniser = "stub"
text = "providers"
speech = "espeak"

[server]
max_calls = 10

[budget]
text_first_ms = 2500
text_first_complex_ms = 2500
text_stall_ms = 150
text_words_ms = 2500
text_total_ms = 2500
speech_last_ms = 20000

[[text.provider]]
name = "service"
base_url = "{url}"
model = "any"
"""
PATH = "/v1/realtime?model=m&extensions=voiceserver"
DELTAS = ("response.output_text.delta", "response.output_audio_transcript.delta")
TOOLS = [{"type": "function", "name": name, "parameters": {}} for name in (LOOK, OTHER)]
LIMIT_S = 60
CALLS = 8  # at a time; fewer than the server's limit


@dataclass
class Told:
    """What a client was told of one response."""

    text: str = ""
    n_bytes: int = 0  # of audio
    calls: list[tuple[str, object]] = field(default_factory=list)
    status: str = ""
    steps: list[str] = field(default_factory=list)


class Asked(ChatService):
    """Plays the stream that the user names."""

    async def answer(
        self, body: dict[str, Any], key: str = ""
    ) -> AsyncGenerator[Head | bytes, None]:
        async with aclosing(recorded(body["messages"][-1]["content"], body)) as parts:
            async for part in parts:
                yield part


@asynccontextmanager
async def serving() -> AsyncIterator[str]:
    async with (
        FaultyTextServer(service=Asked()) as service,
        running_server(CONFIG.format(url=service.base_url)) as server,
    ):
        yield server.url.replace("http", "ws") + PATH


async def ask(url: str, modality: str, name: str) -> Told:
    """Ask for a stream in a call of its own, until its turn is accounted for."""
    session = {
        "type": "realtime",
        "output_modalities": [modality],
        "tools": TOOLS if STREAMS[name].calls else [],
        "audio": {"input": {"turn_detection": None}},
    }
    said = {"type": "input_text", "text": name}
    item = {"type": "message", "role": "user", "content": [said]}
    told = Told()
    async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
        for event in (
            {"type": "session.update", "session": session},
            {"type": "conversation.item.create", "item": item},
            {"type": "response.create"},
        ):
            await socket.send_json(event)
        async with asyncio.timeout(LIMIT_S):
            async for message in socket:
                event = json.loads(message.data)
                take(told, event)
                if event["type"] == "voiceserver.turn.latency":
                    break
    return told


def take(told: Told, event: dict[str, Any]) -> None:
    match event["type"]:
        case kind if kind in DELTAS:
            told.text += event["delta"]
        case "response.output_audio.delta":
            told.n_bytes += len(base64.b64decode(event["delta"]))
        case "response.done":
            told.status = event["response"]["status"]
            told.calls = [
                (item["name"], json.loads(item["arguments"]))
                for item in event["response"]["output"]
                if item["type"] == "function_call"
            ]
        case "voiceserver.turn.latency":
            told.steps = event["steps"]
        case "error":
            raise AssertionError(event)


def answer_in(told: Told) -> str:
    """The text without what the server itself said before and after."""
    text = told.text
    if {"text.filler", "speech.filler"} & {*told.steps}:
        fillers = [one for one in BudgetConfig().fillers if text.startswith(one)]
        text = text.removeprefix(fillers[0]).lstrip() if fillers else text
    if "speech.unspoken" in told.steps:
        text = text.removesuffix(f" {BudgetConfig().unspoken}")
    return text


def right(told: Told, modality: str, stream: Stream) -> bool:
    """Whether it is the whole answer, and sounds where it should."""
    wanted = [(call, json.loads(given)) for call, given in stream.calls]
    heard = modality == "audio" and not stream.calls
    return (
        told.status == "completed"
        and answer_in(told).strip() == stream.says.strip()
        and told.calls == wanted
        and (told.n_bytes > 0) == heard
        and ("speech.unspoken" in told.steps) == (heard and not stream.spoken)
    )


async def test_each_stream_is_the_whole_answer_and_nothing_else() -> None:
    """In text and in sound; calls as calls, and none of them spoken."""
    wrong, places = {}, asyncio.Semaphore(CALLS)

    async def try_one(url: str, name: str, modality: str) -> None:
        async with places:
            told = await ask(url, modality, name)
        if not right(told, modality, STREAMS[name]):
            wrong[name, modality] = told

    async with serving() as url, asyncio.TaskGroup() as group:
        # The longest first, so that none is left to wait for alone.
        for name in sorted(STREAMS, key=lambda name: -len(STREAMS[name].says)):
            for modality in ("text", "audio"):
                group.create_task(try_one(url, name, modality))
    assert not wrong, wrong
