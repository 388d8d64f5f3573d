"""A device with Espressif's WebRTC stack, in the order that its OpenAI demo keeps.

A token that carries the session, raw SDP that offers nothing but A-law, a data channel
that the device opens late, and events sent at once, before the greeting has come.
Source: esp-webrtc-solution, solutions/openai_demo (read, not run).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from tests.carriers.client import Client
from tests.e2e.running import Running, running_server

pytestmark = pytest.mark.net

KEY = "a-key-that-is-long-enough"
CONFIG = """
[server]
api_key_env = "VOICESERVER_TEST_KEY"
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "stub"
"""
TOOL = {
    "type": "function",
    "name": "set_light",
    "description": "Sets the colour of the light.",
    "parameters": {
        "type": "object",
        "properties": {"colour": {"type": "string"}},
        "required": ["colour"],
    },
}


async def token(server: Running) -> str:
    """What the device gets first; the session is all that it configures."""
    session = {
        "type": "realtime",
        "model": "gpt-realtime",
        "audio": {"output": {"voice": "marin"}},
    }
    async with (
        aiohttp.ClientSession() as client,
        client.post(
            f"{server.url}/v1/realtime/client_secrets",
            json={"session": session},
            headers={"Authorization": f"Bearer {KEY}"},
        ) as answer,
    ):
        assert answer.status == 200
        value: str = (await answer.json())["value"]
        return value


@asynccontextmanager
async def device(server: Running) -> AsyncIterator[Client]:
    """A device whose connection stands and whose event channel is not open yet."""
    client = Client()
    offer = await client.offer(channel=False, codec="audio/PCMA")
    kept = [line for line in offer.splitlines() if "rtpmap" in line]
    assert all("PCMA/8000" in line for line in kept), kept
    headers = {
        "Authorization": f"Bearer {await token(server)}",
        "Content-Type": "application/sdp",
    }
    url = f"{server.url}/v1/realtime/calls"
    async with aiohttp.ClientSession() as http:
        async with http.post(url, data=offer.encode(), headers=headers) as answer:
            assert answer.status == 201
            place = answer.headers["Location"]
            await client.accept(await answer.text())
        try:
            async with asyncio.timeout(10):
                await client.opened.wait()
            yield client
        finally:
            await client.peer.close()
            await http.delete(
                server.url + place, headers={"Authorization": f"Bearer {KEY}"}
            )


def send(client: Client, kind: str, **fields: Any) -> None:
    client.channel.send(json.dumps({"type": kind, **fields}))


async def test_a_device_is_configured_heard_and_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its token's voice holds, its tool is called, A-law is spoken and understood."""
    monkeypatch.setenv("VOICESERVER_TEST_KEY", KEY)
    async with running_server(CONFIG) as server, device(server) as client:
        client.opened.clear()
        client.open_channel()
        async with asyncio.timeout(10):
            await client.opened.wait()
        update = {"type": "realtime", "tools": [TOOL], "instructions": "Use the tool."}
        send(client, "session.update", session=update)
        send(client, "response.create")
        created = await client.wait_for("session.created")
        assert created["session"]["audio"]["output"]["voice"] == "marin"
        assert created["session"]["model"] == "gpt-realtime"
        call = await client.wait_for("response.function_call_arguments.done")
        assert call["name"] == "set_light"
        assert json.loads(call["arguments"]) == {"colour": "stub"}
        done = (await client.wait_for("response.done"))["response"]
        assert done["output"][0]["type"] == "function_call"
        output = {
            "type": "function_call_output",
            "call_id": call["call_id"],
            "output": "red",
        }
        send(client, "conversation.item.create", item=output)
        send(client, "response.create")
        await client.wait_for("output_audio_buffer.started")
        await client.hear(0.1)
        said = await client.wait_for("response.output_audio_transcript.done")
        assert "red" in said["transcript"]

        client.tone.loud = True  # over the reply
        await client.wait_for("output_audio_buffer.cleared")
        client.tone.loud = False
        heard = "conversation.item.input_audio_transcription.completed"
        assert (await client.wait_for(heard))["transcript"]
        kinds = [event["type"] for event in client.events]
        assert kinds.index("session.created") < kinds.index("session.updated")
        assert kinds.index("session.updated") < kinds.index("response.created")
        assert "error" not in kinds
