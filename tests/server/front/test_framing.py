"""Where requests begin and end between front and worker: as the client's did, or not.

Clients send heads and bodies of all sorts, honest and crooked, whose bodies hold whole
requests; whatever arrives at the worker must be one that a client sent as a request.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import random
import re
import struct
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from voiceserver.config import ServerConfig
from voiceserver.metrics import Metrics
from voiceserver.server.access.security import access_rules
from voiceserver.server.app import bare_application
from voiceserver.server.connections import (
    END_LIMIT_S,
    HEAD_LIMIT,
    LINGER_S,
    Connections,
    bound_socket,
)
from voiceserver.server.front.routes import FrontState, add_routes
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.places import Room
from voiceserver.server.serve import listening_at

pytestmark = pytest.mark.net

QUIET_S = 0.4  # and nothing more comes; less than a worker waits for a rest
CONNECTIONS = 60  # of a run
AT_ONCE = 8
TOKEN = '{"value": "ek_1", "expires_at": 1}'  # what a worker may answer anything with
# Packed itself, and of more to come than there is: who reads it waits for the rest.
ENDLESS = gzip.compress(b"", mtime=0)[:10] + struct.pack(
    "<BHH", 1, 60_000, 60_000 ^ 0xFFFF
)
HIDDEN = b"GET /v1/hidden HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Id: hidden\r\n\r\n"
ANSWERED = re.compile(rb"\r\nX-Id: ([^\r]*)\r\n")


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as its sender meant it, or as a worker read it.

    Attributes:
        which: Its own number; ``None`` if it came without one.
        method: HTTP method.
        target: Path and query.
        key: Who asks.
        body: Unpacked; None if it was not read, or cannot be said.
    """

    which: str | None
    method: str
    target: str
    key: str
    body: bytes | None


@dataclass
class Wire:
    """A front on a port, and what its worker was asked."""

    port: int
    arrived: list[Seen] = field(default_factory=list)


