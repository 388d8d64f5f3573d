"""Sockets through the front: every byte both ways, bounded, and told of a death."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from aiohttp import WSMsgType, web
from websockets.frames import CloseCode, Frame, Opcode

from voiceserver.config import ServerConfig
from voiceserver.metrics import Metrics
from voiceserver.server.access.security import access_rules
from voiceserver.server.app import bare_application
from voiceserver.server.connections import Connections, address_of, bound_socket
from voiceserver.server.front import relay
from voiceserver.server.front.frames import close_frame
from voiceserver.server.front.routes import FrontState, add_routes
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.places import Room
from voiceserver.server.serve import listening_at

pytestmark = pytest.mark.net

PATH = "/v1/realtime?model=m%20n"
LIMIT_S = 10.0
MUCH = 64 * 2**20  # bytes; more than any buffers on the way hold
BUFFERS = 24 * 2**20  # what the kernel may hold on both legs

Serving = Callable[[web.Request, web.WebSocketResponse], Awaitable[None]]


@contextlib.asynccontextmanager
async def relayed(
    folder: Path, serving: Serving
) -> AsyncGenerator[tuple[aiohttp.ClientSession, FrontState], None]:
    """A front whose worker serves every socket so."""

    async def connect(request: web.Request) -> web.StreamResponse:
        if "refuse" in request.query:
            return web.json_response({"why": "no"}, status=418, headers={"X-Why": "no"})
        socket = web.WebSocketResponse(max_msg_size=0, compress=False)
        await socket.prepare(request)
        await serving(request, socket)
        return socket

    worker_app = web.Application()
    worker_app.router.add_get("/v1/realtime", connect)
    runner = web.AppRunner(worker_app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.UnixSite(runner, str(folder / "1.sock")).start()
        async with fronting(folder) as made:
            yield made
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def fronting(
    folder: Path,
) -> AsyncGenerator[tuple[aiohttp.ClientSession, FrontState], None]:
    """A front whose worker listens there."""
    async with contextlib.AsyncExitStack() as stack:
        path = str(folder / "1.sock")
        worker = await stack.enter_async_context(Worker(1, path, "secret"))
        worker.up = True
        group = await stack.enter_async_context(asyncio.TaskGroup())
        metrics, rules = Metrics(), access_rules(ServerConfig())
        room = Room(8, 0, metrics)
        front = FrontState(metrics, rules, room, Workers((worker,)), group)
        connections = Connections(metrics)
        app = bare_application(rules, front.tokens, metrics, {}, connections.asking)
        add_routes(app, front)
        listening = bound_socket("127.0.0.1", 0)
        stack.callback(listening.close)
        url = address_of(listening)
        await stack.enter_async_context(listening_at(app, connections, listening, None))
        client = aiohttp.ClientSession(base_url=url)
        yield await stack.enter_async_context(client), front


@contextlib.asynccontextmanager
async def answering(
    folder: Path, said: bytes
) -> AsyncGenerator[aiohttp.ClientSession, None]:
    """A client of a front whose worker says this to whatever it is asked, and ends."""

    async def answer(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    worker = await asyncio.start_unix_server(answer, str(folder / "1.sock"))
    async with worker, fronting(folder) as (client, _):
        yield client


async def echo(request: web.Request, socket: web.WebSocketResponse) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await socket.send_str(request.raw_path + message.data)
        else:
            await socket.send_bytes(message.data)


def cut_off(socket: aiohttp.ClientWebSocketResponse) -> None:
    """As a client whose network is gone."""
    assert socket._conn is not None
    assert socket._conn.transport is not None
    socket._conn.transport.abort()


async def unread(_request: web.Request, socket: web.WebSocketResponse) -> None:
    """A worker that reads nothing."""
    await asyncio.sleep(1.0)


async def test_every_byte_gets_through_both_ways(tmp_path: Path) -> None:
    """Frames of all sizes of length; the path is not rewritten."""
    async with (
        relayed(tmp_path, echo) as (client, front),
        client.ws_connect(PATH, max_msg_size=0) as socket,
    ):
        await socket.send_str("hello")
        assert await socket.receive_str(timeout=LIMIT_S) == PATH + "hello"
        for size in (0, 125, 126, 65_535, 65_536, 3_000_000):
            sent = bytes(range(256)) * (size // 256 + 1)
            await socket.send_bytes(sent[:size])
            assert await socket.receive_bytes(timeout=LIMIT_S) == sent[:size]
        assert len(front.room) == 1


async def test_a_refusal_is_passed_on(tmp_path: Path) -> None:
    """Status, headers and body; nothing is relayed after it."""
    async with relayed(tmp_path, echo) as (client, front):
        headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
        async with client.get(PATH + "&refuse=1", headers=headers) as answer:
            assert (answer.status, answer.headers["X-Why"]) == (418, "no")
            assert await answer.json() == {"why": "no"}
        assert len(front.room) == 0


@pytest.mark.parametrize(
    ("framing", "body"),
    [
        ("Content-Length: 2", b"no"),
        ("Transfer-Encoding: chunked", b"2\r\nno\r\n0\r\n\r\n"),
        ("X: to the end", b"no"),
    ],
)
async def test_a_refusal_may_be_framed_in_any_way(
    tmp_path: Path, framing: str, body: bytes
) -> None:
    """By its length, in chunks, or by the end of the connection."""
    head = f"HTTP/1.1 418 No\r\nX-Why: a\r\nX-Why: b\r\n{framing}\r\n\r\n"
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    async with (
        answering(tmp_path, head.encode() + body) as client,
        client.get(PATH, headers=headers) as answer,
    ):
        assert (answer.status, await answer.text()) == (418, "no")
        assert answer.headers.getall("X-Why") == ["a", "b"]


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 1x1 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nno field\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 100_000,
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 9\r\n\r\nhalf",
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n12",
        b"HTTP/1.1 403 Forbidden\r\nTransfer-Encoding: gzip\r\n\r\n",
    ],
)
async def test_what_is_no_answer_is_not_passed_on(tmp_path: Path, said: bytes) -> None:
    """A worker that says so is lost."""
    headers = {"Upgrade": "websocket", "Connection": "Upgrade"}
    async with (
        answering(tmp_path, said) as client,
        client.get(PATH, headers=headers) as answer,
    ):
        assert answer.status == 503
        assert (await answer.json())["error"]["code"] == "worker_lost"


async def test_what_comes_right_behind_the_answer_is_not_lost(tmp_path: Path) -> None:
    """A worker may greet in the same breath."""
    greeting = Frame(Opcode.TEXT, b"hello").serialize(mask=False)
    head = (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
        "Connection: Upgrade\r\nSec-WebSocket-Accept: of a key\r\n\r\n"
    )
    upgrade = (
        f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
    )
    async with answering(tmp_path, head.encode() + greeting) as client:
        url = client._base_url
        assert url is not None
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(upgrade.encode())
        async with asyncio.timeout(LIMIT_S):
            got = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert got == head.encode() + greeting + close_frame(1012, relay.LOST)


async def test_a_workers_goodbye_is_the_clients(tmp_path: Path) -> None:
    """Code and reason; no second one is put behind it."""

    async def goodbye(_request: web.Request, socket: web.WebSocketResponse) -> None:
        await socket.close(code=4001, message=b"enough")

    async with (
        relayed(tmp_path, goodbye) as (client, _),
        client.ws_connect(PATH) as socket,
    ):
        message = await socket.receive(timeout=LIMIT_S)
        assert (message.type, message.extra) == (WSMsgType.CLOSE, "enough")
        assert socket.close_code == 4001


async def test_a_dead_worker_is_told_to_the_client(tmp_path: Path) -> None:
    """1012, service restart, with what to do."""

    async def dies(request: web.Request, socket: web.WebSocketResponse) -> None:
        await socket.send_str("last words")
        assert request.transport is not None
        request.transport.close()

    async with (
        relayed(tmp_path, dies) as (client, _),
        client.ws_connect(PATH) as socket,
    ):
        assert await socket.receive_str(timeout=LIMIT_S) == "last words"
        message = await socket.receive(timeout=LIMIT_S)
        assert message.extra == relay.LOST
        assert socket.close_code == CloseCode.SERVICE_RESTART


async def test_nothing_is_put_into_half_a_frame(tmp_path: Path) -> None:
    """A worker that died while it wrote leaves a connection cut, not a false frame."""

    async def dies(request: web.Request, _socket: web.WebSocketResponse) -> None:
        assert request.transport is not None
        request.transport.write(b"\x81\x7d" + b"x" * 30)
        request.transport.close()

    async with (
        relayed(tmp_path, dies) as (client, _),
        client.ws_connect(PATH) as socket,
    ):
        message = await socket.receive(timeout=LIMIT_S)
        assert message.type in (WSMsgType.CLOSED, WSMsgType.ERROR, WSMsgType.CLOSE)
        assert socket.close_code in (None, 1006)


async def test_a_client_that_is_gone_ends_it(tmp_path: Path) -> None:
    """Its worker sees it, and its place is free."""
    over = asyncio.Event()

    async def listens(_request: web.Request, socket: web.WebSocketResponse) -> None:
        async for _ in socket:
            pass
        over.set()

    async with relayed(tmp_path, listens) as (client, front):
        socket = await client.ws_connect(PATH)
        cut_off(socket)
        async with asyncio.timeout(LIMIT_S):
            await over.wait()
            while len(front.room):  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.01)
        await socket.close()


async def test_a_client_that_reads_nothing_makes_the_worker_wait(
    tmp_path: Path,
) -> None:
    """And not the front's memory grow."""
    sent = 0

    async def floods(_request: web.Request, socket: web.WebSocketResponse) -> None:
        nonlocal sent
        while sent < MUCH:
            await socket.send_bytes(bytes(65_536))
            sent += 65_536

    async with relayed(tmp_path, floods) as (client, _):
        socket = await client.ws_connect(PATH, max_msg_size=0)
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.3)
        assert 0 < sent < BUFFERS
        cut_off(socket)
        await socket.close()


async def test_a_worker_that_reads_nothing_makes_the_client_wait(
    tmp_path: Path,
) -> None:
    """The same the other way."""
    async with relayed(tmp_path, unread) as (client, _):
        socket = await client.ws_connect(PATH)
        sent = 0
        with contextlib.suppress(TimeoutError):
            while sent < MUCH:
                async with asyncio.timeout(0.5):
                    await socket.send_bytes(bytes(65_536))
                sent += 65_536
        assert 0 < sent < BUFFERS
        cut_off(socket)
        await socket.close()


async def test_a_client_that_never_reads_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heartbeats cannot get through to it; its worker is let go."""
    monkeypatch.setattr(relay, "STUCK_S", 0.2)
    over = asyncio.Event()

    async def floods(_request: web.Request, socket: web.WebSocketResponse) -> None:
        try:
            for _ in range(MUCH // 65_536):
                await socket.send_bytes(bytes(65_536))
        finally:
            over.set()

    async with relayed(tmp_path, floods) as (client, _):
        socket = await client.ws_connect(PATH, max_msg_size=0)
        async with asyncio.timeout(LIMIT_S):
            await over.wait()
        await socket.close()
