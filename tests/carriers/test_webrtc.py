"""Calls over WebRTC with a real client on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from typing import Any

import pytest

from tests.carriers.client import Client, connected, make_call
from voiceserver.config import MediaConfig
from voiceserver.errors import BadRequest, SessionEnded

pytestmark = pytest.mark.net


async def test_speech_in_speech_out() -> None:
    """A hum is a turn; the answer is heard and its events come over the channel."""
    async with connected() as (client, _call, _running):
        await client.wait_for("session.created")
        client.tone.loud = True
        await client.wait_for("input_audio_buffer.speech_started")
        await asyncio.sleep(0.5)
        client.tone.loud = False
        await client.wait_for("output_audio_buffer.started")
        await client.hear(0.1)
        await client.wait_for("response.done")
        await client.wait_for("voiceserver.turn.latency")


async def test_it_connects_quickly_without_any_candidate_of_the_client() -> None:
    """The server answers to where packets come from."""
    began_s = time.perf_counter()
    async with connected() as (client, _call, _running):
        assert time.perf_counter() - began_s < 5  # a loaded machine; 0.2 s alone
        assert "a=candidate" in client.peer.localDescription.sdp


async def test_the_answer_offers_error_correction() -> None:
    """aiortc alone would leave it out."""
    client, call = Client(), make_call()
    answer = await call.answer(await client.offer())
    assert "useinbandfec=1" in answer
    await call._close()
    await client.peer.close()


async def test_a_text_of_the_client_is_read() -> None:
    """And answered in the protocol."""
    async with connected() as (client, _call, _running):
        client.channel.send('{"type": "response.create"}')
        await client.wait_for("response.created")


@pytest.mark.parametrize("message", [b"\x00\x01", "x" * 131_073])
async def test_what_is_no_event_ends_the_call(message: bytes | str) -> None:
    """Bytes, or a text beyond what a browser would send."""
    async with connected() as (client, _call, running):
        client.channel.send(message)
        assert "event" in await asyncio.wait_for(running, 10)


async def test_a_client_that_vanishes_is_noticed() -> None:
    """No packet for the limit: the call ends, and nothing is left."""
    media = MediaConfig(inactivity_limit_s=0.5)
    async with connected(media) as (client, _call, running):
        client.tone.gone = True
        assert "No audio" in await asyncio.wait_for(running, 10)


async def test_a_client_that_never_connects_is_given_up() -> None:
    """Setup has a limit of its own; aiortc has none."""
    client, call = Client(), make_call(MediaConfig(setup_limit_s=0.3))
    await call.answer(await client.offer())
    with pytest.raises(SessionEnded, match="set up"):
        await call.run()
    await client.peer.close()


async def test_the_server_can_hang_up() -> None:
    """The client is told why."""
    async with connected() as (client, call, running):
        call.hang_up("The server is shutting down.")
        assert await asyncio.wait_for(running, 10) == "The server is shutting down."
        ended = await client.wait_for("voiceserver.call.ended")
        assert ended["reason"] == "The server is shutting down."


async def test_an_offer_that_cannot_be_used_leaves_nothing() -> None:
    """It is refused with what is wrong."""
    with pytest.raises(BadRequest, match="v=0"):
        await make_call().answer("hello")


async def hold(call: Any) -> None:
    """Hold a call that may be hung up before it is connected."""
    with contextlib.suppress(SessionEnded):
        await call.run()


async def test_calls_come_and_go_without_a_trace() -> None:
    """Twelve calls, every third abandoned by its client; the leak check judges."""
    for index in range(12):
        client, call = Client(), make_call(MediaConfig(setup_limit_s=0.2))
        answer = await call.answer(await client.offer())
        if index % 3 == 0:
            with pytest.raises(SessionEnded):
                await call.run()
        else:
            async with asyncio.TaskGroup() as group:
                group.create_task(hold(call))
                await client.accept(answer)
                await asyncio.sleep(0.1)
                call.hang_up("enough")
        await client.peer.close()
    gc.collect()
