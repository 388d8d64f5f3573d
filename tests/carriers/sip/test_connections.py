"""SIP over connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from tests.carriers.sip.phone import OFFER, FakeExchange, written
from tests.e2e.running import free_port
from voiceserver.carriers.sip.connections import PING, Framer, tls_context
from voiceserver.carriers.sip.listener import SipListener
from voiceserver.carriers.sip.message import LONGEST, NotSip
from voiceserver.config import Config, SipConfig, SipTrunk
from voiceserver.errors import ConfigError
from voiceserver.server.connections import bound_socket

MESSAGES = [written("OPTIONS").encode(), written("INVITE", OFFER).encode()]


@given(st.lists(st.integers(1, 400), max_size=20))
def test_however_it_is_cut_the_messages_are_whole(sizes: list[int]) -> None:
    """Keep-alives between them are told."""
    stream = MESSAGES[0] + PING + MESSAGES[1] + b"\r\n" + MESSAGES[0]
    framer, found, at = Framer(), [], 0
    for size in [*sizes, len(stream)]:
        found += list(framer.feed(stream[at : at + size]))
        at += size
    whole = [each for each in found if each != PING]
    assert whole == [*MESSAGES, MESSAGES[0]]


@pytest.mark.parametrize(
    "stream",
    [
        b"OPTIONS sip:a SIP/2.0\r\n\r\n",
        b"x" * (LONGEST + 1),
        b"A\r\nContent-Length: -5\r\n\r\n",
        b"A\r\nContent-Length: 99999999\r\n\r\n",
    ],
)
def test_a_stream_that_cannot_be_cut_is_given_up(stream: bytes) -> None:
    """No length, a negative one, one too many."""
    with pytest.raises(NotSip):
        list(Framer().feed(stream))


def test_a_certificate_that_is_none_is_said() -> None:
    """With the setting."""
    with pytest.raises(ConfigError, match="tls_cert"):
        tls_context("/nowhere.pem", "/nowhere.key")


def test_a_port_that_the_server_has_itself_is_said() -> None:
    """Two sockets may be bound to one address until one of them listens."""
    with bound_socket("127.0.0.1", 0) as taken:
        listener = SipListener(Config(sip=SipConfig(port=taken.getsockname()[1])))
        with pytest.raises(ConfigError, match=r"TCP .* in use"):
            listener.bind()
        listener.close()


async def connected(
    port: int,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(5):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.01)


@pytest.mark.net
async def test_a_call_comes_over_a_connection() -> None:
    """Answered on it; a refusal once, a keep-alive too, junk by closing."""
    config = Config(sip=SipConfig(port=free_port()))
    it = SipListener(config)
    it.bind()
    async with asyncio.TaskGroup() as group:
        exchange = FakeExchange(config, group)
        running = group.create_task(it.run(exchange))
        reader, writer = await connected(config.sip.port)
        writer.write(PING + MESSAGES[0])
        async with asyncio.timeout(5):
            assert await reader.readexactly(2) == b"\r\n"
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b"SIP/2.0 200 OK" in answer
            writer.write(b"\0\r\n\r\n")
            await reader.read()
        writer.close()
        running.cancel()
    it.close()


@pytest.mark.net
def test_a_connection_that_was_reset_before_it_was_taken_is_none() -> None:
    """Whose it was uvloop does not say; the next one is read."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_reset_then_good())


async def _reset_then_good() -> None:
    config = Config(sip=SipConfig(port=free_port()))
    it = SipListener(config)
    it.bind()
    for _ in range(3):
        gone = socket.create_connection(("127.0.0.1", config.sip.port))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
    faults: list[object] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: faults.append(context))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(it.run(FakeExchange(config, group)))
        reader, writer = await connected(config.sip.port)
        writer.write(MESSAGES[0])
        async with asyncio.timeout(5):
            assert b"200 OK" in await reader.readuntil(b"\r\n\r\n")
        writer.close()
        running.cancel()
    it.close()
    assert faults == []


@pytest.mark.net
async def test_a_stranger_is_hung_up_on() -> None:
    """Nothing is read."""
    trunk = SipTrunk(("192.0.2.7",))
    config = Config(sip=SipConfig(port=free_port(), trunk=(trunk,)))
    it = SipListener(config)
    it.bind()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(it.run(FakeExchange(config, group)))
        reader, writer = await connected(config.sip.port)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        running.cancel()
    it.close()
