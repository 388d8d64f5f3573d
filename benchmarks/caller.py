"""A caller: real WebRTC on loopback, human speech in, packets timed at the socket.

The microphone is encoded beforehand and sent in real time; what comes back is timed
as it leaves the socket, before any jitter buffer of the client's, and decoded later.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from voiceserver.audio import Samples
from voiceserver.carriers import aiortc_seams

RATE = 48_000
FRAME = 960  # 20 ms
NOISE_DB = -62.0  # a quiet room, so that the line is never digital silence
CONNECT_LIMIT_S = 15.0


@dataclass(frozen=True, slots=True)
class Packet:
    """One packet of the reply.

    Attributes:
        at_s: ``perf_counter`` as it left the socket.
        payload: Opus.
    """

    at_s: float
    payload: bytes


class Microphone(MediaStreamTrack):
    """Plays a script in real time: noise, and utterances where they are asked for."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._encoder = av.CodecContext.create("libopus", "w")
        self._encoder.sample_rate = RATE
        self._encoder.layout = "mono"
        self._encoder.format = av.AudioFormat("s16")
        self._encoder.bit_rate = 32_000
        rng = np.random.default_rng(1)
        noise = rng.standard_normal(RATE * 2) * 10 ** (NOISE_DB / 20)
        self._noise = noise.astype(np.float32)
        self._speech = np.zeros(0, np.float32)
        self._sent = 0  # samples of the utterance
        self._frame = 0
        self._start_s = 0.0
        self.sent_s: list[float] = []  # when each frame of the utterance was sent

    def say(self, samples: Samples) -> None:
        """Speak from the next frame on."""
        self._speech, self._sent, self.sent_s = samples, 0, []

    def sent_at_s(self, sample: int) -> float | None:
        """When the frame that holds this sample of the utterance was sent."""
        index = sample // FRAME
        return self.sent_s[index] if index < len(self.sent_s) else None

    async def recv(self) -> av.Packet[Any]:
        """Return the next 20 ms, encoded, at its time."""
        if self._frame == 0:
            self._start_s = time.perf_counter()
        due_s = self._start_s + self._frame * FRAME / RATE
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        packet = self._encode()
        self._frame += 1
        return packet

    def _encode(self) -> av.Packet[Any]:
        at = self._frame * FRAME % (len(self._noise) - FRAME)
        samples = self._noise[at : at + FRAME].copy()
        if self._sent < len(self._speech):
            part = self._speech[self._sent : self._sent + FRAME]
            samples[: len(part)] += part
            self._sent += FRAME
            self.sent_s.append(time.perf_counter())
        pcm = np.clip(samples * 32768, -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = self._frame * FRAME
        frame.time_base = Fraction(1, RATE)
        [packet] = self._encoder.encode(frame)
        packet.pts = self._frame * FRAME
        packet.time_base = Fraction(1, RATE)
        return packet


@dataclass
class Caller:
    """One call.

    Attributes:
        url: Base address of the server.
        packets: What came back.
        events: ``(perf_counter, event)`` of the data channel.
        connect_s: From the offer to the open data channel.
    """

    url: str
    packets: list[Packet] = field(default_factory=list)
    events: list[tuple[float, dict[str, object]]] = field(default_factory=list)
    connect_s: float = 0.0
    microphone: Microphone = field(default_factory=Microphone)

    async def connect(self, session: dict[str, object] | None = None) -> None:
        """Offer, and wait until the data channel is open.

        Raises:
            RuntimeError: If the server refuses; the message is its reason.
        """
        aiortc_seams.install()
        began_s = time.perf_counter()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._peer.addTrack(self.microphone)
        self._channel = self._peer.createDataChannel("oai-events")
        opened = asyncio.Event()
        self._channel.on("open", opened.set)
        self._channel.on("message", self._event)
        self._tap(self._peer.getReceivers()[0])
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await self._exchange(self._peer.localDescription.sdp)
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await opened.wait()
        self.connect_s = time.perf_counter() - began_s
        if session:
            self.send({"type": "session.update", "session": session})

    def send(self, event: dict[str, object]) -> None:
        """Send an event to the server."""
        self._channel.send(json.dumps(event))

    async def close(self) -> None:
        """Hang up."""
        await self._peer.close()

    async def _exchange(self, offer: str) -> str:
        async with (
            aiohttp.ClientSession() as client,
            client.post(
                f"{self.url}/v1/realtime/calls",
                data=offer,
                headers={"Content-Type": "application/sdp"},
            ) as reply,
        ):
            text = await reply.text()
            if reply.status != 201:
                raise RuntimeError(f"{reply.status}: {text}")
            return text

    def _event(self, text: str) -> None:
        self.events.append((time.perf_counter(), json.loads(text)))

    def _tap(self, receiver: object) -> None:
        """Take packets as they come from the socket, before any buffer."""

        async def tapped(packet: object, arrival_time_ms: int) -> None:
            payload: bytes = packet.payload  # type: ignore[attr-defined]
            self.packets.append(Packet(time.perf_counter(), payload))

        receiver._handle_rtp_packet = tapped  # type: ignore[attr-defined]


def decode(packets: list[Packet]) -> list[tuple[float, Samples]]:
    """Decode packets to ``(at_s, samples at 48 kHz)``, in order of arrival."""
    decoder = av.CodecContext.create("libopus", "r")
    decoder.sample_rate = RATE
    decoded = []
    for packet in packets:
        for frame in decoder.decode(av.Packet(packet.payload)):
            pcm = frame.to_ndarray().astype(np.float32)
            mono = pcm.reshape(-1) if pcm.shape[0] == 1 else pcm.mean(axis=0)
            scale = 32768 if frame.format.name.startswith("s16") else 1
            if frame.format.name == "s16" and len(frame.layout.channels) == 2:
                mono = mono.reshape(-1, 2).mean(axis=1)
            decoded.append((packet.at_s, (mono / scale).astype(np.float32)))
    return decoded
