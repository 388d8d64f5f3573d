"""Compares two HTTP and WebSocket stacks: aiohttp, and Starlette on uvicorn.

Each stack serves the same echo-less call (50 binary frames of 20 ms each way) in a
process of its own; the client is another process. Reported: server CPU per call,
lateness, memory, and what hostile clients get. Traffic stays on loopback.

    python benchmarks/http_stack.py --calls 16 --seconds 8 --rounds 3
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import json
import os
import platform
import statistics
import struct
import subprocess
import sys
import time
import zlib
from importlib.metadata import version
from pathlib import Path

import psutil
import uvloop

FRAME = bytes(960)  # 20 ms of 24 kHz 16-bit mono
PTIME_S = 0.020
LIMIT = 65_536  # bytes of a message
STACKS = ("aiohttp", "starlette")
RESULT = Path(__file__).parent / "results" / "http_stack.json"
WIRE_TEXT, WIRE_BINARY, WIRE_CONTINUATION, WIRE_CLOSE = 1, 2, 0, 8
FLOOD = 200_000  # empty continuation frames


# The servers. Both bind a socket given by number, print "ready", run till killed.


def serve_aiohttp(descriptor: int) -> None:
    """Serve with aiohttp's own server."""
    import socket

    from aiohttp import WSMsgType, web

    async def call(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(max_msg_size=LIMIT, compress=False)
        await ws.prepare(request)

        async def speak() -> None:
            due = asyncio.get_running_loop().time()
            while not ws.closed:
                await ws.send_bytes(FRAME)
                due += PTIME_S
                await asyncio.sleep(due - asyncio.get_running_loop().time())

        async with asyncio.TaskGroup() as group:
            speaking = group.create_task(speak())
            async for message in ws:
                if message.type is not WSMsgType.BINARY:
                    break
            speaking.cancel()
        return ws

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/ws", call)
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        await web.SockSite(runner, socket.socket(fileno=descriptor)).start()
        print("ready", flush=True)
        await asyncio.Event().wait()

    uvloop.run(main())


def serve_starlette(descriptor: int) -> None:
    """Serve with Starlette on uvicorn, whose WebSockets are ``websockets``'."""
    import contextlib
    import socket
    from collections.abc import Iterator

    import uvicorn
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket, WebSocketDisconnect

    async def call(ws: WebSocket) -> None:
        await ws.accept()

        async def speak() -> None:
            due = asyncio.get_running_loop().time()
            while True:
                await ws.send_bytes(FRAME)
                due += PTIME_S
                await asyncio.sleep(due - asyncio.get_running_loop().time())

        with contextlib.suppress(WebSocketDisconnect):
            async with asyncio.TaskGroup() as group:
                speaking = group.create_task(speak())
                while (message := await ws.receive())["type"] == "websocket.receive":
                    if message.get("bytes") is None:
                        break
                speaking.cancel()

    class Server(uvicorn.Server):
        """Leaves the signals alone: they belong to ``main``."""

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    async def main() -> None:
        app = Starlette(routes=[WebSocketRoute("/ws", call)])
        config = uvicorn.Config(
            app,
            ws="websockets-sansio",
            ws_max_size=LIMIT,
            ws_per_message_deflate=False,
            ws_ping_interval=None,
            log_config=None,
            access_log=False,
            lifespan="off",
        )
        print("ready", flush=True)
        await Server(config).serve([socket.socket(fileno=descriptor)])

    uvloop.run(main())


# The client: a WebSocket by hand, so that it can also be rude.


def frame(opcode: int, payload: bytes, final: bool = True) -> bytes:
    """Return a masked client frame (RFC 6455, 5.2); the mask is zero."""
    head = bytes([opcode | (0x80 if final else 0)])
    size = len(payload)
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65_536:
        head += struct.pack("!BH", 0x80 | 126, size)
    else:
        head += struct.pack("!BQ", 0x80 | 127, size)
    return head + bytes(4) + payload


async def connect(
    port: int, extra: str = ""
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """Open a WebSocket; return also the response head."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16)).decode()
    writer.write(
        f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        f"Sec-WebSocket-Version: 13\r\n{extra}\r\n".encode()
    )
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    return reader, writer, head


async def one_call(port: int, until: float, late_ms: list[float]) -> int:
    """Send and take frames until ``until``; return how many came."""
    reader, writer, _ = await connect(port)
    sent = frame(WIRE_BINARY, FRAME)
    took = 0

    async def take() -> None:
        nonlocal took
        before = 0.0
        while True:
            head = await reader.readexactly(4)  # 960 bytes: a two-byte length
            await reader.readexactly(struct.unpack("!H", head[2:])[0])
            now = time.perf_counter()
            if before:
                late_ms.append((now - before - PTIME_S) * 1000)
            before = now
            took += 1

    async with asyncio.TaskGroup() as group:
        taking = group.create_task(take())
        due = time.perf_counter()
        while due < until:
            writer.write(sent)
            due += PTIME_S
            await asyncio.sleep(due - time.perf_counter())
        taking.cancel()
    writer.close()
    return took


async def close_code(reader: asyncio.StreamReader, limit_s: float) -> str:
    """Read to the server's close frame; return its code, or what came instead."""
    try:
        async with asyncio.timeout(limit_s):
            while True:
                first, second = await reader.readexactly(2)
                size = second & 127
                if size == 126:
                    size = struct.unpack("!H", await reader.readexactly(2))[0]
                payload = await reader.readexactly(size)
                if first & 15 == WIRE_CLOSE:
                    return str(struct.unpack("!H", payload[:2])[0])
    except TimeoutError:
        return "left open"
    except (asyncio.IncompleteReadError, ConnectionError):
        return "dropped"


async def hostile(port: int, server: psutil.Process) -> dict[str, object]:
    """What a hostile client gets, and what it costs."""
    found: dict[str, object] = {}
    reader, writer, _ = await connect(port)
    writer.write(b"\x82\xff" + struct.pack("!Q", 2**40) + bytes(4))
    found["frame header of 1 TB"] = await close_code(reader, 5)
    writer.close()

    reader, writer, _ = await connect(port)
    writer.write(frame(WIRE_BINARY, bytes(LIMIT + 1)))
    found["message above the limit"] = await close_code(reader, 5)
    writer.close()

    reader, writer, head = await connect(
        port, "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    )
    found["deflate offered"] = (
        "taken" if "permessage-deflate" in head else "not negotiated"
    )
    bomb = zlib.compressobj(wbits=-15)
    packed = bomb.compress(bytes(20_000_000)) + bomb.flush(zlib.Z_SYNC_FLUSH)
    raw = bytearray(frame(WIRE_BINARY, packed[:-4]))
    raw[0] |= 0x40
    writer.write(bytes(raw))
    found["deflate bomb of 20 MB"] = await close_code(reader, 5)
    writer.close()

    reader, writer, _ = await connect(port)
    before, began = sum(server.cpu_times()[:2]), time.perf_counter()
    writer.write(frame(WIRE_BINARY, b"", final=False))
    try:
        for _ in range(FLOOD // 100):
            writer.write(frame(WIRE_CONTINUATION, b"", final=False) * 100)
            await writer.drain()
        writer.write(frame(WIRE_TEXT, b"x"))  # illegal here: makes it answer
        found["empty continuations, then an illegal frame"] = await close_code(
            reader, 20
        )
    except ConnectionError:
        found["empty continuations, then an illegal frame"] = "dropped"
    cpu_s = sum(server.cpu_times()[:2]) - before
    found["CPU us per empty continuation"] = round(cpu_s / FLOOD * 1e6, 1)
    found["seconds for the flood"] = round(time.perf_counter() - began, 2)
    writer.close()

    found["request line of 100 kB"] = await raw_answer(
        port, b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 5
    )
    found["header of 100 kB"] = await raw_answer(
        port, b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 100_000 + b"\r\n\r\n", 5
    )
    found["half a request"] = await raw_answer(port, b"GET / HTTP/1.1\r\nHo", 12)
    found["nothing sent"] = await raw_answer(port, b"", 12)
    return found


async def raw_answer(port: int, request: bytes, limit_s: float) -> str:
    """Send bytes; return the status line, ``"dropped"`` or ``"left open"``."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.perf_counter()
    try:
        async with asyncio.timeout(limit_s):
            if request:
                writer.write(request)
            line = await reader.readline()
            took = time.perf_counter() - began
            text = line.decode("latin-1").strip() or "dropped"
            return f"{text} after {took:.1f} s" if took > 1 else text
    except TimeoutError:
        return f"left open for {limit_s:.0f} s"
    except (ConnectionError, ValueError):
        return "dropped"
    finally:
        writer.close()


def measure(stack: str, calls: int, seconds: float, rude: bool) -> dict[str, object]:
    """Run one server process and a load against it."""
    import socket

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        port = listening.getsockname()[1]
        child = subprocess.Popen(
            [sys.executable, __file__, "--serve", stack, str(listening.fileno())],
            pass_fds=[listening.fileno()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    try:
        assert child.stdout is not None
        child.stdout.readline()
        return uvloop.run(_load(psutil.Process(child.pid), port, calls, seconds, rude))
    finally:
        child.kill()
        child.communicate()


async def _load(
    server: psutil.Process, port: int, calls: int, seconds: float, rude: bool
) -> dict[str, object]:
    await asyncio.sleep(0.5)
    idle_mb = server.memory_info().rss / 1e6
    late_ms: list[float] = []
    before = sum(server.cpu_times()[:2])
    until = time.perf_counter() + seconds
    async with asyncio.TaskGroup() as group:
        running = [
            group.create_task(one_call(port, until, late_ms)) for _ in range(calls)
        ]
    cpu_s = sum(server.cpu_times()[:2]) - before
    frames = sum(task.result() for task in running)
    late_ms.sort()
    outcome: dict[str, object] = {
        "cpu_percent_per_call": 100 * cpu_s / seconds / calls,
        "frames_per_call_per_second": frames / calls / seconds,
        "late_ms_p99": late_ms[int(len(late_ms) * 0.99)],
        "rss_idle_mb": idle_mb,
        "rss_loaded_mb": server.memory_info().rss / 1e6,
    }
    if rude:
        outcome["hostile"] = await hostile(port, server)
    return outcome


def main() -> int:
    """Measure both stacks in turn and write the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", nargs=2, metavar=("STACK", "FD"))
    options = parser.parse_args()
    if options.serve:
        stack, descriptor = options.serve
        serve = {"aiohttp": serve_aiohttp, "starlette": serve_starlette}[stack]
        serve(int(descriptor))
        return 0
    runs: dict[str, list[dict[str, object]]] = {stack: [] for stack in STACKS}
    for number in range(options.rounds):
        for stack in STACKS:
            run = measure(stack, options.calls, options.seconds, number == 0)
            runs[stack].append(run)
            print(stack, json.dumps(run), flush=True)
    summary: dict[str, object] = {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg()[0],
        "calls": options.calls,
        "seconds": options.seconds,
        "versions": {
            name: version(name)
            for name in ("aiohttp", "starlette", "uvicorn", "websockets", "uvloop")
        },
    }
    for stack in STACKS:
        medians = {
            key: round(statistics.median(float(str(r[key])) for r in runs[stack]), 2)
            for key in runs[stack][0]
            if key != "hostile"
        }
        summary[stack] = medians | {"hostile": runs[stack][0]["hostile"]}
    RESULT.write_text(json.dumps(summary, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
