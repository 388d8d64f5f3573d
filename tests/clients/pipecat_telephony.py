"""pipecat's telephony serializers as the services' end: each reads what we write.

What they write, our socket is sent; what our socket writes, they read: the greeting,
the silencing of it as somebody speaks, the answer. A service's own words, such as how
its stream begins, are its documentation's. Nothing of pipecat is changed.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np
from loguru import logger
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
)
from pipecat.serializers.exotel import ExotelFrameSerializer
from pipecat.serializers.genesys import GenesysAudioHookSerializer
from pipecat.serializers.plivo import PlivoFrameSerializer
from pipecat.serializers.telnyx import TelnyxFrameSerializer
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.serializers.vonage import VonageFrameSerializer
from websockets.asyncio.client import ClientConnection, connect

from tests.clients.setting import RATE, Setting, run, until

LINE_RATE = 8_000  # Hz that the serializers give; Vonage's is 16 kHz on its line
AUDIBLE = 0.01  # RMS
EXTERNAL = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
COUNTED = ("id", "seq", "clientseq", "position")  # of AudioHook: each side's own


@dataclass(slots=True)
class Row:
    """One service.

    Attributes:
        name: In our address.
        serializer: Of pipecat, which is on our side of a service's socket.
        start: How the service's stream begins.
        key: How it says that ``5`` was pressed.
        played: How it says that a mark was played, from what we sent; None is none.
        renamed: Its own name of what the serializer sends, and back.
    """

    name: str
    serializer: Any
    start: dict[str, Any]
    key: dict[str, Any]
    played: Callable[[dict[str, Any]], dict[str, Any] | None]
    renamed: tuple[str, str] = ("", "")


def _marked(said: dict[str, Any]) -> dict[str, Any] | None:
    return said if said.get("event") == "mark" else None


def _checkpoint(said: dict[str, Any]) -> dict[str, Any] | None:
    if said.get("event") != "checkpoint":
        return None
    return {"event": "playedStream", "streamId": "s", "name": said["name"]}


def _notified(said: dict[str, Any]) -> dict[str, Any] | None:
    if said.get("action") != "notify":
        return None
    return {"event": "websocket:notify", "payload": said["payload"]}


def rows() -> list[Row]:
    """Each service that pipecat has a serializer for, and we a row."""
    no_rest: Any = {"auto_hang_up": False}  # it would be asked for over the network
    twilio = TwilioFrameSerializer(
        "s", params=TwilioFrameSerializer.InputParams(**no_rest)
    )
    telnyx = TelnyxFrameSerializer(
        "s", "PCMU", "PCMU", params=TelnyxFrameSerializer.InputParams(**no_rest)
    )
    plivo = PlivoFrameSerializer(
        "s", params=PlivoFrameSerializer.InputParams(**no_rest)
    )
    mulaw = {"encoding": "audio/x-mulaw", "sampleRate": 8000}
    pressed = {"event": "dtmf", "dtmf": {"digit": "5"}}
    return [
        Row(
            "twilio",
            twilio,
            {
                "event": "start",
                "streamSid": "s",
                "start": {"streamSid": "s", "callSid": "c", "mediaFormat": mulaw},
            },
            {**pressed, "streamSid": "s"},
            _marked,
        ),
        Row(
            "telnyx",
            telnyx,
            {
                "event": "start",
                "stream_id": "s",
                "start": {
                    "call_control_id": "c",
                    "media_format": {"encoding": "PCMU", "sample_rate": 8000},
                },
            },
            {**pressed, "stream_id": "s"},
            _marked,
        ),
        Row(
            "exotel",
            ExotelFrameSerializer("s"),
            {
                "event": "start",
                "stream_sid": "s",
                "start": {"stream_sid": "s", "call_sid": "c"},
            },
            {**pressed, "stream_sid": "s"},
            _marked,
        ),
        Row(
            "plivo",
            plivo,
            {
                "event": "start",
                "start": {"streamId": "s", "callId": "c", "mediaFormat": mulaw},
            },
            {**pressed, "streamId": "s"},
            _checkpoint,
            ("media", "playAudio"),
        ),
        Row(
            "vonage",
            VonageFrameSerializer(),
            {
                "event": "websocket:connected",
                "content-type": "audio/l16;rate=16000",
            },
            {"event": "websocket:dtmf", "digit": "5", "duration": 260},
            _notified,
        ),
        Row(
            "genesys",
            GenesysAudioHookSerializer(),
            {
                "version": "2",
                "type": "open",
                "seq": 1,
                "id": "s",
                "parameters": {"conversationId": "c", "media": [EXTERNAL]},
            },
            {"version": "2", "type": "dtmf", "seq": 2, "parameters": {"digit": "5"}},
            lambda _said: None,  # it has none
        ),
    ]


def bare(said: dict[str, Any]) -> dict[str, Any]:
    """A message without what is counted."""
    return {name: value for name, value in said.items() if name not in COUNTED}


@dataclass(slots=True)
class Line:
    """One stream of a service.

    Attributes:
        said: Messages that came, bare.
        heard: Audio that the serializer read, 16-bit at ``LINE_RATE``.
        cleared: How often what it writes at an interruption came from us.
    """

    row: Row
    socket: ClientConnection
    clear: Any
    heard: bytearray = field(default_factory=bytearray)
    said: list[dict[str, Any]] = field(default_factory=list)
    cleared: int = 0
    _ends_s: float = 0.0

    async def read(self) -> None:
        """Hear what comes; marks return once what was before them has been played."""
        loop = asyncio.get_running_loop()
        async for message in self.socket:
            said = {} if isinstance(message, bytes) else json.loads(message)
            self.said.append(bare(said))
            if said and bare(said) == self.clear:
                self.cleared += 1
                self._ends_s = loop.time()
            mark = self.row.played(said)
            if mark is not None:
                wait_s = max(0.0, self._ends_s - loop.time())
                loop.call_later(wait_s, self._return, mark)
            theirs, ours = self.row.renamed
            if said and said.get("event") == ours:
                message = json.dumps(said | {"event": theirs})
            frame = await self.row.serializer.deserialize(message)
            if isinstance(frame, InputAudioRawFrame):
                self.heard += frame.audio
                length_s = len(frame.audio) / 2 / frame.sample_rate
                self._ends_s = max(self._ends_s, loop.time()) + length_s

    async def say(self, pcm: bytes) -> None:
        """Send what the serializer writes for it."""
        frame = OutputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1)
        written = await self.row.serializer.serialize(frame)
        theirs, ours = self.row.renamed
        if isinstance(written, str) and ours:
            said = json.loads(written)
            assert said["event"] == ours
            written = json.dumps(said | {"event": theirs})
        if written is not None:
            await self.socket.send(written)

    def loudness(self, since: int = 0) -> float:
        """RMS of what was heard."""
        samples = np.frombuffer(bytes(self.heard[since:]), np.int16) / 32768
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0

    def _return(self, mark: dict[str, Any]) -> None:
        task = asyncio.ensure_future(self.socket.send(json.dumps(mark)))
        task.add_done_callback(lambda done: done.exception())


async def conversation(setting: Setting, row: Row) -> None:
    """Greeted, spoken over, silent at once, answered."""
    await row.serializer.setup(SimpleNamespace(audio_in_sample_rate=LINE_RATE))
    opened = await row.serializer.deserialize(json.dumps(row.start))
    clear = bare(json.loads(await row.serializer.serialize(InterruptionFrame())))
    key = await row.serializer.deserialize(json.dumps(row.key))
    assert isinstance(key, InputDTMFFrame) and key.button.value == "5"
    url = f"ws://{setting.host}/v1/telephony/{row.name}?token={setting.key}"
    async with connect(url) as socket, asyncio.TaskGroup() as group:
        line = Line(row, socket, clear)
        reading = group.create_task(line.read())
        await socket.send(json.dumps(row.start))
        await until(lambda: line.loudness() > AUDIBLE, f"{row.name}: the greeting")
        if isinstance(opened, OutputTransportMessageUrgentFrame):
            assert bare(opened.message) in line.said
        await setting.speak(line.say)
        await until(lambda: line.cleared, f"{row.name}: the silencing")
        since = len(line.heard)
        await until(lambda: line.loudness(since) > AUDIBLE, f"{row.name}: the answer")
        await socket.send(json.dumps(row.key))  # a key interrupts too
        await until(lambda: line.cleared > 1, f"{row.name}: the key")
        reading.cancel()


async def main(setting: Setting) -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    async with asyncio.TaskGroup() as group:
        for row in rows():
            group.create_task(conversation(setting, row))


if __name__ == "__main__":
    run(main)
