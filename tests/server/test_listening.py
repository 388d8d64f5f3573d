"""A carrier with a socket of its own beside the HTTP one, through the real server."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.fakes import LOUD
from tests.polling import until
from tests.server.running import Running, running
from tests.toys.tcp import BLOCK_BYTES, TcpListener
from voiceserver.audio import to_int16
from voiceserver.errors import ConfigError
from voiceserver.metrics import Metrics
from voiceserver.server.listening import bound

pytestmark = pytest.mark.net

VOICED = to_int16(np.full(BLOCK_BYTES // 2, LOUD, np.float32)).astype("<i2").tobytes()
QUIET = bytes(BLOCK_BYTES)


async def called(
    listener: TcpListener,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", listener.port)


async def said(writer: asyncio.StreamWriter) -> None:
    """Half a second of speech, and a second of silence."""
    for n in range(75):
        writer.write(VOICED if n < 25 else QUIET)
        await asyncio.sleep(0.02)


async def answering(server: Running, listener: TcpListener) -> None:
    """Wait until it takes calls."""
    await until(lambda: listener.n_runs > listener.fails)


async def test_a_turn_is_heard_and_answered() -> None:
    """By the same session as over WebRTC, counted as what it is."""
    listener = TcpListener()
    async with running(listeners=lambda _config: [listener]) as server:
        await answering(server, listener)
        reader, writer = await called(listener)
        await said(writer)
        async with asyncio.timeout(10):
            sound = await reader.readexactly(24_000)
        assert np.abs(np.frombuffer(sound, "<i2")).max() > 1000
        await said(writer)  # an interruption, so that the turn is over
        await until(lambda: _turns(server.metrics) == 1)
        writer.close()
        await _emptied(server)


async def test_limits_hold_for_it_too() -> None:
    """A call too many is refused; one ended makes room."""
    listener = TcpListener()
    server_of = running(listeners=lambda _config: [listener], max_calls=1)
    async with server_of as server:
        await answering(server, listener)
        _, first = await called(listener)
        await _until_calls(server, 1)
        reader, second = await called(listener)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        first.close()
        await _emptied(server)
        _, third = await called(listener)
        await _until_calls(server, 1)
        second.close()
        third.close()


async def test_it_is_drained_with_the_server() -> None:
    """Calls in progress may end, new ones are refused meanwhile."""
    listener = TcpListener()
    async with running(listeners=lambda _config: [listener], drain_s=5) as server:
        await answering(server, listener)
        _, first = await called(listener)
        await _until_calls(server, 1)
        server.drain.set()
        await until(lambda: any("waits up to" in line for line in server.lines))
        reader, second = await called(listener)
        async with asyncio.timeout(5):
            assert await reader.read() == b""
        first.close()
        second.close()


async def test_one_that_fails_is_started_again() -> None:
    """The fault is counted; the address is held meanwhile."""
    listener = TcpListener()
    listener.fails = 2
    async with running(listeners=lambda _config: [listener]) as server:
        await answering(server, listener)
        _, writer = await called(listener)
        await _until_calls(server, 1)
        writer.close()
        faults = {"where": "listener", "kind": "ZeroDivisionError"}
        count = server.metrics.registry.get_sample_value(
            "voiceserver_faults_total", faults
        )
        assert count == 2


def test_an_address_in_use_gives_the_others_back() -> None:
    """Nothing is held when one cannot be."""
    first, second = TcpListener(), TcpListener("192.0.2.1")
    with pytest.raises(ConfigError), bound([first, second]):
        pass
    assert first._socket is not None
    assert first._socket.fileno() == -1


async def _until_calls(server: Running, n_calls: int) -> None:
    await until(lambda: _calls(server.metrics) == n_calls)


async def _emptied(server: Running) -> None:
    await _until_calls(server, 0)


def _turns(metrics: Metrics) -> float:
    name, labels = "voiceserver_first_audio_seconds_count", {"carrier": "tcp"}
    return metrics.registry.get_sample_value(name, labels) or 0.0


def _calls(metrics: Metrics) -> float:
    return metrics.registry.get_sample_value("voiceserver_calls") or 0.0
