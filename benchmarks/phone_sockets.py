"""How soon a telephone over a service's WebSocket is greeted, answered, and let speak.

Stub engines but the real voice activity; callers in Twilio's framing who say a
recorded sentence through G.711, listen, and say it again into the next reply. From the
upgrade to the first audio of the greeting; from the last voiced sample to the first of
the reply; from the first sample of an interruption to ``clear``; the server's CPU time
per second of call. The baseline, in the same run, is ``/v1/stream`` at 8 kHz.

    python -m benchmarks.phone_sockets [--calls 1 8] [--turns 3]
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

from benchmarks.figures import RESULTS, write
from benchmarks.processes import STUB_ENGINES, machine, serving
from benchmarks.recordings import read
from voiceserver.audio import Samples, resample, to_int16
from voiceserver.media import g711

RATE = 8_000
FRAME = RATE // 50
UTTERANCE = "speech/command/whatstheweatherlike.wav"
VOICED_DB = -35.0  # the recording's last frame above it is the end of its speech
CONFIG = (
    STUB_ENGINES
    + """[server]
max_calls = 64
[telephony]
patience_ms = 0
"""
)
PATHS = {
    "twilio": "/v1/telephony/twilio",
    "stream": f"/v1/stream?rate={RATE}",
}
START = {
    "event": "start",
    "streamSid": "MZ1",
    "start": {"callSid": "CA1", "mediaFormat": {"encoding": "audio/x-mulaw"}},
}


def speech() -> tuple[Samples, int]:
    """A recorded utterance at 8 kHz, and the index of its last voiced sample."""
    told = read(UTTERANCE)
    samples = resample(told.samples, told.sample_rate, RATE)
    whole = samples[: len(samples) // FRAME * FRAME].reshape(-1, FRAME)
    level_db = 10 * np.log10(np.mean(whole**2, axis=1) + 1e-12)
    return whole.ravel(), (int(np.flatnonzero(level_db > VOICED_DB)[-1]) + 1) * FRAME


class Caller:
    """One call.

    Attributes:
        greeted_ms: From the upgrade on; of telephones.
        replied_ms: By turn.
        cleared_ms: By interruption.
    """

    def __init__(self, door: str, said: tuple[Samples, int]) -> None:
        self._door = door
        self._said, self._voiced = said
        self.greeted_ms: list[float] = []
        self.replied_ms: list[float] = []
        self.cleared_ms: list[float] = []
        self._last_s = 0.0  # when audio came last
        self._ends_s = 0.0  # when what came will have been played
        self._marks: list[asyncio.TimerHandle] = []
        self._sent: set[asyncio.Future[None]] = set()
        self._audio = asyncio.Event()
        self._cut = asyncio.Event()

    async def call(self, url: str, n_turns: int) -> None:
        """Hold the call."""
        began_s = time.perf_counter()
        async with (
            aiohttp.ClientSession() as client,
            client.ws_connect(url + PATHS[self._door]) as line,
            asyncio.TaskGroup() as group,
        ):
            if self._door == "twilio":
                await line.send_str(json.dumps(START))
            hearing = group.create_task(self._hear(line))
            if self._door == "twilio":
                await self._audio.wait()
                self.greeted_ms.append((time.perf_counter() - began_s) * 1000)
            for _ in range(n_turns):
                await self._quiet(line)
                await self._turn(line)
            hearing.cancel()

    async def _quiet(self, line: aiohttp.ClientWebSocketResponse) -> None:
        """Listen until nothing sounds."""
        while True:
            await self._send(line, np.zeros(RATE // 2, np.float32))
            now_s = time.perf_counter()
            if now_s > self._ends_s and now_s - self._last_s > 1.0:
                return

    async def _turn(self, line: aiohttp.ClientWebSocketResponse) -> None:
        """Speak, be answered, interrupt, and wait for the answer to that."""
        self._audio.clear()
        room = np.zeros(RATE * 2, np.float32)
        began_s = time.perf_counter()
        speaking = asyncio.ensure_future(
            self._send(line, np.concatenate([self._said, room]))
        )
        await self._audio.wait()
        spoken_s = began_s + self._voiced / RATE
        self.replied_ms.append((time.perf_counter() - spoken_s) * 1000)
        await speaking
        self._cut.clear()
        began_s = time.perf_counter()
        speaking = asyncio.ensure_future(
            self._send(line, np.concatenate([self._said, room, room, room]))
        )
        async with asyncio.timeout(20):
            cut = asyncio.ensure_future(self._cut.wait())
            await asyncio.wait({cut, speaking}, return_when=asyncio.FIRST_COMPLETED)
        if cut.done():
            self.cleared_ms.append((time.perf_counter() - began_s) * 1000)
        cut.cancel()
        await speaking

    async def _send(
        self, line: aiohttp.ClientWebSocketResponse, samples: Samples
    ) -> None:
        """20 ms every 20 ms."""
        loop = asyncio.get_running_loop()
        due_s = loop.time()
        for at in range(0, len(samples), FRAME):
            part = samples[at : at + FRAME]
            if self._door == "twilio":
                payload = base64.b64encode(g711.encode(g711.Law.MU, part)).decode()
                media = {"event": "media", "media": {"payload": payload}}
                await line.send_str(json.dumps(media))
            else:
                await line.send_bytes(to_int16(part).astype("<i2").tobytes())
            due_s += 0.02
            await asyncio.sleep(max(0.0, due_s - loop.time()))

    async def _hear(self, line: aiohttp.ClientWebSocketResponse) -> None:
        async for message in line:
            if message.type is aiohttp.WSMsgType.BINARY:
                self._audio.set()
                self._last_s = time.perf_counter()
                continue
            said: dict[str, Any] = json.loads(message.data)
            match said.get("event", said.get("type")):
                case "media":
                    self._audio.set()
                    self._last_s = time.perf_counter()
                    n_samples = len(said["media"]["payload"]) * 3 // 4
                    begins_s = max(self._ends_s, self._last_s)
                    self._ends_s = begins_s + n_samples / RATE
                case "mark":
                    self._return(line, message.data)
                case "clear" | "output_audio_buffer.cleared":
                    self._ends_s = 0.0
                    for mark in self._marks:
                        mark.cancel()
                    self._cut.set()

    def _return(self, line: aiohttp.ClientWebSocketResponse, mark: str) -> None:
        """Send a mark back once all before it has been played."""

        def send() -> None:
            if not line.closed:
                self._sent.add(sending := asyncio.ensure_future(line.send_str(mark)))
                sending.add_done_callback(self._sent.discard)

        after_s = max(0.0, self._ends_s - time.perf_counter())
        self._marks = self._marks[-100:]
        self._marks.append(asyncio.get_running_loop().call_later(after_s, send))


def _told(values: list[float]) -> dict[str, float]:
    """Median and the 95th percentile, in ms."""
    if not values:
        return {}
    p95 = float(np.percentile(values, 95))
    return {"median_ms": round(statistics.median(values), 1), "p95_ms": round(p95, 1)}


async def measure(door: str, n_calls: int, n_turns: int) -> dict[str, Any]:
    """Hold calls at a time; return what they saw and cost."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "voiceserver.toml"
        path.write_text(CONFIG)
        with serving(["-m", "voiceserver", "serve", "--config", str(path)]) as server:
            callers = [Caller(door, speech()) for _ in range(n_calls)]
            before = server.cost()
            async with asyncio.TaskGroup() as group:
                for caller in callers:
                    group.create_task(caller.call(server.url, n_turns))
                    await asyncio.sleep(0.3)  # not all speak at once
            after = server.cost()
    took_s = after.at_s - before.at_s
    return {
        "door": door,
        "calls": n_calls,
        "greeting": _told([ms for caller in callers for ms in caller.greeted_ms]),
        "reply": _told([ms for caller in callers for ms in caller.replied_ms]),
        "interruption": _told([ms for caller in callers for ms in caller.cleared_ms]),
        "cpu_per_call": round(
            (after.front_cpu_s - before.front_cpu_s) / took_s / n_calls, 4
        ),
    }


async def main() -> None:
    """Measure and write ``results/phone_sockets.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    runs = [
        await measure(door, n_calls, options.turns)
        for n_calls in options.calls
        for door in PATHS
    ]
    for run in runs:
        print(run)
    write(RESULTS / "phone_sockets.json", {"machine": machine(), "runs": runs})


if __name__ == "__main__":
    asyncio.run(main())
