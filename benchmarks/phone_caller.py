"""A telephone for benchmarks: SIP and mu-law over UDP, as cheap as a caller can be.

One call; what it says is encoded beforehand, what comes back is timed at the socket and
decoded later. It repeats its requests until they are answered, and no more.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np

from voiceserver.audio import Samples
from voiceserver.media import rtp
from voiceserver.media.g711 import Law, decode, encode
from voiceserver.media.rtp import RtpPacket

RATE = 8_000
FRAME = 160  # samples, 20 ms
HOST = "127.0.0.1"
AGAIN_S = 0.5  # before a request is repeated
LIMIT_S = 20.0
NOISE_DB = -62.0
_TIMESTAMPS = 35  # SO_TIMESTAMPNS of Linux, and the type of what it adds

Address = tuple[str, int]


class Socket:
    """A UDP socket on loopback that calls for each packet, with when it came.

    By the system's own time, so that a caller that is late with reading tells nothing
    of the server.
    """

    def __init__(self, received: Callable[[bytes, float], None]) -> None:
        self._received = received
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPS, 1)
        self._socket.setblocking(False)
        self._socket.bind((HOST, 0))
        self.port: int = self._socket.getsockname()[1]
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._readable)

    def send(self, packet: bytes, to: Address) -> None:
        """Send, or drop what the system does not take now."""
        with suppress(OSError):
            self._socket.sendto(packet, to)

    def close(self) -> None:
        """Take nothing any more; may be called again."""
        if self._socket.fileno() >= 0:
            asyncio.get_running_loop().remove_reader(self._socket.fileno())
            self._socket.close()

    def _readable(self) -> None:
        with suppress(OSError):  # there is no more, or what was sent was refused
            while self._socket.fileno() >= 0:
                packet, more, _, _ = self._socket.recvmsg(65_535, 64)
                self._received(packet, _came_s(more))


def _came_s(more: list[tuple[int, int, bytes]]) -> float:
    """When a packet came, as ``perf_counter`` tells it."""
    now_s = time.perf_counter()
    for level, kind, content in more:
        if (level, kind) == (socket.SOL_SOCKET, _TIMESTAMPS) and len(content) == 16:
            seconds, nanoseconds = struct.unpack("qq", content)
            ago_s: float = time.time() - seconds - nanoseconds / 1e9
            return now_s - max(0.0, ago_s)
    return now_s


def mu_law(samples: Samples) -> list[bytes]:
    """Packets of an utterance at 8 kHz, over a quiet room's noise."""
    n_frames = -(-len(samples) // FRAME)
    noise = np.random.default_rng(1).standard_normal(n_frames * FRAME)
    mixed = (noise * 10 ** (NOISE_DB / 20)).astype(np.float32)
    mixed[: len(samples)] += samples
    return [encode(Law.MU, part) for part in mixed.reshape(n_frames, FRAME)]


_ROOM = mu_law(np.zeros(2 * RATE, np.float32))


@dataclass
class Telephone:
    """One call.

    Attributes:
        port: Of the server, for SIP.
        packets: What came back: ``perf_counter``, payload.
        answered_ms: From the INVITE to its 200.
        rang_s: When the INVITE was sent.
        sent_s: When each packet of the last utterance was sent.
        refused: Status that refused the call; 0 if none did.
    """

    port: int
    packets: list[tuple[float, bytes]] = field(default_factory=list)
    answered_ms: float = 0.0
    rang_s: float = 0.0
    sent_s: list[float] = field(default_factory=list)
    refused: int = 0
    _speech: list[bytes] = field(default_factory=list)
    _n: int = 0
    _running: bool = False
    _to: Address = (HOST, 0)
    _number: int = 1
    _tag: str = ""

    async def ring(self) -> None:
        """Call, be answered, and send a quiet room's noise from then on.

        Raises:
            TimeoutError: If nobody answers.
            ConnectionRefusedError: If the call is refused.
        """
        self._call_id = secrets.token_hex(8)
        self._answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sip = Socket(self._signalled)
        self._rtp = self._line()
        offer = (
            f"v=0\r\no=- 1 1 IN IP4 {HOST}\r\ns=-\r\nc=IN IP4 {HOST}\r\nt=0 0\r\n"
            f"m=audio {self._rtp.port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
        self.rang_s = time.perf_counter()
        answer = await self._ask("INVITE", offer)
        self.answered_ms = (time.perf_counter() - self.rang_s) * 1000
        status = int(answer.split(" ", 2)[1])
        self._tag = _found(r"(?im)^To:.*;tag=(\w+)", answer)
        self._send(self._request("ACK"))
        if status != 200:
            self.refused = status
            raise ConnectionRefusedError(answer.split("\r\n")[0])
        self._to = (HOST, int(_found(r"m=audio (\d+)", answer)))
        self._running = True
        self._due_s = time.perf_counter()
        self._speak()

    def say(self, payloads: list[bytes]) -> None:
        """Speak from the next packet on."""
        self._speech, self.sent_s = list(payloads), []

    @property
    def said(self) -> bool:
        """Whether all of it was sent."""
        return len(self.sent_s) == len(self._speech)

    async def hang_up(self) -> None:
        """End the call."""
        self._running = False
        try:
            if self._tag and not self.refused:
                self._number += 1
                self._answer = asyncio.get_running_loop().create_future()
                await self._ask("BYE", "")
        finally:
            self._sip.close()
            self._rtp.close()

    def decoded(self, since_s: float) -> list[tuple[float, Samples]]:
        """What came back from then on, with its times."""
        return [
            (at_s, decode(Law.MU, payload))
            for at_s, payload in self.packets
            if at_s > since_s
        ]

    def _line(self) -> Socket:
        return Socket(self._heard)

    def _speak(self) -> None:
        if not self._running:
            return
        n, self._n = self._n, self._n + 1
        self._due_s += FRAME / RATE
        after_s = max(0.0, self._due_s - time.perf_counter())
        asyncio.get_running_loop().call_later(after_s, self._speak)
        payload = _ROOM[n % len(_ROOM)]
        if not self.said:
            payload = self._speech[len(self.sent_s)]
            self.sent_s.append(time.perf_counter())
        packet = RtpPacket(0, n & 0xFFFF, n * FRAME & 0xFFFFFFFF, 7, payload)
        self._rtp.send(rtp.serialize(packet), self._to)

    def _heard(self, packet: bytes, at_s: float) -> None:
        parsed = rtp.parse(packet)
        if parsed is not None and parsed.payload_type == 0:
            self.packets.append((at_s, parsed.payload))

    def _signalled(self, packet: bytes, _at_s: float) -> None:
        text = packet.decode("utf-8", "replace")
        if text.startswith("SIP/2.0 1"):
            return
        if text.startswith("SIP/2.0"):
            if not self._answer.done():
                self._answer.set_result(text)
            return
        if text.startswith("BYE"):
            copied = "".join(
                f"{line}\r\n"
                for line in text.split("\r\n")
                if re.match(r"(?i)(via|from|to|call-id|cseq):", line)
            )
            self._send(f"SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n")

    async def _ask(self, method: str, body: str) -> str:
        request = self._request(method, body)
        async with asyncio.timeout(LIMIT_S):
            while True:
                self._send(request)
                done, _ = await asyncio.wait({self._answer}, timeout=AGAIN_S)
                if done:
                    return self._answer.result()

    def _request(self, method: str, body: str = "") -> str:
        port = self._sip.port
        branch = f"z9hG4bK{secrets.token_hex(8)}"
        tag = f";tag={self._tag}" if self._tag else ""
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:100@{HOST}:{self.port} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {HOST}:{port};branch={branch};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:bench@{HOST}>;tag=b\r\n"
            f"To: <sip:100@{HOST}>{tag}\r\nCall-ID: {self._call_id}\r\n"
            f"CSeq: {self._number} {method}\r\nContact: <sip:bench@{HOST}:{port}>\r\n"
            f"{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def _send(self, text: str) -> None:
        self._sip.send(text.encode(), (HOST, self.port))


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""
