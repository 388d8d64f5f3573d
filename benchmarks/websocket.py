"""What calls over WebSocket cost, and what a client that does not read does to others.

Stub engines but the real voice activity, paced clients that say a recorded sentence
every 6 s, into the reply before: CPU time of the server per second of call, time to
``session.created``, memory per call, and how late the audio of the others comes while
one client reads nothing. ``/v1/realtime`` with its audio in events, and ``/v1/stream``
with the same audio in binary messages; and what relaying costs a front of two workers.

    python -m benchmarks.websocket [--calls 1 8 32] [--seconds 20]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np

from benchmarks import plots
from benchmarks.figures import RESULTS, write
from benchmarks.processes import STUB_ENGINES, Server, machine, serving
from benchmarks.recordings import read
from voiceserver.audio import resample, to_int16

RATE = 24_000
FRAME_S = 0.04  # of each append, as browsers' audio worklets and SDKs send it
CYCLE_S = 6.0  # speak once, listen
UTTERANCE = "speech/command/whatstheweatherlike.wav"
CONFIG = (
    STUB_ENGINES
    + """[server]
max_calls = 64
"""
)


PATHS = {"realtime": "/v1/realtime", "stream": f"/v1/stream?rate={RATE}"}


def cycle() -> list[bytes]:
    """PCM of one turn: a recorded utterance, then a quiet room."""
    utterance = read(UTTERANCE)
    speech = resample(utterance.samples, utterance.sample_rate, RATE)
    room = np.random.default_rng(1).normal(0, 10 ** (-62 / 20), round(RATE * CYCLE_S))
    audio = room.astype(np.float32)
    audio[: len(speech)] += speech
    frames = np.split(to_int16(audio), round(CYCLE_S / FRAME_S))
    return [frame.astype("<i2").tobytes() for frame in frames]


def _append(pcm: bytes) -> str:
    audio = base64.b64encode(pcm).decode()
    return json.dumps({"type": "input_audio_buffer.append", "audio": audio})


class Client:
    """One paced call.

    Attributes:
        created_ms: From the request to ``session.created``.
        first_ms: From each commit to the first audio of its reply.
        n_events: Received.
    """

    def __init__(self, door: str, frames: list[bytes], late_s: float) -> None:
        self._door = door
        in_events = door == "realtime"
        self._messages = list(map(_append, frames)) if in_events else frames
        self._late_s = late_s  # so that not all speak at once
        self.created_ms = 0.0
        self.first_ms: list[float] = []
        self.n_events = 0
        self._committed_s: float | None = None

    async def run(
        self, session: aiohttp.ClientSession, url: str, lasts_s: float
    ) -> None:
        """Hold the call."""
        await asyncio.sleep(self._late_s)
        began_s = time.perf_counter()
        async with session.ws_connect(url + PATHS[self._door]) as socket:
            await socket.receive_str()
            self.created_ms = (time.perf_counter() - began_s) * 1000
            async with asyncio.TaskGroup() as group:
                hearing = group.create_task(self._hear(socket))
                await self._speak(socket, lasts_s)
                hearing.cancel()

    async def _speak(self, socket: Any, lasts_s: float) -> None:
        began_s = time.perf_counter()
        for frame in range(round(lasts_s / FRAME_S)):
            at_s = frame * FRAME_S
            await asyncio.sleep(max(0.0, began_s + at_s - time.perf_counter()))
            message = self._messages[frame % len(self._messages)]
            if isinstance(message, str):
                await socket.send_str(message)
            else:
                await socket.send_bytes(message)

    async def _hear(self, socket: Any) -> None:
        while True:
            message = await socket.receive()
            self.n_events += 1
            match message.type:
                case aiohttp.WSMsgType.BINARY:
                    self._sounded()
                case aiohttp.WSMsgType.TEXT:
                    head = message.data[:60]
                    if '"input_audio_buffer.committed"' in head:
                        self._committed_s = time.perf_counter()
                    elif '"response.output_audio.delta"' in head:
                        self._sounded()
                case _:
                    return

    def _sounded(self) -> None:
        if self._committed_s is not None:
            took_s = time.perf_counter() - self._committed_s
            self.first_ms.append(took_s * 1000)
            self._committed_s = None


async def _deaf(session: aiohttp.ClientSession, url: str) -> None:
    """Ask for reply after reply and read nothing, until hung up."""
    async with session.ws_connect(f"{url}/v1/realtime", max_msg_size=0) as socket:
        update = {"type": "session.update", "session": {"instructions": "x" * 30_000}}
        text = json.dumps(update)
        try:
            while True:
                await socket.send_str(text)
                await asyncio.sleep(0.002)
        except ConnectionError:
            return


async def measure(
    n_calls: int,
    lasts_s: float,
    deaf: bool = False,
    door: str = "realtime",
    workers: int = 1,
) -> dict[str, Any]:
    """One server, ``n_calls`` calls at a time."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "voiceserver.toml"
        config.write_text(CONFIG)
        command = ["-m", "voiceserver", "serve", "--config", str(config)]
        command += ["--workers", str(workers)]
        with serving(command) as server:
            found = await _measured(server, n_calls, lasts_s, deaf, door)
    return {"workers": workers} | found


async def _measured(
    server: Server, n_calls: int, lasts_s: float, deaf: bool, door: str
) -> dict[str, Any]:
    frames = cycle()
    clients = [Client(door, frames, n * CYCLE_S / n_calls) for n in range(n_calls)]
    async with aiohttp.ClientSession() as session:
        before = server.cost()
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(client.run(session, server.url, lasts_s))
            other = group.create_task(_deaf(session, server.url)) if deaf else None
            await asyncio.sleep(lasts_s * 0.8)
            held = server.cost()
            await asyncio.sleep(lasts_s * 0.2 + CYCLE_S + 1)
            if other is not None:
                other.cancel()
        cpu_s = server.cost().front_cpu_s - before.front_cpu_s
    held_mb = held.front_rss_mb - before.front_rss_mb
    first_ms = sorted(ms for client in clients for ms in client.first_ms)
    events = sum(client.n_events for client in clients)
    events += round(n_calls * lasts_s / FRAME_S)
    return {
        "door": door,
        "calls": n_calls,
        "deaf": deaf,
        "cpu_ms_per_call_second": round(cpu_s * 1000 / (n_calls * lasts_s), 2),
        "cpu_us_per_event": round(cpu_s * 1e6 / events),
        "created_ms": round(statistics.median(c.created_ms for c in clients), 1),
        "first_audio_ms": {
            "p50": round(statistics.median(first_ms), 1),
            "p95": round(first_ms[int(len(first_ms) * 0.95)], 1),
        },
        "replies": len(first_ms),
        "memory_mb_per_call": round(held_mb / n_calls, 2),
    }


async def main() -> None:
    """Measure and write ``results/websocket.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--seconds", type=float, default=20)
    options = parser.parse_args()
    runs = [
        await measure(n_calls, options.seconds, door=door)
        for door in PATHS
        for n_calls in options.calls
    ]
    runs.append(await measure(8, options.seconds, deaf=True))
    # The process that is measured is the front, which only relays.
    runs.append(await measure(8, options.seconds, workers=2))
    for run in runs:
        print(run)
    result = {"machine": machine(), "seconds": options.seconds, "runs": runs}
    write(RESULTS / "websocket.json", result)
    plots.websocket(result, RESULTS / "websocket.svg")


if __name__ == "__main__":
    asyncio.run(main())
