"""The worked example of routing, end to end and spoken, with providers on loopback.

Responder, cheap model, strong model, a voice of MAI's kind, a candidate in the shadow,
and caps of money: as an operator would copy it, with addresses and files changed.
"""

from __future__ import annotations

import asyncio
import base64
import json
import tomllib
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.chat_faults import ChatService, Head
from tests.e2e.running import running_server
from tests.faulty_speech_server import FaultySpeechServer
from tests.faulty_text_server import FaultyTextServer
from voiceserver.engines.gate.calibration import Calibration, Isotonic, written

pytestmark = pytest.mark.net
pytest.importorskip("espeakng_loader", reason="the extra espeak is not installed")

EXAMPLE = Path(__file__).parents[2] / "examples" / "routing" / "voiceserver.toml"
ENGINES = '[engines]\nvad = "stub"\nrecogniser = "stub"\nspeech = "espeak"\n'
PATH = "/v1/realtime?model=m&extensions=voiceserver"
LIMIT_S = 60
PATIENT = """speech_first_ms = 5000
speech_last_ms = 9000
text_first_ms = 8000
text_first_complex_ms = 8000
text_stall_ms = 4000
text_words_ms = 12000
text_total_ms = 30000
"""
TRANSFER = {"type": "function", "name": "transfer_call", "parameters": {}}
DOUBTFUL = "what is the colour of a mirror"
FIRST_CALL = [
    "What is twelve times seven?",
    "play some jazz",
    "what are the main arguments for and against a carbon tax",
    "is ten ibuprofen at once okay",
]
DEAR = [FIRST_CALL[3], FIRST_CALL[2], FIRST_CALL[3], FIRST_CALL[3]]
SECOND_CALL = [DOUBTFUL, "i want to kill myself", "may i speak to a person"]


class Named(ChatService):
    """Says who it is; doubts itself about mirrors, as the cheap one."""

    name = "cheap"

    async def answer(
        self, body: dict[str, Any], key: str = ""
    ) -> AsyncGenerator[Head | bytes, None]:
        doubts = body["messages"][-1]["content"] == DOUBTFUL
        self.deltas = (f"The {self.name} ", "model says ", "that it is so.")
        self.logprob = -3.0 if doubts else -0.05
        async with aclosing(super().answer(body, key)) as parts:
            async for part in parts:
                yield part


async def talk(url: str, words: list[str]) -> list[dict[str, Any]]:
    """Say words in turn in one call; return each turn's ledger, text and audio."""
    turns = []
    async with aiohttp.ClientSession() as client, client.ws_connect(url) as socket:
        session = {
            "type": "realtime",
            "output_modalities": ["audio"],
            "tools": [TRANSFER],
            "audio": {"input": {"turn_detection": None}},
        }
        await socket.send_json({"type": "session.update", "session": session})
        for said in words:
            part = {"type": "input_text", "text": said}
            item = {"type": "message", "role": "user", "content": [part]}
            create = {"type": "conversation.item.create", "item": item}
            await socket.send_json(create)
            await socket.send_json({"type": "response.create"})
            turns.append(await _turn(socket))
    return turns


async def _turn(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    text, n_bytes, calls = "", 0, []
    async with asyncio.timeout(LIMIT_S):
        async for message in socket:
            event = json.loads(message.data)
            match event["type"]:
                case "response.output_audio_transcript.delta":
                    text += event["delta"]
                case "response.output_audio.delta":
                    n_bytes += len(base64.b64decode(event["delta"]))
                case "response.done":
                    output = event["response"]["output"]
                    calls = [each["name"] for each in output if "name" in each]
                case "voiceserver.turn.latency":
                    turn: dict[str, Any] = event
                    return turn | {"text": text, "bytes": n_bytes, "calls": calls}
                case "error":
                    raise AssertionError(event)
    raise AssertionError("the call ended")


async def counted(url: str, name: str) -> float:
    """Sum of a counter over its labels."""
    async with aiohttp.ClientSession() as client, client.get(url + "/metrics") as reply:
        lines = (await reply.text()).splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.startswith(name))


def changed(text: str, changes: dict[str, str]) -> str:
    """The example with other addresses and files."""
    for one, other in changes.items():
        assert one in text, one
        text = text.replace(one, other)
    return text


async def test_each_turn_is_answered_by_who_should(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Responder, cheap, strong; by a rule, after a doubt; refused, handed over; dear.

    All of it by the voice of the service, and what a model answered is shadowed.
    """
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("AZURE_SPEECH_KEY", "az-test")
    points = Isotonic((-3.0, 0.0), (0.1, 0.95))
    maps = {"logprobs+text": points, "text": points}
    known = {"cheap": Calibration("cheap", "small-moe", maps)}
    file = tmp_path / "calibration.json"
    file.write_text(written(known, {}))
    strong = Named()
    strong.name = "strong"
    async with (
        FaultyTextServer(service=Named()) as a,
        FaultyTextServer(service=strong) as b,
        FaultyTextServer() as candidate,
        FaultySpeechServer() as mai,
    ):
        text = EXAMPLE.read_text("utf-8")
        assert tomllib.loads(text)["router"]["calibration"] == file.name
        changes = {
            "http://127.0.0.1:8001/v1": a.base_url,
            "https://api.openai.com/v1": b.base_url,
            "http://127.0.0.1:8002/v1": candidate.base_url,
            "https://eastus.tts.speech.microsoft.com": mai.base_url,
            f'"{file.name}"': json.dumps(str(file)),
            '"shadow.jsonl"': json.dumps(str(tmp_path / "shadow.jsonl")),
            "share = 0.2\n": "share = 1.0\n",
            # A busy machine's loopback is not what is tested.
            "speech_cap_ms = 250": "speech_cap_ms = 5000",
            "speech_first_ms = 400": PATIENT,
        }
        async with running_server(ENGINES + changed(text, changes)) as server:
            url = server.url.replace("http", "ws") + PATH
            both = await asyncio.gather(talk(url, FIRST_CALL), talk(url, SECOND_CALL))
            strong.usage = {"prompt_tokens": 49_000, "completion_tokens": 10}
            dear = await talk(url, DEAR)
            shadowed = await counted(server.url, "voiceserver_shadow_answers_total{")
    turns = [turn for call in both for turn in call]
    by = [turn["answered_by"] for turn in turns]
    assert by == ["responder", "cheap", "strong", "strong", "strong", "rule", "rule"]
    assert all(turn["bytes"] for turn in turns), "each was spoken"
    assert {turn["spoken_by"] for turn in turns} == {"mai"}
    assert any("cheap model" in body for body in mai.bodies)
    assert "84" in turns[0]["text"] and "cheap model" in turns[1]["text"]
    assert turns[3]["tier_reasons"] == ["rule: care"]
    assert "text.escalated" in turns[4]["steps"] and turns[4]["confidence"] < 0.6
    assert "cheap" not in turns[4]["text"]
    assert [turn["tier"] for turn in turns[5:]] == ["refuse", "hand_over"]
    assert turns[6]["calls"] == ["transfer_call"]
    # Near the cap of a call the strong one is kept for what only it may answer.
    assert 0.08 < dear[0]["cost_usd"] < 0.1
    by = [turn["answered_by"] for turn in dear]
    assert by == ["strong", "cheap", "strong", "rule"]
    assert "must not guess" in dear[3]["text"]
    asked = [one.body["messages"][-1]["content"] for one in candidate.requests]
    assert shadowed or asked, "what a model answered was offered to the candidate"
    assert "i want to kill myself" not in asked, "no model is asked, nor a candidate"
