"""AudioSocket at a real server."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

import numpy as np
import pytest

from tests.server.running import running
from voiceserver.carriers.audiosocket.frames import (
    HANG_UP,
    IDENTITY,
    Frame,
    read_frame,
)
from voiceserver.carriers.audiosocket.listener import AudioSocketListener, listener
from voiceserver.carriers.base import Listener
from voiceserver.config import AudioSocketConfig, Config, TelephonyConfig
from voiceserver.errors import ConfigError

NAME = uuid4()


Row = Callable[[Config], Sequence[Listener]]


def at(*uuids: str) -> tuple[AudioSocketListener, Row]:
    made = AudioSocketListener(AudioSocketConfig(uuids=uuids), TelephonyConfig())
    return made, lambda _config: [made]


async def connected(
    made: AudioSocketListener, *frames: Frame
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", made.port)
    for frame in frames:
        writer.write(frame.written())
    return reader, writer


@pytest.mark.net
async def test_a_call_is_greeted_and_hung_up_with_the_server() -> None:
    """The greeting in frames of 20 ms at 8 kHz; the goodbye is a frame too."""
    made, row = at()
    async with running(listeners=row) as server:
        reader, writer = await connected(made, Frame(IDENTITY, NAME.bytes))
        async with asyncio.timeout(10):
            loud = 0
            while not loud:
                frame = await read_frame(reader)
                assert (frame.kind, len(frame.payload)) == (0x10, 320)
                loud = int(np.abs(np.frombuffer(frame.payload, "<i2")).max() > 1000)
            server.stop.set()
            while frame.kind != HANG_UP:
                frame = await read_frame(reader)
        writer.close()


@pytest.mark.net
@pytest.mark.parametrize(
    "frame",
    [
        Frame(IDENTITY, uuid4().bytes),
        Frame(IDENTITY, b"x"),
        Frame(0x10, bytes(320)),
        Frame(0x47, b"ET / HTTP/1.1"),
    ],
)
async def test_whoever_is_not_listed_is_hung_up(frame: Frame) -> None:
    """At once, and others are taken as before."""
    made, row = at(str(NAME))
    async with running(listeners=row):
        reader, writer = await connected(made, frame)
        async with asyncio.timeout(10):
            assert (await read_frame(reader)).kind == HANG_UP
            assert await reader.read() == b""
        writer.close()
        reader, writer = await connected(made, Frame(IDENTITY, NAME.bytes))
        async with asyncio.timeout(10):
            assert (await read_frame(reader)).kind == 0x10
        writer.close()


@pytest.mark.net
async def test_a_connection_that_cannot_be_accepted_ends_no_other(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nor does one that is gone before its call is made; the next ones are taken."""
    made, row = at()
    loop, accepted = asyncio.get_running_loop(), 0
    accept = loop.sock_accept

    async def faulty(listening: socket.socket) -> tuple[socket.socket, Any]:
        nonlocal accepted
        if listening is not made._socket:
            return await accept(listening)  # of HTTP
        accepted += 1
        if accepted == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        connection, address = await accept(listening)
        if accepted == 2:
            connection.close()
        return connection, address

    monkeypatch.setattr(loop, "sock_accept", faulty)
    async with running(listeners=row):
        for name in (uuid4(), NAME):
            reader, writer = await connected(made, Frame(IDENTITY, name.bytes))
            greeted = b""
            with contextlib.suppress(ConnectionError):  # the first is cut off
                async with asyncio.timeout(10):
                    greeted = await reader.read(3)
            writer.close()
        assert greeted and accepted >= 3
    assert "a carrier failed" not in caplog.text


@pytest.mark.net
async def test_a_full_server_hangs_up() -> None:
    """As every carrier refuses a call too many."""
    made, row = at()
    async with running(listeners=row, max_calls=1):
        heard, first = await connected(made, Frame(IDENTITY, NAME.bytes))
        async with asyncio.timeout(10):
            await read_frame(heard)  # it is taken
        reader, second = await connected(made, Frame(IDENTITY, uuid4().bytes))
        async with asyncio.timeout(10):
            assert (await read_frame(reader)).kind == HANG_UP
        first.close()
        second.close()


def test_it_is_off_unless_a_port_is_named() -> None:
    """And refuses to be open to everybody."""
    assert listener(Config()) is None
    open_to_all = AudioSocketConfig(port=9092, host="0.0.0.0")
    with pytest.raises(ConfigError, match=r"list the UUIDs.*audiosocket.uuids"):
        listener(replace(Config(), audiosocket=open_to_all))
    listed = replace(open_to_all, uuids=(str(NAME),))
    assert listener(replace(Config(), audiosocket=listed)) is not None


def test_an_address_in_use_is_named() -> None:
    """Before anything is loaded."""
    first, _ = at()
    first.bind()
    taken = AudioSocketConfig(port=first.port)
    second = AudioSocketListener(taken, TelephonyConfig())
    with pytest.raises(ConfigError, match=f"cannot listen at 127.0.0.1:{first.port}"):
        second.bind()
    first.close()
    second.close()
