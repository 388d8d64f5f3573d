"""Kiosk calls, in virtual time, with a socket in memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from tests.carriers.incoming import incoming
from tests.fakes import FakeText
from tests.virtual_time import run_virtual
from voiceserver.carriers.websocket.stream import MAX_WAITING_AUDIO, StreamCall
from voiceserver.carriers.websocket.stream_audio import OPUS, PCM, StreamFormat
from voiceserver.metrics import Metrics

RATE = 16_000


class KioskSocket:
    """A socket of a client in the same loop.

    Attributes:
        events: Texts that came, with their times in seconds.
        audio: Binary messages that came, with their times in seconds.
        closed: Code and reason.
        stuck: The client reads nothing.
    """

    def __init__(self) -> None:
        self.events: list[tuple[float, dict[str, Any]]] = []
        self.audio: list[tuple[float, bytes]] = []
        self.closed: tuple[int, str] | None = None
        self.stuck = False
        self._incoming: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._more = asyncio.Event()

    async def open(self) -> None:
        pass

    async def receive(self) -> str | bytes | None:
        return await self._incoming.get()

    async def send(self, message: str | bytes) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        now_s = asyncio.get_running_loop().time()
        if isinstance(message, bytes):
            self.audio.append((now_s, message))
        else:
            self.events.append((now_s, json.loads(message)))
        self._more.set()

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def ask(self, name: str, **fields: Any) -> None:
        self.put(json.dumps({"type": name, **fields}))

    def put(self, message: str | bytes | None) -> None:
        self._incoming.put_nowait(message)

    async def say(self, duration_s: float, level: float) -> None:
        """Speak in real time, 20 ms a message."""
        pcm = np.full(RATE // 50, level * 32767, "<i2").tobytes()
        for _ in range(round(duration_s * 50)):
            self.put(pcm)
            await asyncio.sleep(0.02)

    async def until(self, name: str) -> dict[str, Any]:
        while True:
            for _, event in self.events:
                if event["type"] == name:
                    return event
            self._more.clear()
            async with asyncio.timeout(60):
                await self._more.wait()

    @property
    def names(self) -> list[str]:
        return [event["type"] for _, event in self.events]

    def at_s(self, name: str) -> float:
        return next(at_s for at_s, event in self.events if event["type"] == name)


Scenario = Callable[[KioskSocket, StreamCall], Coroutine[Any, Any, None]]


def played(
    scenario: Scenario,
    form: StreamFormat | None = None,
    words: int = 4,
    metrics: Metrics | None = None,
) -> KioskSocket:
    """Run a call; it ends with the scenario, as if the client left."""

    async def call() -> KioskSocket:
        socket = KioskSocket()
        given = incoming(text=FakeText(words=words), metrics=metrics)
        held = StreamCall(given, socket, form or StreamFormat(PCM, RATE))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(held.run())
            await scenario(socket, held)
            socket.put(None)
            await running
        return socket

    return run_virtual(call())


async def turn(socket: KioskSocket, _call: StreamCall) -> None:
    await socket.say(1.0, 0.3)
    await socket.say(1.0, 0.0)
    await socket.until("output_audio_buffer.stopped")


def test_a_spoken_turn_is_answered_by_paced_audio() -> None:
    """20 ms every 20 ms, and nothing while nothing sounds."""
    socket = played(turn)
    times_s = [at_s for at_s, _ in socket.audio]
    assert np.diff(times_s) == pytest.approx(0.02, abs=0.001)
    assert {len(message) for _, message in socket.audio[2:-1]} == {640}
    begun, over = (f"output_audio_buffer.{end}" for end in ("started", "stopped"))
    assert times_s[0] == pytest.approx(socket.at_s(begun), abs=0.03)
    assert times_s[-1] == pytest.approx(socket.at_s(over), abs=0.05)
    assert "response.output_audio.delta" not in socket.names
    # Four words of 200 ms, and one frame of silence that empties the filter.
    assert len(socket.audio) == pytest.approx(41, abs=1)


def test_audio_after_an_interruption_is_none() -> None:
    """From the confirmation on; the server tells how much was heard."""

    async def scenario(socket: KioskSocket, _call: StreamCall) -> None:
        await socket.say(1.0, 0.3)
        await socket.say(2.0, 0.0)
        await socket.say(1.0, 0.3)
        await socket.say(0.1, 0.0)

    socket = played(scenario, words=60)
    cleared_s = socket.at_s("output_audio_buffer.cleared")
    assert max(at_s for at_s, _ in socket.audio) <= cleared_s + 0.02
    truncated = socket.names.index("conversation.item.truncated")
    assert 500 < socket.events[truncated][1]["audio_end_ms"] < 3000


def test_opus_travels_in_packets() -> None:
    """One a message, far smaller than PCM."""

    async def scenario(socket: KioskSocket, _call: StreamCall) -> None:
        socket.ask("response.create")
        await socket.until("output_audio_buffer.stopped")

    socket = played(scenario, StreamFormat(OPUS))
    assert len(socket.audio) == pytest.approx(41, abs=1)
    assert max(len(message) for _, message in socket.audio) < 300


def test_a_recording_sent_at_once_is_heard_whole() -> None:
    """It is read as fast as it is listened to, and nothing is dropped."""
    metrics = Metrics()

    async def scenario(socket: KioskSocket, _call: StreamCall) -> None:
        loud = np.full(RATE, 9_000, "<i2").tobytes()
        for message in [loud] * 5 + [bytes(len(loud))] * 2:
            socket.put(message)
        await socket.until("input_audio_buffer.committed")

    socket = played(scenario, metrics=metrics)
    stopped = socket.names.index("input_audio_buffer.speech_stopped")
    assert 5_000 <= socket.events[stopped][1]["audio_end_ms"] < 6_000
    name, labels = "voiceserver_dropped_total", {"queue": "microphone"}
    assert not metrics.registry.get_sample_value(name, labels)


def test_half_a_sample_of_pcm_closes_with_1007() -> None:
    """Every sample after it would be noise."""

    async def scenario(socket: KioskSocket, _call: StreamCall) -> None:
        socket.put(b"abc")
        await asyncio.sleep(1)

    socket = played(scenario)
    assert socket.closed is not None
    assert socket.closed[0] == 1007
    assert "whole samples" in socket.closed[1]


def test_a_damaged_packet_of_opus_is_a_lost_one() -> None:
    """The call goes on."""

    async def scenario(socket: KioskSocket, _call: StreamCall) -> None:
        socket.put(b"\xff")
        socket.ask("response.create")
        await socket.until("response.done")

    assert played(scenario, StreamFormat(OPUS)).closed == (
        1000,
        "The connection was closed.",
    )


def test_audio_in_events_is_refused() -> None:
    """There is one way for it on this connection."""

    async def scenario(socket: KioskSocket, _call: StreamCall) -> None:
        socket.ask("input_audio_buffer.append", audio="AAAA")
        error = await socket.until("error")
        assert "beside the events" in error["error"]["message"]

    played(scenario)


def test_a_client_that_reads_nothing_gets_no_old_audio() -> None:
    """What it does not take is left out and counted, and memory is bounded."""
    metrics = Metrics()

    async def scenario(socket: KioskSocket, call: StreamCall) -> None:
        await socket.until("session.created")
        socket.stuck = True
        socket.ask("response.create")
        await asyncio.sleep(8)
        assert call._outgoing.n_waiting < MAX_WAITING_AUDIO + 40_000

    played(scenario, words=60, metrics=metrics)
    name, labels = "voiceserver_dropped_total", {"queue": "send"}
    assert metrics.registry.get_sample_value(name, labels)


def test_a_call_that_is_hung_up_says_why() -> None:
    """In its last event and in the close frame."""

    async def scenario(socket: KioskSocket, call: StreamCall) -> None:
        await socket.until("session.created")
        call.hang_up("The server is shutting down.")
        await socket.until("voiceserver.call.ended")

    socket = played(scenario)
    assert socket.closed == (1000, "The server is shutting down.")
