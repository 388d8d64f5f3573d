"""A model in the house within a whole server: one caller at a time, the rest behind."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.chat_faults import ChatService
from tests.e2e.running import running_server
from tests.e2e.test_routing import talk
from tests.engines.llm.tiny import SAID, written
from tests.faulty_text_server import FaultyTextServer

pytestmark = [
    pytest.mark.net,
    pytest.mark.skipif(
        find_spec("transformers") is None, reason="the extra llm is not installed"
    ),
]

CONFIG = """
[engines]
vad = "stub"
recogniser = "stub"
speech = "stub"
text = "transformers"
[transformers]
model = "{model}"
device = "cpu"
threads = 1
[[text.provider]]
name = "next"
base_url = "{url}"
model = "m"
"""
PATH = "/v1/realtime?model=m&extensions=voiceserver"
ASKED = {"type": "input_text", "text": "a little red house"}


async def begin(socket: aiohttp.ClientWebSocketResponse) -> str:
    """Ask by text; return what was told up to the first sound of a long answer."""
    detection = {"audio": {"input": {"turn_detection": None}}}
    session: dict[str, Any] = {"type": "realtime", **detection}
    await socket.send_json({"type": "session.update", "session": session})
    item = {"type": "message", "role": "user", "content": [ASKED]}
    await socket.send_json({"type": "conversation.item.create", "item": item})
    await socket.send_json({"type": "response.create"})
    text = ""
    async for message in socket:
        event = json.loads(message.data)
        assert event["type"] != "error", event
        if event["type"] == "response.output_audio_transcript.delta":
            text += event["delta"]
        if event["type"] == "response.output_audio.delta":
            return text
    raise AssertionError("the call ended")


async def test_whoever_comes_while_it_speaks_is_answered_by_the_next(
    tmp_path: Path,
) -> None:
    """A mixture of experts, spoken; free again as soon as its caller has gone."""
    model = written(tmp_path / "tiny-moe", "experts")
    service = ChatService()
    service.deltas = ("The next ", "one says so.")
    async with FaultyTextServer(service=service) as other:
        config = CONFIG.format(model=model, url=other.base_url)
        async with running_server(config) as server, aiohttp.ClientSession() as client:
            url = server.url.replace("http", "ws") + PATH
            async with client.ws_connect(url) as socket:
                first = await begin(socket)
                [busy] = await talk(url, ["we go to the house"])
            async with client.ws_connect(url) as socket:
                again = await begin(socket)
            [known] = await talk(url, ["what is two plus two"])
    assert (busy["answered_by"], busy["text"]) == ("next", "The next one says so.")
    assert first.split()
    assert {*first.split(), *again.split()} <= set(SAID)
    assert known["answered_by"] == "responder"
