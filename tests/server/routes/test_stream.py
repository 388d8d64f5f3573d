"""Kiosk calls through a real server."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import numpy as np
import pytest

from tests.server.running import fake_engines, running
from voiceserver.overload import Load

pytestmark = pytest.mark.net

PATH = "/v1/stream"


async def test_a_kiosk_is_greeted_and_answered_by_sound() -> None:
    """A question as text, an answer as binary messages of 20 ms at 8 kHz."""
    async with (
        running() as server,
        server.client.ws_connect(f"{PATH}?rate=8000&model=m") as socket,
    ):
        created = json.loads(await socket.receive_str(timeout=10))
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "m"
        await socket.send_bytes(np.zeros(160, "<i2").tobytes())
        await socket.send_str('{"type": "response.create"}')
        async with asyncio.timeout(10):
            async for message in socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    assert 200 <= len(message.data) <= 400
                    break


@pytest.mark.parametrize("query", ["format=mp3", "rate=44100", "rate=x"])
async def test_a_form_of_audio_there_is_none_of_is_refused(query: str) -> None:
    """400 before the handshake."""
    async with running() as server:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await server.client.ws_connect(f"{PATH}?{query}")
        assert refused.value.status == 400


async def test_a_server_that_cannot_keep_up_refuses_kiosks_too() -> None:
    """503, as for every call."""
    engines = fake_engines()
    async with running(engines=engines) as server:
        engines.overload.level = Load.FULL
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await server.client.ws_connect(PATH)
        assert refused.value.status == 503


async def test_a_plain_request_is_told_to_upgrade() -> None:
    """426, with what to do."""
    async with running() as server:
        status, error = await server.error("GET", PATH)
        assert (status, error["code"]) == (426, "upgrade_required")


async def test_the_key_may_come_as_a_subprotocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As for ``/v1/realtime``."""
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")
    async with running(api_key_env="VS_KEY") as server:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await server.client.ws_connect(PATH)
        assert refused.value.status == 401
        name = "openai-insecure-api-key.a-key-that-is-long-enough"
        async with server.client.ws_connect(
            PATH, protocols=("realtime", name)
        ) as socket:
            assert socket.protocol == "realtime"


async def test_a_message_beyond_the_limit_closes_with_1009() -> None:
    """128 KiB; a second of PCM is 32 KB."""
    async with running() as server, server.client.ws_connect(PATH) as socket:
        await socket.send_bytes(bytes(200_000))
        async with asyncio.timeout(10):
            async for _ in socket:
                pass
        assert socket.close_code == 1009
