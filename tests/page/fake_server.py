"""A server for tests of the page: real WebRTC, events written by the test.

It serves the page under the same content security policy as the real server, answers
offers, sends audio all the time (silence, or a tone while ``speaking``), keeps what the
page sends and says nothing by itself but ``session.created`` and ``session.updated``.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import av
import numpy as np
from aiohttp import web
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCDataChannel,
    RTCPeerConnection,
    RTCSessionDescription,
)

from voiceserver.server.page import add_page, page_files

RATE = 48_000
FRAME = 960  # samples: 20 ms


class Voice(MediaStreamTrack):
    """Audio to the page, paced by the clock."""

    kind = "audio"

    def __init__(self, speaking: Callable[[], bool], muted: Callable[[], bool]) -> None:
        super().__init__()
        self._speaking = speaking
        self._muted = muted
        self._sent = 0
        self._began: float | None = None

    async def recv(self) -> av.AudioFrame:
        """The next 20 ms."""
        loop = asyncio.get_running_loop()
        while self._muted():
            await asyncio.sleep(0.02)
            self._began = None
        if self._began is None:
            self._began = loop.time() - self._sent / RATE
        due = self._began + self._sent / RATE
        await asyncio.sleep(max(0.0, due - loop.time()))
        t = (np.arange(FRAME) + self._sent) / RATE
        loud = 0.25 * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * t)) if self._speaking() else 0
        wave = loud * np.sin(2 * np.pi * 330 * t) * 32767
        samples = np.broadcast_to(wave, (FRAME,)).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(samples[None, :], "s16", "mono")
        frame.sample_rate = RATE
        frame.pts = self._sent
        self._sent += FRAME
        return frame


class FakeServer:
    """One server at a time on one port; ``start`` after ``stop`` uses it again.

    Attributes:
        received: Events of the page, oldest first.
        refusing: Refuse calls with 503 and this code; ``""`` takes them.
        key: Calls need it; ``""`` needs none.
        speaking: Send a tone instead of silence.
        deleted: Paths of calls that the page hung up.
        url: Address of the page.
    """

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []
        self.refusing = ""
        self.key = ""
        self.speaking = False
        self.deleted: list[str] = []
        self.url = ""
        self._port = 0
        self._calls = 0
        self._mute = False
        self._runner: web.AppRunner | None = None
        self._peers: list[RTCPeerConnection] = []
        self._channels: list[RTCDataChannel] = []

    async def start(self) -> None:
        """Listen."""
        app = web.Application()
        add_page(app, page_files())
        app.router.add_get("/v1/{list:models|voices}", self._list)
        app.router.add_post("/v1/realtime/calls", self._offer)
        app.router.add_delete("/v1/realtime/calls/{id}", self._delete)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True)
        await site.start()
        self._port = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{self._port}/"

    async def stop(self) -> None:
        """Stop listening and drop every call, without a word."""
        await self.drop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def drop(self) -> None:
        """Drop every call, without a word."""
        peers, self._peers, self._channels = self._peers, [], []
        for peer in peers:
            await peer.close()

    @property
    def calls(self) -> int:
        """Calls accepted so far."""
        return self._calls

    @property
    def types(self) -> list[str]:
        """Types of the events received."""
        return [event["type"] for event in self.received]

    def tell(self, name: str, **fields: Any) -> None:
        """Send an event to every page."""
        text = json.dumps({"type": name, "event_id": "event_1", **fields})
        for channel in self._channels:
            if channel.readyState == "open":
                channel.send(text)

    def mute_packets(self, muted: bool = True) -> None:
        """Send no audio packet at all, or send again; calls stay up."""
        self._mute = muted

    async def heard(self, name: str, count: int = 1) -> dict[str, Any]:
        """Wait for the ``count``-th event of a type and return it."""
        async with asyncio.timeout(10):
            while True:
                found = [e for e in self.received if e["type"] == name]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(0.02)

    async def hung_up(self, path: str) -> None:
        """Wait until the page has hung up that call, and no other."""
        async with asyncio.timeout(10):
            while not self.deleted:  # noqa: ASYNC110 - as `heard`
                await asyncio.sleep(0.02)
        assert self.deleted == [path]

    async def _list(self, request: web.Request) -> web.Response:
        listed = LISTS[request.match_info["list"]]
        return web.json_response({"object": "list", "data": listed})

    async def _delete(self, request: web.Request) -> web.Response:
        self.deleted.append(request.path)
        return web.Response(status=200)

    async def _offer(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if self.key and given != f"Bearer {self.key}":
            return web.json_response({"error": {"message": "No."}}, status=401)
        if self.refusing:
            error = {"message": "all 8 lines are taken", "code": self.refusing}
            return web.json_response({"error": error}, status=503)
        offer = RTCSessionDescription(await request.text(), "offer")
        # An explicit empty list: the default would contact a public STUN server.
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peers.append(peer)
        peer.addTrack(Voice(lambda: self.speaking, lambda: self._mute))
        peer.on("datachannel", self._opened)
        await peer.setRemoteDescription(offer)
        await peer.setLocalDescription(await peer.createAnswer())
        self._calls += 1
        return web.Response(
            status=201,
            text=peer.localDescription.sdp,
            content_type="application/sdp",
            headers={"Location": f"/v1/realtime/calls/rtc_{self._calls}"},
        )

    def _opened(self, channel: RTCDataChannel) -> None:
        self._channels.append(channel)
        channel.on("message", self._take)
        self.tell("session.created", session=SESSION)

    def _take(self, message: str) -> None:
        event = json.loads(message)
        self.received.append(event)
        if event["type"] == "session.update":
            self.tell("session.updated", session=SESSION)


LISTS: dict[str, list[dict[str, Any]]] = {
    "models": [{"id": "voiceserver"}, {"id": "responder"}],
    "voices": [{"id": "kathleen", "own": True}, {"id": "alloy", "own": False}],
}
SESSION = {
    "type": "realtime",
    "model": "voiceserver",
    "instructions": "You are a helpful voice at the other end of a line.",
    "audio": {
        "input": {"turn_detection": {"type": "server_vad"}},
        "output": {"voice": "alloy", "speed": 1.0},
    },
}