@contextlib.asynccontextmanager
async def wired(folder: Path) -> AsyncGenerator[Wire, None]:
    """A front with its own routes; a worker that writes down what it is asked."""
    wire = Wire(0)

    async def take(request: web.Request) -> web.Response:
        manner = request.headers.get("X-Manner", "read")
        which, key = request.headers.get("X-Id"), request.headers.get("X-Key", "")
        body: bytes | None = None
        if manner == "read":
            body = await request.read()
        elif manner == "half":
            await request.content.read(10)
        wire.arrived.append(Seen(which, request.method, request.raw_path, key, body))
        status = {"early": 415, "busy": 503}.get(manner, 200)
        text = "" if request.path == "/metrics" else TOKEN
        return web.Response(status=status, text=text, headers={"X-Id": str(which)})

    worker_app = web.Application(client_max_size=10_000_000)
    worker_app.router.add_route("*", "/{rest:.*}", take)
    async with contextlib.AsyncExitStack() as stack:
        runner = web.AppRunner(
            worker_app,
            shutdown_timeout=END_LIMIT_S,
            lingering_time=LINGER_S,
            max_field_size=HEAD_LIMIT,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        path = str(folder / "1.sock")
        await web.UnixSite(runner, path).start()
        worker = await stack.enter_async_context(Worker(1, path, "secret"))
        worker.up = worker.reachable = True
        group = await stack.enter_async_context(asyncio.TaskGroup())
        metrics, rules = Metrics(), access_rules(ServerConfig())
        room = Room(1000, 0, metrics)
        front = FrontState(metrics, rules, room, Workers((worker,)), group)
        connections = Connections(metrics)
        app = bare_application(rules, front.tokens, metrics, {}, connections.asking)
        add_routes(app, front)
        listening = bound_socket("127.0.0.1", 0)
        stack.callback(listening.close)
        wire.port = listening.getsockname()[1]
        await stack.enter_async_context(listening_at(app, connections, listening, None))
        yield wire


def padded_gzip(content: bytes, padding: int) -> bytes:
    """Packed, with a file name so long; so it can be longer than unpacked."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    check = struct.pack("<II", zlib.crc32(content), len(content))
    head = b"\x1f\x8b\x08\x08\0\0\0\0\0\xff"
    return head + b"a" * padding + b"\0" + packed + check


def chunked(content: bytes, at: int) -> bytes:
    """In pieces of so many bytes."""
    pieces = [content[n : n + at] for n in range(0, len(content), at)]
    coded = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces]
    return b"".join(coded) + b"0\r\n\r\n"


class Author:
    """Writes requests of all sorts.

    Attributes:
        meant: Those that it wrote as requests, by their numbers; never those that it
            hid in bodies.
    """

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)
        self.meant: dict[str, Seen] = {}

    def connection(self) -> tuple[bytes, list[str]]:
        """The bytes of one connection, and the numbers of its requests in order."""
        n_requests = self._dice.choice([1, 1, 2, 3])
        written = [self._request(n == n_requests - 1) for n in range(n_requests)]
        sent = b"".join(raw for raw, _ in written)
        if self._dice.random() < 0.1:  # gone in the midst of it
            sent = sent[: self._dice.randrange(len(sent))]
        return sent, [which for _, which in written]

    def _request(self, last: bool) -> tuple[bytes, str]:
        dice, which = self._dice, str(len(self.meant))
        method, target = dice.choice(
            [
                ("POST", "/v1/audio/speech"),
                ("POST", "/v1/realtime/calls"),
                ("POST", "/v1/realtime/client_secrets"),
                ("POST", "/v1/providers/text/house/drain"),
                ("GET", "/v1/models?a=%20b"),
                ("GET", "/metrics"),
                ("GET", "/v1/realtime"),
                ("PUT", "/v1/x"),
                ("DELETE", "/v1/y"),
            ]
        )
        key = f"key-{dice.random()}"
        fields = [f"Host: 127.0.0.1\r\nX-Id: {which}\r\nX-Key: {key}"]
        if (manner := dice.choice(["read", "read", "early", "half", "busy"])) != "read":
            fields.append(f"X-Manner: {manner}")
        if target == "/v1/realtime":
            fields.append("Connection: Upgrade\r\nUpgrade: websocket")
        elif last:
            fields.append("Connection: close")
        raw, body, framing = self._body() if dice.random() < 0.7 else (b"", b"", "")
        if dice.random() < 0.1:
            fields.append(odd := dice.choice(self.ODD))
            if odd.startswith(("Content-", "Transfer-")):
                body = None
        fields += [framing] if framing else []
        if target in self.BODILESS and body is not None:
            body = b""
        self.meant[which] = Seen(which, method, target, key, body)
        head = f"{method} {target} HTTP/1.1\r\n" + "\r\n".join(fields) + "\r\n\r\n"
        return head.encode("latin-1") + raw, which

    BODILESS = (
        "/metrics",
        "/v1/providers/text/house/drain",
    )  # the front passes none on
    ODD = (
        "Transfer-Encoding: identity",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked, identity",
        "Content-Length: 7",
        "Content-Length: +7",
        "Content-Length: 0x10",
        "Content-Length:",
        "Content-Encoding: gzip, gzip",
        "Content-Encoding: unheard-of",
        "Content-Encoding: deflate",
        "Connection: keep-alive, X-Key",
        "Keep-Alive: timeout=1",
        "Expect: 100-continue",
        "TE: trailers\r\nTrailer: X-Key",
        "X-Word: \xfc\xff\x80",
        "X-Fold: a\r\n b",
        "X-Bare: a\nX-Id: 9999",
        "X-Nul: a\0b",
        "X-Long: " + "a" * 9000,
    )

    def _body(self) -> tuple[bytes, bytes | None, str]:
        """A body on the wire, what it means (None: nothing), and its fields."""
        dice = self._dice
        content = dice.choice(
            [
                b"x",
                b"{}",
                HIDDEN,
                HIDDEN * 30,
                b"\r\n" * 4000 + HIDDEN,
                b"0\r\n\r\n" + HIDDEN,
                b"y" * 70_000 + HIDDEN,
            ]
        )
        meant: bytes | None = content
        coding = dice.choice(["", "", "gzip", "padded", "deflate", "broken", "endless"])
        match coding:
            case "gzip":
                content = gzip.compress(content, mtime=0)
            case "padded":
                content = padded_gzip(content, dice.choice([1, 300, 3000]))
            case "deflate":
                content = zlib.compress(content)
            case "broken":
                content, meant = b"\x1f\x8b\x08\0" + content, None
            case "endless":
                content, meant = padded_gzip(ENDLESS, 3000), ENDLESS
        named = {"": "", "deflate": "Content-Encoding: deflate\r\n"}
        fields = named.get(coding, "Content-Encoding: gzip\r\n")
        if dice.random() < 0.5:
            return content, meant, f"{fields}Content-Length: {len(content)}"
        size = dice.choice([7, 1000, 65_536])
        return chunked(content, size), meant, f"{fields}Transfer-Encoding: chunked"


async def said(port: int, sent: bytes) -> bytes:
    """Send this at once; return what comes back until the end, or nothing more does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    got = b""
    with contextlib.suppress(TimeoutError, ConnectionError):
        writer.write(sent)
        while True:
            async with asyncio.timeout(QUIET_S):
                chunk = await reader.read(65_536)
            if not chunk:
                break
            got += chunk
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()
    return got


@pytest.mark.parametrize("seed", range(3))
async def test_what_a_worker_is_asked_is_what_a_client_asked(
    tmp_path: Path, seed: int
) -> None:
    """No request of parts of others, none twice, and each answer where it was asked."""
    author = Author(seed)
    written = [author.connection() for _ in range(CONNECTIONS)]
    few = asyncio.Semaphore(AT_ONCE)

    async def one(port: int, sent: bytes) -> bytes:
        async with few:
            return await said(port, sent)

    async with wired(tmp_path) as wire:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(wire.port, sent)) for sent, _ in written]
        await asyncio.sleep(LINGER_S)
    for seen in wire.arrived:
        meant = author.meant.get(seen.which or "")
        assert meant is not None, seen
        if seen.body is None or meant.body is None:
            seen, meant = replace(seen, body=None), replace(meant, body=None)
        assert seen == meant
    numbers = [seen.which for seen in wire.arrived]
    assert len(set(numbers)) == len(numbers) > CONNECTIONS // 2
    for task, (_, own) in zip(tasks, written, strict=True):
        answered = [which.decode() for which in ANSWERED.findall(task.result())]
        assert answered == [which for which in own if which in answered]


