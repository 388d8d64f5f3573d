"""A WebSocket as calls use it: order, bounds and ends."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from tests.carriers.websocket.test_messages import MemorySocket
from tests.virtual_time import run_virtual
from voiceserver.carriers.websocket.socket import (
    CLOSE_LIMIT_S,
    Outgoing,
    as_text,
    close_in_time,
)


def test_outgoing_keeps_order_and_ends_when_all_is_sent() -> None:
    """Messages queued before the end still leave."""

    async def scenario() -> list[dict[str, Any]]:
        socket = MemorySocket()
        outgoing = Outgoing(lambda: None)
        for number in range(3):
            outgoing.send(json.dumps({"type": str(number)}))
        outgoing.end()
        await outgoing.run(socket)
        return socket.events

    assert [event["type"] for event in run_virtual(scenario())] == ["0", "1", "2"]


class GoneSocket(MemorySocket):
    """Its client has gone, and nobody said so."""

    async def send(self, text: str | bytes) -> None:
        raise ConnectionError

    async def close(self, code: int, reason: str) -> None:
        await asyncio.Event().wait()


def test_what_a_client_does_not_take_ends_it_once() -> None:
    """Its bytes are dropped, and what comes later is not even kept."""
    full: list[int] = []
    outgoing = Outgoing(lambda: full.append(outgoing.n_waiting), most=10)
    for _ in range(4):
        outgoing.send("12345")
    assert full == [15]

    async def scenario() -> list[dict[str, Any]]:
        socket = MemorySocket()
        await outgoing.run(socket)
        return socket.events

    assert run_virtual(scenario()) == []


def test_bytes_that_wait_are_counted_until_they_are_sent() -> None:
    """Of texts and of audio."""

    async def scenario() -> None:
        outgoing = Outgoing(lambda: None)
        outgoing.send('{"type": "a"}')
        assert outgoing.n_waiting == 13
        outgoing.end()
        await outgoing.run(MemorySocket())
        assert outgoing.n_waiting == 0

    run_virtual(scenario())


def test_the_last_messages_have_a_limit() -> None:
    """A client that reads no more does not hold up the end of a call."""

    async def scenario(stuck: bool) -> float:
        socket, outgoing = MemorySocket(), Outgoing(lambda: None)
        socket.stuck = stuck
        outgoing.send('{"type": "goodbye"}')
        outgoing.end()
        began_s = asyncio.get_running_loop().time()
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(outgoing.run(socket))
            await outgoing.gone(0.7)
            sending.cancel()
        return asyncio.get_running_loop().time() - began_s

    assert run_virtual(scenario(stuck=False)) == 0
    assert run_virtual(scenario(stuck=True)) == pytest.approx(0.7)


def test_a_socket_that_was_closed_takes_nothing_more() -> None:
    """It is no error: the call learns of it where it reads."""

    async def scenario() -> None:
        outgoing = Outgoing(lambda: None)
        outgoing.send("{}")
        await outgoing.run(GoneSocket())
        outgoing.send("{}")
        await outgoing.gone(0)

    run_virtual(scenario())


def test_a_socket_that_does_not_close_is_given_up() -> None:
    """After the limit of the handshake."""

    async def scenario() -> float:
        await close_in_time(GoneSocket(), 1000, "Goodbye.")
        return asyncio.get_running_loop().time()

    assert run_virtual(scenario()) == pytest.approx(CLOSE_LIMIT_S)


def test_a_binary_message_is_read_as_text() -> None:
    """Whatever bytes it holds."""
    assert as_text("{}") == as_text(b"{}") == "{}"
    assert as_text(b"\xff{") == "\ufffd{"
