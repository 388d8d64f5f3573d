"""WebSocket calls through a real server."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

import aiohttp
import pytest

from tests.server.running import Running, running
from voiceserver.carriers import base
from voiceserver.server.routes import sockets

pytestmark = pytest.mark.net

PATH = "/v1/realtime?model=m"


async def first(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(await socket.receive_str(timeout=10))
    return event


async def refused(server: Running, path: str = PATH, **kwargs: Any) -> int:
    """The HTTP status that a handshake is refused with."""
    try:
        async with server.client.ws_connect(path, **kwargs):
            return 101
    except aiohttp.WSServerHandshakeError as error:
        return error.status


def frame(head: int, payload: bytes) -> bytes:
    """A masked frame with a first byte of one's own (RFC 6455, 5.2)."""
    return bytes([head, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def write(socket: aiohttp.ClientWebSocketResponse, octets: bytes) -> None:
    """Put bytes on the wire behind the client's back."""
    connection = socket._response.connection
    assert connection is not None
    assert connection.transport is not None
    connection.transport.write(octets)


async def test_a_call_is_greeted_with_its_model() -> None:
    """``session.created`` comes first; the model of the address is echoed."""
    async with running() as server, server.client.ws_connect(PATH) as socket:
        created = await first(socket)
        assert created["type"] == "session.created"
        assert created["session"]["model"] == "m"


async def test_browsers_subprotocol_is_echoed() -> None:
    """Chromium fails the socket otherwise; the one with the key is not echoed."""
    names = ("realtime", "openai-insecure-api-key.k", "openai-agents-sdk.0.20.0")
    async with (
        running() as server,
        server.client.ws_connect(PATH, protocols=names) as socket,
    ):
        assert socket.protocol == "realtime"


async def test_key_is_needed_in_header_or_subprotocol(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Either will do; a wrong one or none is 401."""
    monkeypatch.setenv("VS_KEY", "a-key-that-is-long-enough")
    async with running(api_key_env="VS_KEY") as server:
        assert await refused(server) == 401
        assert await refused(server, headers={"Authorization": "Bearer no"}) == 401
        header = {"Authorization": "Bearer a-key-that-is-long-enough"}
        assert await refused(server, headers=header) == 101
        name = "openai-insecure-api-key.a-key-that-is-long-enough"
        assert await refused(server, protocols=("realtime", name)) == 101


async def test_full_server_refuses_before_the_handshake() -> None:
    """503, as for calls over WebRTC."""
    async with running(max_calls=1) as server, server.client.ws_connect(PATH) as socket:
        await first(socket)
        assert await refused(server) == 503


async def test_plain_request_is_told_to_upgrade() -> None:
    """426, with what to do."""
    async with running() as server:
        status, error = await server.error("GET", PATH)
        assert status == 426
        assert error["code"] == "upgrade_required"


async def test_message_beyond_the_limit_closes_with_1009() -> None:
    """20 MB are not read into memory."""
    async with (
        running() as server,
        server.client.ws_connect(PATH, max_msg_size=0) as socket,
    ):
        await first(socket)
        audio = "A" * 20_000_000
        message = {"type": "input_audio_buffer.append", "audio": audio}
        with contextlib.suppress(ConnectionError):  # closed in the middle of it
            await socket.send_json(message)
        while not socket.closed:
            await socket.receive(timeout=10)
        assert socket.close_code in (1009, 1006)


async def test_server_that_ends_tells_the_client() -> None:
    """The last event has the reason, then the socket is closed normally."""
    path = PATH + "&extensions=voiceserver"
    async with running() as server, server.client.ws_connect(path) as socket:
        await first(socket)
        server.stop.set()
        ended = await first(socket)
        assert ended["type"] == "voiceserver.call.ended"
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 1000


async def test_events_of_our_own_are_for_those_who_ask() -> None:
    """Some clients take an event that they do not know for an error."""
    async with running() as server, server.client.ws_connect(PATH) as socket:
        await first(socket)
        server.stop.set()
        assert (await socket.receive(timeout=10)).type is aiohttp.WSMsgType.CLOSE


async def test_one_client_that_does_not_read_does_not_hold_up_another() -> None:
    """The deaf one is hung up; the other is answered all the while."""
    long = {"type": "session.update", "session": {"instructions": "x" * 30_000}}
    short = {"type": "session.update", "session": {}}
    async with running() as server, server.client.ws_connect(PATH) as other:
        await first(other)
        deaf = await server.client.ws_connect(PATH)
        deaf._response.connection.transport.pause_reading()  # type: ignore[union-attr]
        with contextlib.suppress(ConnectionError):
            for _ in range(400):
                await deaf.send_json(long)
        for _ in range(20):
            await other.send_json(short)
            assert (await first(other))["type"] == "session.updated"
        await deaf.close()


async def test_a_flood_of_messages_are_all_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are read at a rate; nothing is dropped and the call goes on."""
    monkeypatch.setattr(base, "MESSAGES_PER_S", 2000)
    async with running() as server, server.client.ws_connect(PATH) as socket:
        await first(socket)
        for number in range(1000):
            await socket.send_json({"type": "nonsense", "event_id": str(number)})
        answered = [(await first(socket))["error"]["event_id"] for _ in range(1000)]
        assert answered == [str(number) for number in range(1000)]


async def test_a_half_open_connection_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A client that answers no ping is gone: its line is free for another."""
    monkeypatch.setattr(sockets, "HEARTBEAT_S", 0.2)
    async with (
        running(max_calls=1) as server,
        server.client.ws_connect(PATH, autoping=False) as socket,
    ):
        await first(socket)
        assert await refused(server) == 503
        while not socket.closed:
            await socket.receive(timeout=10)
        async with asyncio.timeout(10):  # until the call has been put away
            while await refused(server) == 503:
                pass


async def test_endless_continuation_of_nothing_is_one_message() -> None:
    """Thousands of empty fragments cost no memory; the last one ends the message."""
    async with running() as server, server.client.ws_connect(PATH) as socket:
        await first(socket)
        begin = frame(0x01, b'{"type": ')  # a text, not final
        empty = frame(0x00, b"")
        end = frame(0x80, b'"nonsense"}')
        write(socket, begin + empty * 20_000 + end)
        assert (await first(socket))["error"]["code"] == "unknown_event"


@pytest.mark.parametrize("opcode", [0x80, 0x00, 0x83, 0xF1])
async def test_broken_frames_close_the_socket(opcode: int) -> None:
    """A continuation of nothing (final or not), unknown opcodes, reserved bits."""
    async with running() as server, server.client.ws_connect(PATH) as socket:
        await first(socket)
        write(socket, frame(opcode, b""))
        async with asyncio.timeout(10):
            while not socket.closed:
                await socket.receive()
        assert socket.close_code in (1002, 1006)
