"""A thousand offers a minute from somebody who never connects: a live call goes on."""

from __future__ import annotations

import asyncio
from collections import Counter

import aiohttp
import pytest
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection

from benchmarks.caller import Caller
from tests.e2e.running import STUBS, running_server
from tests.e2e.test_killed_engines import event
from tests.e2e.test_killed_workers import packets

pytestmark = pytest.mark.net

N_OFFERS = 100
PACE_S = 0.06  # 1,000 a minute
LIMIT_S = 45.0
SDP = {"Content-Type": "application/sdp"}


async def an_offer() -> str:
    """A good offer, of a client that will never answer a packet."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    peer.addTrack(AudioStreamTrack())
    peer.createDataChannel("oai-events")
    await peer.setLocalDescription(await peer.createOffer())
    offer: str = peer.localDescription.sdp
    await peer.close()
    return offer


async def flood(client: aiohttp.ClientSession, offer: str) -> Counter[int]:
    """Send it over and over; return what it was answered with."""
    statuses: Counter[int] = Counter()

    async def once() -> None:
        async with client.post("/v1/realtime/calls", data=offer, headers=SDP) as answer:
            statuses[answer.status] += 1
            assert answer.status == 201 or "Retry-After" in answer.headers

    async with asyncio.TaskGroup() as group:
        for _ in range(N_OFFERS):
            group.create_task(once())
            await asyncio.sleep(PACE_S)
    return statuses


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_live_call_goes_on(workers: int) -> None:
    """What is beyond the room is refused; what never connects makes room again."""
    config = f"{STUBS}[server]\nworkers = {workers}\nmax_calls = 4\n"
    config += "[media]\nsetup_limit_s = 4.0\n"
    async with (
        running_server(config) as server,
        aiohttp.ClientSession(base_url=server.url) as client,
    ):
        live = Caller(server.url)
        await live.connect()
        try:
            await packets(live, 25)
            before, began_s = len(live.packets), asyncio.get_running_loop().time()
            statuses = await flood(client, await an_offer())
            took_s = asyncio.get_running_loop().time() - began_s
            assert statuses.total() == N_OFFERS
            assert statuses.keys() == {201, 503}
            assert statuses[201] <= 3 * (1 + took_s / 4.0)
            # All of 50 a second on a machine of one's own.
            assert len(live.packets) - before > 25 * took_s
            live.send({"type": "input_audio_buffer.clear"})
            await event(live, "input_audio_buffer.cleared")
            async with asyncio.timeout(LIMIT_S):
                while True:  # the last that never connected is given up
                    async with client.get("/readyz") as answer:
                        if (await answer.json())["calls"] == 1:
                            break
                    await asyncio.sleep(0.1)
        finally:
            await live.close()
