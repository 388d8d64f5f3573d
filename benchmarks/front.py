"""What a front costs a WebSocket: relayed, or its socket handed to the worker.

Three ways to the same worker, which answers each message with itself: ``direct``, the
``relay`` of ``server/front``, and ``handover``: the front checks and counts the request
as ever, then passes the accepted socket on over a Unix socket (``SCM_RIGHTS``) and only
keeps the call's place. A call is 24 kHz pcm16 in events of 40 ms, 65 kB/s each way.
Reported: CPU time of the front, latency of a message there and back, memory.

    python -m benchmarks.front [--calls 1 8 16 32] [--seconds 6] [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import uvloop
from aiohttp import WSMsgType, web

from benchmarks.processes import machine
from voiceserver.config import ServerConfig
from voiceserver.metrics import Metrics
from voiceserver.server.access.security import access_rules
from voiceserver.server.app import bare_application
from voiceserver.server.connections import Connections, bound_socket
from voiceserver.server.front.holder import target_of
from voiceserver.server.front.relay import Relayed
from voiceserver.server.front.routes import FRONT, FrontState, add_routes
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.places import Room
from voiceserver.server.routes import sockets
from voiceserver.server.serve import listening_at

RESULT = Path(__file__).parent / "results" / "front.json"
WAYS = ("direct", "relay", "handover")
FRAME_S = 0.04
PCM = os.urandom(round(24_000 * FRAME_S) * 2)
MESSAGE = json.dumps(
    {"type": "input_audio_buffer.append", "audio": base64.b64encode(PCM).decode()}
)
HEAD_LIMIT = 100_000  # bytes of a request's head and what was read after it


# The worker.


async def work(folder: Path, descriptor: int) -> None:
    """Serve at a Unix socket, at a port, and whatever sockets are handed over."""

    async def echo(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False, heartbeat=sockets.HEARTBEAT_S)
        await ws.prepare(request)
        async for message in ws:
            if message.type is WSMsgType.TEXT:
                await ws.send_str(message.data)
        return ws

    app = web.Application()
    app.router.add_get(sockets.PATH, echo)
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "1.sock")).start()
    await web.SockSite(runner, socket.socket(fileno=descriptor)).start()
    handed = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    handed.bind(str(folder / "handed.sock"))
    handed.listen(64)
    handed.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.TaskGroup() as calls:
        while True:
            control, _ = await loop.sock_accept(handed)
            calls.create_task(_take(control, runner))


async def _take(control: socket.socket, runner: web.AppRunner) -> None:
    """Serve a socket that is handed over; ``control`` is closed when it is done."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(control, readable.set)
    await readable.wait()
    loop.remove_reader(control)
    head, descriptors, _, _ = socket.recv_fds(control, HEAD_LIMIT, 1)
    accepted = socket.socket(fileno=descriptors[0])
    accepted.setblocking(False)
    server = runner.server
    assert server is not None
    protocol = server()
    over = asyncio.Event()

    class Told(type(protocol)):  # type: ignore[misc]
        __slots__ = ()

        def connection_lost(self, error: Exception | None) -> None:
            super().connection_lost(error)
            over.set()

    protocol.__class__ = Told
    with control:
        await loop.connect_accepted_socket(lambda: protocol, accepted)
        protocol.data_received(head)
        await over.wait()


# The front.


async def front(folder: Path, descriptor: int, way: str) -> None:
    """Serve as the front of one worker."""
    async with (
        Worker(1, str(folder / "1.sock"), "secret") as worker,
        asyncio.TaskGroup() as group,
    ):
        worker.up = True
        metrics, rules = Metrics(), access_rules(ServerConfig())
        room = Room(1000, 0, metrics)
        state = FrontState(metrics, rules, room, Workers((worker,)), group)
        connections = Connections(metrics)
        app = bare_application(rules, state.tokens, metrics, {}, connections.asking)
        if way == "handover":
            app[FRONT] = state
            app["folder"] = folder
            app.router.add_get(sockets.PATH, hand_over)
        else:
            add_routes(app, state)
        listening = socket.socket(fileno=descriptor)
        async with listening_at(app, connections, listening, None):
            await asyncio.Event().wait()


class _Early:
    """Collects what came behind the head; aiohttp gives it the bytes."""

    def __init__(self) -> None:
        self.tail = b""

    def feed_data(self, chunk: bytes) -> tuple[bool, bytes]:
        self.tail += chunk
        return False, b""

    def feed_eof(self) -> None:
        pass


async def hand_over(request: web.Request) -> web.StreamResponse:
    """Check and count as the front does, hand the socket over, and keep its place."""
    state = request.app[FRONT]
    sockets.require_upgrade(request, sockets.HINT)
    state.check_room(request.remote or "", "")
    state.room.take(request.remote or "", "")
    assert request.transport is not None
    try:
        early = _Early()
        request.transport.pause_reading()
        request.protocol.set_parser(early)  # type: ignore[arg-type]
        lines = [f"{request.method} {target_of(request)} HTTP/1.1".encode()]
        lines += [name + b": " + value for name, value in request.raw_headers]
        head = b"\r\n".join(lines) + b"\r\n\r\n" + early.tail
        accepted = request.transport.get_extra_info("socket")
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as control:
            control.connect(str(request.app["folder"] / "handed.sock"))
            control.setblocking(False)
            socket.send_fds(control, [head], [accepted.fileno()])
            request.transport.abort()
            await asyncio.get_running_loop().sock_recv(control, 1)  # it is over
        return Relayed()
    finally:
        state.room.leave(request.remote or "", "")


