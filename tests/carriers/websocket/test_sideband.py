"""A second connection to a call."""

from __future__ import annotations

import asyncio

from tests.carriers.websocket.test_messages import MemorySocket, played
from tests.fakes import FakeText
from tests.virtual_time import VirtualClock
from voiceserver.carriers.websocket.messages import WebSocketCall
from voiceserver.carriers.websocket.sideband import Sideband

EXTENDED = {"extensions": "voiceserver"}


def test_sideband_hears_everything_but_audio_and_may_command() -> None:
    """It is greeted, its update is told to both, its mistakes to it alone."""
    side = MemorySocket()

    async def scenario(socket: MemorySocket, call: WebSocketCall) -> None:
        async with asyncio.TaskGroup() as group:
            band = Sideband(side, call.conversation, VirtualClock(), {})
            running = group.create_task(band.run())
            await side.until("session.created")
            side.ask("nonsense", event_id="mine")
            side.ask("session.update", session={"instructions": "Be brief."})
            await socket.until("session.updated")
            side.ask("response.create")
            await side.until("response.done")
            side.leave()
            await running

    socket = played(scenario)
    assert side.names[0] == "session.created"
    assert side.of("error")[0]["error"]["event_id"] == "mine"
    assert "error" not in socket.names
    assert "session.updated" in side.names
    assert "response.output_audio.delta" not in side.names
    assert "response.output_audio.delta" in socket.names
    assert side.closed is not None


def test_sideband_ends_with_the_call() -> None:
    """It is told why, and closed."""
    side = MemorySocket()

    async def scenario(socket: MemorySocket, call: WebSocketCall) -> None:
        async with asyncio.TaskGroup() as group:
            band = Sideband(side, call.conversation, VirtualClock(), EXTENDED)
            group.create_task(band.run())
            await side.until("session.created")
            call.hang_up("Good night.")
            await side.until("voiceserver.call.ended")

    played(scenario)
    assert side.closed == (1000, "The call is over.")


def test_sideband_that_does_not_read_is_dropped_alone() -> None:
    """The call goes on as if nothing had happened."""
    side = MemorySocket()
    side.stuck = True

    async def scenario(socket: MemorySocket, call: WebSocketCall) -> None:
        async with asyncio.TaskGroup() as group:
            band = Sideband(side, call.conversation, VirtualClock(), {})
            running = group.create_task(band.run())
            for _ in range(500):
                update = {"instructions": "x" * 5000}
                socket.ask("session.update", session=update)
            await running
            socket.ask("response.create")
            await socket.until("response.done")

    played(scenario, FakeText(words=3))
    assert side.closed == (1008, "The client does not read its events.")
