"""Accepting connections."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
import uvloop
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from tests.polling import until
from tests.server.running import Running, running
from tests.server.test_serve import self_signed
from voiceserver.server.connections import CannotListen, address_of, bound_socket


def test_a_port_in_use_is_told_with_what_to_do() -> None:
    """The commonest fault of all; two that start at once are told, too."""
    with bound_socket("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(CannotListen, match=r"in use.*--port"):
            bound_socket("127.0.0.1", port)


@pytest.mark.parametrize(
    "host", ["192.0.2.1", "no.such.host.invalid", "a" * 300, "é..é"]
)
def test_an_address_that_is_not_ours_is_told(host: str) -> None:
    """192.0.2.0/24 belongs to nobody (RFC 5737)."""
    with pytest.raises(CannotListen, match="cannot listen at"):
        bound_socket(host, 0)


def test_addresses_are_written_as_urls() -> None:
    """IPv6 in brackets."""
    with bound_socket("127.0.0.1", 0) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening) == f"http://127.0.0.1:{port}"


async def closed_after(url: str, request: bytes) -> bytes:
    """Send bytes, read until the server closes."""
    port = int(url.rsplit(":", 1)[1])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    async with asyncio.timeout(5):
        answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.net
@pytest.mark.parametrize(
    "request_", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "]
)
async def test_a_client_that_does_not_finish_its_request_is_dropped(
    request_: bytes,
) -> None:
    """After the limit; aiohttp alone would keep it for ever."""
    async with running(head_limit_s=0.05) as server:
        assert await closed_after(server.url, request_) == b""


@pytest.mark.net
async def test_a_fault_of_ours_costs_the_connection_that_met_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It ended the group that accepts them, and the server with it."""

    def faulty(_: web.Server) -> RequestHandler:
        raise ZeroDivisionError

    async with running() as server:
        with monkeypatch.context() as patched:
            patched.setattr(web.Server, "__call__", faulty)
            assert await closed_after(server.url, b"") == b""
        async with server.client.get("/healthz") as answer:
            assert answer.status == 200


@pytest.mark.net
async def test_a_connection_in_use_is_not_dropped() -> None:
    """Its first request came in time."""
    async with running(head_limit_s=0.05) as server:
        for _ in range(3):
            async with server.client.get("/healthz") as answer:
                assert answer.status == 200
            await asyncio.sleep(0.04)


@pytest.mark.net
@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"\0" * 20_000, b"GET\r\n\r\n"],
)
async def test_what_is_no_http_is_refused(garbage: bytes) -> None:
    """A TLS greeting, zeros, half a line: an error or a closed connection."""
    async with running(head_limit_s=0.5) as server:
        answer = await closed_after(server.url, garbage)
        assert answer == b"" or b" 400 " in answer.split(b"\r\n")[0]
        assert b"Traceback" not in answer


def dropped(server: Running) -> float:
    name, queue = "voiceserver_dropped_total", {"queue": "connections"}
    return server.metrics.registry.get_sample_value(name, queue) or 0.0


def silent(server: Running, number: int) -> list[socket.socket]:
    """Connections that say nothing."""
    port = int(server.url.rsplit(":", 1)[1])
    return [socket.create_connection(("127.0.0.1", port)) for _ in range(number)]


def closed(connection: socket.socket) -> bool:
    """Whether the server has closed it."""
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


LIMITS = ["MAX_CONNECTIONS", "MAX_PER_ADDRESS"]


@pytest.mark.net
@pytest.mark.parametrize("limit", LIMITS)
async def test_a_connection_too_many_is_closed(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And counted; those in use live on."""
    monkeypatch.setattr(f"voiceserver.server.serve.{limit}", 2)
    async with running() as server:
        first = await server.client.ws_connect("/v1/realtime")
        second = await server.client.ws_connect("/v1/realtime")
        assert await closed_after(server.url, b"") == b""
        assert dropped(server) == 1
        for held in (first, second):
            await held.receive_json(timeout=5)
            await held.send_json({"type": "nonsense"})
            assert not held.closed
            await held.close()


@pytest.mark.net
@pytest.mark.parametrize("limit", LIMITS)
async def test_who_says_nothing_keeps_nobody_out(
    limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one that has been silent for longest gives way."""
    monkeypatch.setattr(f"voiceserver.server.serve.{limit}", 3)
    async with running() as server:
        held = silent(server, 3)
        await asyncio.sleep(0.05)
        async with server.client.get("/healthz") as answer:
            assert answer.status == 200
        await asyncio.sleep(0.05)
        assert [closed(one) for one in held] == [True, False, False]
        assert dropped(server) == 1
        for each in held:
            each.close()


@pytest.mark.net
async def test_connections_between_requests_keep_nobody_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The longest idle gives way to the next."""
    monkeypatch.setattr("voiceserver.server.serve.MAX_PER_ADDRESS", 3)
    async with running() as server:
        held: list[socket.socket] = []
        for _ in range(3):
            (one,) = silent(server, 1)
            held.append(one)
            one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await until(lambda one=one: b"200" in received(one))  # type: ignore[misc]
        async with server.client.get("/healthz") as answer:
            assert answer.status == 200
        await asyncio.sleep(0.05)
        assert [closed(one) for one in held] == [True, False, False]
        for each in held:
            each.close()


@pytest.mark.net
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_many_requests_at_once_beyond_the_limit_are_no_fault(
    loop: Callable[[], asyncio.AbstractEventLoop],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Who gives way has its answer, or was not asked yet; nothing of it is left."""
    monkeypatch.setattr("voiceserver.server.serve.MAX_PER_ADDRESS", 8)

    async def scenario() -> None:
        async with running() as server:
            held = silent(server, 60)
            for one in held:
                one.sendall(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await until(lambda: dropped(server) >= 52)
            await until(lambda: sum(not closed_now(one) for one in held) == 8)
            async with server.client.get("/healthz") as answer:
                assert answer.status == 200
            for each in held:
                each.close()
        handling = [str(task.get_coro()) for task in asyncio.all_tasks()]
        assert not [one for one in handling if "RequestHandler" in one]

    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(scenario())
    assert not [one for one in caplog.records if one.levelno >= logging.ERROR]


def closed_now(connection: socket.socket) -> bool:
    """Whether all was read and the server has closed it."""
    connection.setblocking(False)
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        pass
    return True


def received(connection: socket.socket) -> bytes:
    """What is there."""
    connection.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        return connection.recv(65_536)
    return b""


@pytest.mark.net
async def test_a_handshake_that_is_not_finished_is_a_connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is counted, has as long as a head, and gives way to the next."""
    monkeypatch.setattr("voiceserver.server.serve.MAX_CONNECTIONS", 2)
    cert, key = self_signed(tmp_path)
    async with running(
        tls_cert=str(cert), tls_key=str(key), head_limit_s=0.8
    ) as server:
        held = silent(server, 2)
        await asyncio.sleep(0.05)
        context = ssl.create_default_context(cafile=str(cert))
        url = server.url.replace("http:", "https:") + "/healthz"
        async with aiohttp.ClientSession() as client, client.get(url, ssl=context) as a:
            assert a.status == 200
        assert dropped(server) == 1
        assert [closed(one) for one in held] == [True, False]
        await until(lambda: closed(held[1]))
        for each in held:
            each.close()
