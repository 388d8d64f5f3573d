"""A real WebRTC call through the real server, with scripted engines."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator

import aiohttp
import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.mediastreams import AudioStreamTrack

from tests.server.running import fake_engines
from voiceserver.config import Config
from voiceserver.engines.opened import Engines
from voiceserver.metrics import Metrics
from voiceserver.server.connections import address_of, bound_socket
from voiceserver.server.serve import ServerParts, serve

pytestmark = pytest.mark.net


@contextlib.asynccontextmanager
async def open_fakes(config: Config, metrics: Metrics) -> AsyncGenerator[Engines, None]:
    yield fake_engines()


async def test_a_call_opens_and_ends_with_the_server() -> None:
    """Offer, answer, greeting on the data channel, and a goodbye at the end."""
    stop, ready, greeted = asyncio.Event(), asyncio.Event(), asyncio.Event()
    events: list[str] = []
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    channel = peer.createDataChannel("oai-events")

    def heard(text: str) -> None:
        events.append(json.loads(text)["type"])
        greeted.set()

    channel.on("message", heard)
    peer.addTrack(AudioStreamTrack())
    with bound_socket("127.0.0.1", 0) as listening:
        url = address_of(listening)
        parts = ServerParts(open_fakes, loaded=contextlib.nullcontext)
        async with asyncio.TaskGroup() as group:
            group.create_task(
                serve(Config(), listening, parts, stop, lambda url: ready.set())
            )
            await ready.wait()
            await peer.setLocalDescription(await peer.createOffer())
            async with (
                aiohttp.ClientSession(url) as client,
                client.post(
                    "/v1/realtime/calls",
                    data=peer.localDescription.sdp,
                    headers={"Content-Type": "application/sdp"},
                ) as answer,
            ):
                assert answer.status == 201
                sdp = await answer.text()
            await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
            async with asyncio.timeout(10):
                await greeted.wait()
            stop.set()
    await peer.close()
    assert events[0] == "session.created"
