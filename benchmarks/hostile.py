"""The longest stop of the loop and the peak of memory under each hostile input.

Beside each a calm call asks and is answered; it must not notice. Its reply latency is
from ``response.create`` to the first audio, over a WebSocket, against the same call
alone, before and after the input. A short input is sent again until there are as many
replies beside it as before. Stub engines, unless a configuration is given.

    python -m benchmarks.hostile [--config FILE] [--replies 12] [--only NAME ...]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import aiohttp

from benchmarks.figures import RESULTS, write
from benchmarks.hostile_inputs import INPUTS, PATH
from benchmarks.processes import Server, machine, serving

CONFIG = """
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "stub"
"""
REPLY_LIMIT_S = 30.0
APART_S = 0.1  # from a reply to the next question


class CalmCall:
    """A call that asks and is answered."""

    def __init__(self, client: aiohttp.ClientWebSocketResponse) -> None:
        self._client = client

    async def latency_ms(self) -> float:
        """Ask; return the time to the first audio of the answer."""
        part = {"type": "input_text", "text": "what is two plus two"}
        item = {"type": "message", "role": "user", "content": [part]}
        await self._client.send_json({"type": "conversation.item.create", "item": item})
        began_s = time.perf_counter()
        await self._client.send_json({"type": "response.create"})
        await self._until("response.output_audio.delta")
        latency_ms = (time.perf_counter() - began_s) * 1000
        await self._client.send_json({"type": "response.cancel"})
        await self._until("response.done")
        await asyncio.sleep(APART_S)
        return latency_ms

    async def _until(self, kind: str) -> None:
        async with asyncio.timeout(REPLY_LIMIT_S):
            while (await self._client.receive_json())["type"] != kind:
                pass


def stop(server: Server, told: Path) -> dict[str, object]:
    """The longest step of the loop since this was last asked."""
    told.unlink(missing_ok=True)
    os.kill(server.pid, signal.SIGUSR1)
    until_s = time.monotonic() + REPLY_LIMIT_S
    while not told.exists() and time.monotonic() < until_s:
        time.sleep(0.01)
    answer: dict[str, object] = json.loads(told.read_text())
    return answer


def memory_mb(server: Server, name: str) -> float:
    """Read a figure of the kernel's."""
    lines = Path(f"/proc/{server.pid}/status").read_text().splitlines()
    return next(int(one.split()[1]) / 1024 for one in lines if name in one)


async def beside(server: Server, name: str, n_replies: int) -> dict[str, list[float]]:
    """Latencies (ms) of the calm call before, during and after an input."""
    found: dict[str, list[float]] = {"alone": [], "beside": []}
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url + PATH) as client,
    ):
        calm = CalmCall(client)
        await calm.latency_ms()  # the first has more to do
        for _ in range(n_replies):
            found["alone"].append(await calm.latency_ms())
        async with _sender(name, server.url) as again:
            while len(found["beside"]) < n_replies:
                sending = asyncio.create_task(again())
                while not sending.done():
                    found["beside"].append(await calm.latency_ms())
                await sending
        for _ in range(n_replies):
            found["alone"].append(await calm.latency_ms())
    return found


@contextlib.asynccontextmanager
async def _sender(
    name: str, url: str
) -> AsyncIterator[Callable[[], Coroutine[None, None, None]]]:
    """A process that sends an input each time it is asked: its work is not the call's.

    It is given as the asking, which lasts as long as the input.
    """
    sender = await asyncio.create_subprocess_exec(
        *("nice", sys.executable, "-m", "benchmarks.hostile_inputs", name, url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    asked, told = sender.stdin, sender.stdout
    assert asked is not None
    assert told is not None
    await told.readline()  # it has loaded

    async def again() -> None:
        asked.write(b"go\n")
        if not await told.readline():
            raise RuntimeError(f"{name} could not be sent")

    try:
        yield again
    finally:
        asked.close()
        await sender.wait()


def measured(
    server: Server, told: Path, name: str, n_replies: int
) -> dict[str, object]:
    """Send an input beside a calm call."""
    stop(server, told)
    Path(f"/proc/{server.pid}/clear_refs").write_text("5")
    before_mb = memory_mb(server, "VmRSS")
    latencies = asyncio.run(beside(server, name, n_replies))
    longest = stop(server, told)
    medians = {key: statistics.median(values) for key, values in latencies.items()}
    return {
        "longest_stop_ms": longest["longest_ms"],
        "collecting_ms": longest["collecting_ms"],
        "peak_growth_mb": round(memory_mb(server, "VmHWM") - before_mb, 1),
        "alone_ms": round(medians["alone"], 1),
        "beside_ms": round(medians["beside"], 1),
        "ratio": round(medians["beside"] / medians["alone"], 2),
        "replies_beside": len(latencies["beside"]),
        "load_average": round(os.getloadavg()[0], 1),
    }


def main() -> None:
    """Measure all inputs and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path)
    parser.add_argument("--replies", type=int, default=12)
    parser.add_argument("--only", nargs="*", default=list(INPUTS))
    parser.add_argument("--output", type=Path, default=RESULTS / "hostile.json")
    arguments = parser.parse_args()
    inputs: dict[str, object] = {}
    with tempfile.TemporaryDirectory() as name:
        config, told = Path(name) / "stub.toml", Path(name) / "stops"
        config.write_text(CONFIG)
        command = ["-m", "benchmarks.loop_stops", str(told), "serve", "--config"]
        with serving([*command, str(arguments.config or config)]) as server:
            for one in arguments.only:
                inputs[one] = measured(server, told, one, arguments.replies)
                print(one, inputs[one], flush=True)
    engines = "of a configuration" if arguments.config else "stubs"
    result = {"machine": machine(), "engines": engines, "inputs": inputs}
    write(arguments.output, result)


if __name__ == "__main__":
    main()
