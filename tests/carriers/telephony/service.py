"""A telephone service in the same loop: plays what it is sent, and returns marks.

It behaves as Twilio's documentation says: media of any length is queued and played at
the speed of speech, a mark returns when all before it has been played, ``clear``
empties the queue and returns the marks in it at once.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections import deque
from typing import Any

import numpy as np

from voiceserver.audio import Samples
from voiceserver.media import g711

RATE = 8_000
STREAM = "MZ18ad3ab5a668481ce02b83e7395059f0"
START: dict[str, Any] = {
    "event": "start",
    "sequenceNumber": "1",
    "streamSid": STREAM,
    "start": {
        "streamSid": STREAM,
        "accountSid": "AC00000000000000000000000000000000",
        "callSid": "CA00000000000000000000000000000000",
        "tracks": ["inbound"],
        "customParameters": {"from": "+15550101", "to": "+15550100"},
        "mediaFormat": {
            "encoding": "audio/x-mulaw",
            "sampleRate": 8000,
            "channels": 1,
        },
    },
}


class TwilioService:
    """One stream of it.

    Attributes:
        said: Messages that came, with their times in seconds.
        heard: What the caller heard, 20 ms a frame, with its time; None is silence.
        closed: Code and reason.
        returns_marks: Off, marks never return.
    """

    def __init__(self) -> None:
        self.said: list[tuple[float, dict[str, Any]]] = []
        self.heard: list[tuple[float, bytes]] = []
        self.closed: tuple[int, str] | None = None
        self.returns_marks = True
        self._queue: deque[bytes | str] = deque()
        self._incoming: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._number = 1

    async def open(self) -> None:
        pass

    async def receive(self) -> str | bytes | None:
        return await self._incoming.get()

    async def send(self, message: str | bytes) -> None:
        said = json.loads(message)
        self.said.append((self._now_s, said))
        match said["event"]:
            case "media":
                audio = base64.b64decode(said["media"]["payload"])
                assert len(audio) % 160 == 0
                frames = (audio[at : at + 160] for at in range(0, len(audio), 160))
                self._queue.extend(frames)
            case "mark":
                self._queue.append(said["mark"]["name"])
            case "clear":
                names = [one for one in self._queue if isinstance(one, str)]
                self._queue.clear()
                for name in names:
                    self._return(name)

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)
        self._incoming.put_nowait(None)

    async def play(self) -> None:
        """The caller's ear: 20 ms every 20 ms."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        while True:
            self._return_marks()
            if self._queue:
                frame = self._queue.popleft()
                assert isinstance(frame, bytes)
                self.heard.append((loop.time(), frame))
            due_s += 0.02
            await asyncio.sleep(due_s - loop.time())

    async def speak(self, samples: Samples) -> None:
        """Speak at 8 kHz, in real time, 20 ms a message."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for at in range(0, len(samples), 160):
            self.media(g711.encode(g711.Law.MU, samples[at : at + 160]))
            due_s += 0.02
            await asyncio.sleep(due_s - loop.time())

    async def tone(self, duration_s: float, level: float) -> None:
        """What the scripted voice activity takes for speech, or for silence."""
        await self.speak(np.full(round(duration_s * RATE), level, np.float32))

    def media(self, audio: bytes) -> None:
        self._number += 1
        media = {
            "track": "inbound",
            "chunk": str(self._number - 1),
            "timestamp": str((self._number - 2) * 20),
            "payload": base64.b64encode(audio).decode(),
        }
        self.put({"event": "media", "media": media})

    def press(self, keys: str) -> None:
        for key in keys:
            dtmf = {"track": "inbound_track", "digit": key}
            self.put({"event": "dtmf", "dtmf": dtmf})

    def put(self, message: dict[str, Any] | str | None) -> None:
        """Send a message; None closes the socket."""
        if isinstance(message, dict):
            message = json.dumps({"streamSid": STREAM, **message})
        self._incoming.put_nowait(message)

    def events(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        return [(at_s, said) for at_s, said in self.said if said["event"] == name]

    @property
    def waiting(self) -> bool:
        """Whether something of what was sent has not been played."""
        return bool(self._queue)

    @property
    def ear(self) -> Samples:
        """All that the caller heard, at 8 kHz, without the silence between."""
        return g711.decode(g711.Law.MU, b"".join(frame for _, frame in self.heard))

    @property
    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _return_marks(self) -> None:
        while self._queue and isinstance(self._queue[0], str):
            name = self._queue.popleft()
            assert isinstance(name, str)
            self._return(name)

    def _return(self, name: str) -> None:
        if self.returns_marks:
            self.put({"event": "mark", "mark": {"name": name}})