async def test_a_packed_body_leaves_nothing_to_the_next_request(tmp_path: Path) -> None:
    """Shorter unpacked than its length says, it once ate the head of the next.

    What followed in the next one's body was then a request of its own, with whatever
    key the next but one came with.
    """
    head = "POST /v1/realtime/calls HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Id: {}\r\n{}\r\n"
    packed = padded_gzip(ENDLESS, 3000)
    length = f"Content-Length: {len(packed)}\r\n"
    early = f"{length}Content-Encoding: gzip\r\nX-Manner: early\r\n"
    body = b"\r\n" * 4000 + HIDDEN
    async with wired(tmp_path) as wire:
        await said(wire.port, head.format("1", early).encode() + packed)
        second = head.format("2", f"Content-Length: {len(body)}\r\n").encode()
        await said(wire.port, second + body)
    assert [(seen.which, seen.body) for seen in wire.arrived] == [
        ("1", None),
        ("2", body),
    ]


async def test_the_lengths_of_requests_that_bring_nothing_are_dropped(
    tmp_path: Path,
) -> None:
    """The front asks each worker with the client's headers, but without its body."""
    length = f"Content-Length: {len(HIDDEN)}\r\n\r\n"
    asked = ("GET /metrics", "POST /v1/providers/text/house/drain")
    async with wired(tmp_path) as wire:
        for what in asked:
            head = f"{what} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Id: 1\r\n{length}"
            assert b" 200 " in await said(wire.port, head.encode() + HIDDEN)
    assert [(seen.which, seen.body) for seen in wire.arrived] == [("1", b"")] * 2


async def test_a_body_that_cannot_be_unpacked_is_its_clients_fault(
    tmp_path: Path,
) -> None:
    """400, and not that a worker was lost."""
    head = "POST /v1/x HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\n"
    async with wired(tmp_path) as wire:
        raw = f"{head}Content-Length: 9\r\n\r\nnot zipped".encode()[:-1]
        assert b" 400 " in await said(wire.port, raw)
        assert not wire.arrived


@pytest.mark.parametrize("coded", ["grüße".encode(), b"\xfc\xff"])
async def test_bytes_of_an_upgrades_headers_stay_as_they_are(
    tmp_path: Path, coded: bytes
) -> None:
    """In UTF-8 and in none."""
    head = b"GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    async with wired(tmp_path) as wire:
        rest = b"Connection: Upgrade\r\nX-Key: " + coded
        await said(wire.port, head + rest + b"\r\n\r\n")
    (seen,) = wire.arrived
    assert seen.key.encode(errors="surrogateescape") == coded


@pytest.mark.parametrize("framing", ["Content-Length: 9", "Transfer-Encoding: chunked"])
async def test_an_upgrade_with_a_body_is_refused(tmp_path: Path, framing: str) -> None:
    """What follows its head are frames for the front and would be none for a worker."""
    head = "GET /v1/realtime HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
    head += f"Connection: Upgrade\r\n{framing}\r\n\r\n"
    async with wired(tmp_path) as wire:
        assert b" 400 " in await said(wire.port, head.encode() + b"4\r\naaaa\r\n")
        assert not wire.arrived