# The clients.


async def call(
    client: aiohttp.ClientSession, url: str, late_s: float, lasts_s: float
) -> list[float]:
    """Hold one call; return how long each message took there and back, in s."""
    await asyncio.sleep(late_s)
    took: list[float] = []
    async with client.ws_connect(url + sockets.PATH) as ws:
        sent: list[float] = []

        async def hear() -> None:
            while (await ws.receive()).type is WSMsgType.TEXT:
                took.append(time.perf_counter() - sent[len(took)])

        async with asyncio.TaskGroup() as group:
            hearing = group.create_task(hear())
            began = time.perf_counter()
            for frame in range(round(lasts_s / FRAME_S)):
                due = began + frame * FRAME_S
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                sent.append(time.perf_counter())
                await ws.send_str(MESSAGE)
            await asyncio.sleep(0.3)
            hearing.cancel()
    return took


def cpu_s(process: psutil.Process) -> float:
    """CPU time of a process that has one thread at work, in s, to the nanosecond."""
    return int(Path(f"/proc/{process.pid}/schedstat").read_text().split()[0]) / 1e9


async def measure(
    url: str, server: psutil.Process, n_calls: int, seconds: float
) -> dict[str, float]:
    """Hold so many calls at a time."""
    idle_mb = server.memory_info().rss / 2**20
    before_s = cpu_s(server)
    async with aiohttp.ClientSession() as client, asyncio.TaskGroup() as group:
        late = [FRAME_S * n / n_calls for n in range(n_calls)]
        calls = [group.create_task(call(client, url, s, seconds)) for s in late]
        await asyncio.sleep(seconds * 0.8)
        held_mb = server.memory_info().rss / 2**20
    used_s = cpu_s(server) - before_s
    took_ms = sorted(s * 1000 for one in calls for s in one.result())
    return {
        "cpu_percent_per_call": used_s / seconds / n_calls * 100,
        "p50_ms": took_ms[len(took_ms) // 2],
        "p99_ms": took_ms[int(len(took_ms) * 0.99)],
        "memory_mb": held_mb,
        "added_kb_per_call": (held_mb - idle_mb) * 1024 / n_calls,
        "messages": len(took_ms),
    }


@contextlib.contextmanager
def running(folder: Path, role: str) -> Iterator[tuple[str, psutil.Process]]:
    """Run a worker or a front; yields its address."""
    listening = bound_socket("127.0.0.1", 0)
    listening.listen(128)
    port, descriptor = listening.getsockname()[1], listening.fileno()
    command = [sys.executable, "-m", "benchmarks.front", "--role", role]
    command += ["--folder", str(folder), "--descriptor", str(descriptor)]
    with listening:
        process = subprocess.Popen(command, pass_fds=[descriptor])
    try:
        yield f"http://127.0.0.1:{port}", psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


async def compare(calls: list[int], seconds: float, rounds: int) -> list[Any]:
    """Measure each way in turn, so that the machine's load is the same for all."""
    runs: list[Any] = []
    with (
        tempfile.TemporaryDirectory() as name,
        running(Path(name), "worker") as direct,
        running(Path(name), "relay") as relay,
        running(Path(name), "handover") as handover,
    ):
        ways = dict(zip(WAYS, (direct, relay, handover), strict=True))
        await asyncio.sleep(3)
        for way in WAYS:  # what is made at the first request is there
            await measure(*ways[way], 1, 0.5)
        for n_calls in calls:
            found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(rounds):
                for way in WAYS:
                    found[way].append(await measure(*ways[way], n_calls, seconds))
            for way in WAYS:
                rounded = {
                    key: round(statistics.median(one[key] for one in found[way]), 3)
                    for key in found[way][0]
                }
                # Of the round that other work on the machine disturbed least.
                quietest = round(min(one["p99_ms"] for one in found[way]), 3)
                runs.append({"way": way, "calls": n_calls, **rounded})
                runs[-1]["p99_ms_of_quietest_round"] = quietest
                print(runs[-1], flush=True)
    return runs


def main() -> None:
    """Measure and write ``results/front.json``."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 8, 16, 32])
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    for name in ("--role", "--folder", "--descriptor"):
        parser.add_argument(name, help="of a process of the benchmark itself")
    options = parser.parse_args()
    if options.role is not None:
        folder, descriptor = Path(options.folder), int(options.descriptor)
        if options.role == "worker":
            uvloop.run(work(folder, descriptor))
        uvloop.run(front(folder, descriptor, options.role))
    before = machine()
    runs = uvloop.run(compare(options.calls, options.seconds, options.rounds))
    result = {
        "machine": before,
        "load_average_after": [round(load, 2) for load in os.getloadavg()],
        "rounds": options.rounds,
        "seconds": options.seconds,
        "runs": runs,
    }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
