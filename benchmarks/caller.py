"""A caller: real WebRTC on loopback, human speech in, packets timed at the socket.

The microphone is encoded beforehand and sent in real time; what comes back is timed
as it leaves the socket, before any jitter buffer of the client's, and decoded later.
Both take the short way past aiortc's media path, so that a caller costs a fraction of
what a call costs the server that it measures on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import (
    AudioStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
)

from voiceserver.audio import Samples
from voiceserver.carriers.webrtc import aiortc_seams
from voiceserver.media.rtp import RtpPacket

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


class Microphone:
    """A script, encoded beforehand: noise, and utterances where they are asked for."""

    def __init__(self) -> None:
        self._noise = _encoded(b"")
        self._speech: list[bytes] = []
        self._sent = 0  # frames of the utterance
        self._frame = 0
        self.sent_s: list[float] = []  # when each frame of the utterance was sent

    def say(self, samples: Samples) -> None:
        """Speak from the next frame on."""
        self._speech, self._sent, self.sent_s = (
            encoded(samples),
            0,
            [],
        )

    @property
    def said(self) -> bool:
        """Whether all of it was sent."""
        return self._sent == len(self._speech)

    def sent_at_s(self, sample: int) -> float | None:
        """When the frame that holds this sample of the utterance was sent."""
        index = sample // FRAME
        return self.sent_s[index] if index < len(self.sent_s) else None

    def next_payload(self) -> bytes:
        """Return the next 20 ms, which are sent now."""
        self._frame += 1
        if self._sent == len(self._speech):
            return self._noise[self._frame % len(self._noise)]
        self._sent += 1
        self.sent_s.append(time.perf_counter())
        return self._speech[self._sent - 1]


def encoded(samples: Samples) -> list[bytes]:
    """Encode an utterance, once."""
    return _encoded(samples.astype(np.float32).tobytes())


@cache
def _encoded(speech: bytes) -> list[bytes]:
    """Encode 48 kHz speech over a quiet room's noise; 2 s of noise for no speech."""
    samples = np.frombuffer(speech, np.float32)
    n_frames = -(-len(samples) // FRAME) or 100
    rng = np.random.default_rng(1)
    mixed = (rng.standard_normal(n_frames * FRAME) * 10 ** (NOISE_DB / 20)).astype("f4")
    mixed[: len(samples)] += samples
    encoder = av.CodecContext.create("libopus", "w")
    encoder.sample_rate = RATE
    encoder.layout = "mono"
    encoder.format = av.AudioFormat("s16")
    encoder.bit_rate = 32_000
    pcm = np.clip(mixed * 32768, -32768, 32767).astype(np.int16)
    payloads = []
    for index, block in enumerate(pcm.reshape(n_frames, 1, FRAME)):
        frame = av.AudioFrame.from_ndarray(block, format="s16", layout="mono")
        frame.sample_rate = RATE
        frame.pts = index * FRAME
        frame.time_base = Fraction(1, RATE)
        payloads += [bytes(packet) for packet in encoder.encode(frame)]
    return payloads


class _NothingLost:
    """What the caller reports of the reply."""

    packets_received = packets_lost = fraction_lost = max_seq = jitter = 0


class Refused(RuntimeError):
    """The server takes no call now; the message is its reason."""


@dataclass
class Caller:
    """One call.

    Attributes:
        url: Base address of the server.
        packets: What came back.
        events: ``(perf_counter, event)`` of the data channel.
        connect_s: From the offer to the open data channel.
        call_id: As the server names the call.
    """

    url: str
    packets: list[Packet] = field(default_factory=list)
    events: list[tuple[float, dict[str, object]]] = field(default_factory=list)
    connect_s: float = 0.0
    call_id: str = ""
    microphone: Microphone = field(default_factory=Microphone)
    _line: aiortc_seams.AudioLine | None = None
    _index: int = 0
    _due_s: float = 0.0

    async def connect(self, session: dict[str, object] | None = None) -> None:
        """Offer, and wait until the data channel is open.

        Raises:
            Refused: If the server takes no call.
        """
        aiortc_seams.install()
        began_s = time.perf_counter()
        self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self._carry(self._peer)
        self._channel = self._peer.createDataChannel("oai-events")
        opened = asyncio.Event()
        self._channel.on("open", opened.set)
        self._channel.on("message", self._event)
        await self._peer.setLocalDescription(await self._peer.createOffer())
        answer = await self._exchange(self._peer.localDescription.sdp)
        await self._peer.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        async with asyncio.timeout(CONNECT_LIMIT_S):
            await opened.wait()
        self.connect_s = time.perf_counter() - began_s
        if session:
            self.send({"type": "session.update", "session": session})

    def heard(self, kind: str) -> int:
        """How many events of a type have come."""
        return sum(event["type"] == kind for _, event in self.events)

    def send(self, event: dict[str, object]) -> None:
        """Send an event to the server."""
        self._channel.send(json.dumps(event))

    async def close(self) -> None:
        """Hang up."""
        self._stop()
        await self._peer.close()

    async def vanish(self) -> None:
        """Be gone without a word: the network is taken away, then memory freed."""
        self._stop()
        for protocol in self._line_connection()._protocols:
            protocol.transport.abort()
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
                raise Refused(f"{reply.status}: {text}")
            self.call_id = reply.headers.get("Location", "").rpartition("/")[2]
            return text

    def _event(self, text: str) -> None:
        self.events.append((time.perf_counter(), json.loads(text)))

    def _carry(self, peer: RTCPeerConnection) -> None:
        """Send the microphone, and take packets as they come from the socket."""
        sender = peer.addTrack(AudioStreamTrack())  # is never read
        aiortc_seams.send_audio(sender, self._begin, self._stop)
        [transceiver] = peer.getTransceivers()
        aiortc_seams.receive_audio(
            transceiver.receiver, self, _NothingLost(), lambda: None
        )

    def start(self, codecs: Mapping[int, str]) -> None:
        """Packets come from now on."""

    def receive(self, packet: RtpPacket) -> None:
        """Take a packet."""
        self.packets.append(Packet(time.perf_counter(), packet.payload))

    def _begin(self, line: aiortc_seams.AudioLine, _mime_type: str) -> None:
        self._line = line
        self._due_s = time.perf_counter()
        self._send()

    def _send(self) -> None:
        line, index = self._line, self._index
        if line is None:
            return
        self._index += 1
        self._due_s += FRAME / RATE
        after_s = max(0.0, self._due_s - time.perf_counter())
        asyncio.get_running_loop().call_later(after_s, self._send)
        payload = self.microphone.next_payload()
        kind, ssrc, at = line.payload_type, line.ssrc, index * FRAME
        line.send(RtpPacket(kind, index & 0xFFFF, at & 0xFFFFFFFF, ssrc, payload))

    def _stop(self) -> None:
        self._line = None

    def _line_connection(self) -> Any:
        return self._peer.getSenders()[0].transport.transport._connection


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
