"""A real WebRTC client on loopback, as small as a test needs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction
from typing import Any

import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCSessionDescription,
)

from tests.carriers.incoming import incoming
from tests.fakes import FakeSpeech, FakeText
from voiceserver.carriers.webrtc import aiortc_seams
from voiceserver.carriers.webrtc.call import WebRtcCall
from voiceserver.clock import MonotonicClock
from voiceserver.config import Config, MediaConfig

RATE = 48_000


class Tone(MediaStreamTrack):
    """A microphone that hums where ``loud`` and is silent elsewhere."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self.loud = False
        self.gone = False
        self._index = 0
        self._start_s = 0.0

    async def recv(self) -> Any:
        loop = asyncio.get_running_loop()
        if not self._index:
            self._start_s = loop.time()
        await asyncio.sleep(self._start_s + self._index * 0.02 - loop.time())
        if self.gone:
            await asyncio.Event().wait()
        time_s = (np.arange(960) + self._index * 960) / RATE
        level = 0.3 if self.loud else 0.0
        pcm = (np.sin(2 * np.pi * 300 * time_s) * level * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._index * 960
        frame.time_base = Fraction(1, RATE)
        self._index += 1
        return frame


class Client:
    """One client: a tone out, audio and events in."""

    def __init__(self) -> None:
        aiortc_seams.include_loopback()
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tone = Tone()
        self.events: list[dict[str, Any]] = []
        self.opened = asyncio.Event()
        self._told = asyncio.Event()
        self.track: Any = None
        self.answer = ""

    async def offer(self, channel: bool = True, codec: str = "") -> str:
        """Make an offer, with the event channel or another, in any codec or one."""
        self.peer.addTrack(self.tone)
        self.peer.on("track", self._take)
        if codec:
            known = RTCRtpSender.getCapabilities("audio").codecs
            [transceiver] = self.peer.getTransceivers()
            transceiver.setCodecPreferences([c for c in known if c.mimeType == codec])
        if channel:
            self.open_channel()
        else:
            self.peer.createDataChannel("another").on("open", self.opened.set)
        await self.peer.setLocalDescription(await self.peer.createOffer())
        return str(self.peer.localDescription.sdp)

    def open_channel(self) -> None:
        """Create the event channel."""
        self.channel = self.peer.createDataChannel("oai-events")
        self.channel.on("open", self.opened.set)
        self.channel.on("message", self._message)

    async def accept(self, answer: str) -> None:
        """Take the answer."""
        self.answer = answer
        await self.peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))

    def of(self, kind: str) -> list[dict[str, Any]]:
        """Events of a type."""
        return [event for event in self.events if event["type"] == kind]

    async def wait_for(self, kind: str, limit_s: float = 10) -> dict[str, Any]:
        """Wait for the first event of a type."""
        async with asyncio.timeout(limit_s):
            while not self.of(kind):
                self._told.clear()
                await self._told.wait()
        return self.of(kind)[0]

    async def hear(self, level: float, limit_s: float = 10) -> None:
        """Read the reply's audio until something is louder than ``level``."""
        async with asyncio.timeout(limit_s):
            peak = 0.0
            while peak <= level:
                frame = await self.track.recv()
                peak = float(np.abs(frame.to_ndarray()).max()) / 32768

    def _message(self, text: str) -> None:
        self.events.append(json.loads(text))
        self._told.set()

    def _take(self, track: Any) -> None:
        self.track = track


def make_call(media: MediaConfig | None = None, text: FakeText | None = None) -> Any:
    """A call with scripted engines."""
    return WebRtcCall(
        incoming(
            Config(media=media or MediaConfig()),
            text=text or FakeText(5, 0.05),
            speech=FakeSpeech(0.02),
            clock=MonotonicClock(),
        )
    )


@asynccontextmanager
async def connected(
    media: MediaConfig | None = None,
    text: FakeText | None = None,
    channel: bool = True,
    codec: str = "",
) -> AsyncIterator[tuple[Client, Any, asyncio.Task[str]]]:
    """A client in a call, a data channel open."""
    client, call = Client(), make_call(media, text)
    answer = await call.answer(await client.offer(channel, codec))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(call.run())
        await client.accept(answer)
        async with asyncio.timeout(10):
            await client.opened.wait()
        try:
            yield client, call, running
        finally:
            call.hang_up("the test is over")
            await asyncio.wait({running}, timeout=5)
            await client.peer.close()
