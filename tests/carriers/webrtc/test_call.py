"""Calls over WebRTC with a real client on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import re
import socket
import time
from typing import Any

import pytest
from hypothesis import given, settings

from tests.carriers.client import Client, connected, make_call
from tests.carriers.webrtc.test_sdp import damaged
from voiceserver.config import MediaConfig
from voiceserver.errors import BadRequest, Overloaded, SessionEnded

FAMILIES = (socket.AF_INET, socket.AF_INET6)

pytestmark = pytest.mark.net


def vanish(peer: Any) -> None:
    """Take the network from a client, without a goodbye."""
    for transport in peer._RTCPeerConnection__iceTransports:
        for protocol in transport._connection._protocols:
            protocol.transport.abort()


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
    assert "useinbandfec=1;maxplaybackrate=16000" in answer
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
    """No packet for the limit: the call ends. Until then it is told how it fares."""
    media = MediaConfig(inactivity_limit_s=0.5)
    async with connected(media) as (client, _call, running):
        told = await client.wait_for("voiceserver.media")
        assert told["received"] > 0
        client.tone.gone = True
        assert "No audio" in await asyncio.wait_for(running, 10)


async def test_a_client_without_a_microphone_that_vanishes_is_noticed() -> None:
    """It sends no audio at all, so its reports are what is missed."""
    client, call = Client(), make_call(MediaConfig(inactivity_limit_s=2.0))
    client.peer.addTransceiver("audio", direction="recvonly")
    await client.peer.setLocalDescription(await client.peer.createOffer())
    answer = await call.answer(client.peer.localDescription.sdp)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(call.run())
        await client.accept(answer)
        await asyncio.sleep(3.0)  # reports come every 0.5 to 1.5 s (aiortc)
        assert not running.done()
        vanish(client.peer)
        assert "No packet" in await asyncio.wait_for(running, 10)
    await client.peer.close()


async def test_a_client_whose_network_vanishes_is_noticed() -> None:
    """No goodbye of any kind: its sockets are simply gone."""
    async with connected(MediaConfig(inactivity_limit_s=0.5)) as (client, _, running):
        vanish(client.peer)
        assert "No audio" in await asyncio.wait_for(running, 10)


async def test_a_client_that_never_completes_dtls_is_given_up() -> None:
    """ICE succeeds and no handshake follows; aiortc would wait for ever."""
    client, call = Client(), make_call(MediaConfig(setup_limit_s=1.0))
    offer = await client.offer()

    async def never(_parameters: object) -> None:
        await asyncio.Event().wait()

    for sender in client.peer.getSenders():
        sender.transport.start = never  # type: ignore[method-assign,assignment]
    answer = await call.answer(offer)
    async with asyncio.TaskGroup() as group:
        accepting = group.create_task(client.accept(answer))
        with pytest.raises(SessionEnded, match="set up"):
            await call.run()
        await asyncio.wait({accepting})
    await client.peer.close()
    for task in asyncio.all_tasks():  # the client's own, stuck in `never`
        if "connect" in str(task.get_coro()):
            task.cancel()


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        bytes.fromhex("a0100004e1666a66666666660c66666666000000000d0000"),
        b"\x16\xfe\xfd" + bytes(40),  # looks like DTLS
        b"\x80\x6f" + bytes(40),  # looks like RTP
        b"\x80\xc8" + bytes(40),  # looks like RTCP
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),  # STUN, not ours
    ],
)
async def test_strangers_cannot_hurt_a_call(datagram: bytes) -> None:
    """Whoever finds the port may send what they like to it."""
    async with connected() as (client, _call, running):
        port = int(re.findall(r"127\.0\.0\.1 (\d+) typ host", client.answer)[0])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(20):
                stranger.sendto(datagram, ("127.0.0.1", port))
        client.channel.send('{"type": "response.create"}')
        await client.hear(0.1)
        assert not running.done()


async def test_a_flood_of_junk_leaves_a_call_as_it_was() -> None:
    """Two thousand datagrams of anything, in bursts, while it is answered."""
    rng = random.Random(1)
    async with connected() as (client, call, running):
        ports = re.findall(r"127\.0\.0\.1 (\d+) typ host", client.answer)
        client.channel.send('{"type": "response.create"}')
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for _ in range(100):
                for _ in range(20):
                    first = rng.choice((0, 1, 22, 64, 128, 144, 191, 255))
                    junk = bytes([first]) + rng.randbytes(rng.randrange(200))
                    stranger.sendto(junk, ("127.0.0.1", int(ports[0])))
                await asyncio.sleep(0.01)
        await client.hear(0.1)
        await client.wait_for("voiceserver.turn.latency")
        assert not running.done()
        assert call.media().undecodable == 0


async def test_a_step_of_the_wall_clock_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Set back a day and forth a year, in the middle of a call."""
    async with connected() as (client, call, running):
        real = time.time
        for step_s in (-86_400.0, 31_536_000.0):
            monkeypatch.setattr(time, "time", lambda s=step_s: real() + s)
            client.channel.send('{"type": "response.create"}')
            await client.hear(0.1)
            await asyncio.sleep(1.5)  # a report, and its answer
        assert not running.done()
        assert -1 <= call.media().rtt_ms < 5_000


async def test_a_call_outlives_two_seconds_without_a_network() -> None:
    """Nothing goes either way; then the next question is answered."""
    async with connected() as (client, call, running):
        await client.wait_for("session.created")
        while not call.media().received:  # a hole is one between two packets
            await client.hear(0.02)
        peer: Any = client.peer
        transports = [
            protocol.transport
            for ice in peer._RTCPeerConnection__iceTransports
            for protocol in ice._connection._protocols
        ]
        sends = [transport.sendto for transport in transports]
        for transport in transports:
            transport.sendto = lambda *_lost: None
        await asyncio.sleep(2)
        before = call.media()
        for transport, send in zip(transports, sends, strict=True):
            transport.sendto = send
        client.channel.send('{"type": "response.create"}')
        await client.hear(0.1)
        after = call.media()
        assert not running.done()
        assert after.received > before.received
        assert after.concealed_ms > 1_000  # the timeline has no hole


async def test_video_is_declined() -> None:
    """The call goes on with audio; frames of a camera would pile up unread."""
    client, call = Client(), make_call()
    client.peer.addTransceiver("video", direction="sendrecv")
    answer = await call.answer(await client.offer())
    _, _, video = answer.partition("m=video")
    assert "a=inactive" in video.partition("m=")[0]
    assert "a=sendrecv" in answer.partition("m=audio")[2].partition("m=")[0]
    await call._close()
    await client.peer.close()


async def test_a_codec_that_the_server_lacks_is_not_answered() -> None:
    """A client that likes G.722 best is answered with Opus, and the call goes on."""
    client, call = Client(), make_call()
    offer = await client.offer()
    named = "a=rtpmap:9 G722/8000\r\n"
    assert named in offer  # aiortc goes by the order of these lines
    first = offer.replace(named, "").replace("a=rtpmap:", named + "a=rtpmap:", 1)
    answer = await call.answer(first)
    assert "G722" not in answer
    assert "opus" in answer
    await call._close()
    await client.peer.close()


@pytest.mark.parametrize("codec", ["audio/PCMU", "audio/PCMA"])
async def test_telephone_codecs_work_both_ways(codec: str) -> None:
    """Small devices may know nothing else."""
    async with connected(codec=codec) as (client, _call, _running):
        client.tone.loud = True
        await client.wait_for("input_audio_buffer.speech_started")
        client.channel.send('{"type": "response.create"}')
        await client.hear(0.1)


async def test_a_client_may_create_the_channel_late() -> None:
    """Embedded devices do so when everything else is up; nothing said is lost."""
    async with connected(channel=False) as (client, _call, _running):
        await asyncio.sleep(0.2)
        client.open_channel()
        await client.wait_for("session.created")


async def test_a_call_that_is_cancelled_closes_its_connection() -> None:
    """As at the end of the server; the leak check judges."""
    async with connected() as (_client, _call, running):
        running.cancel()
        await asyncio.wait({running}, timeout=5)
        assert running.cancelled()


async def test_a_client_that_never_connects_is_given_up() -> None:
    """Setup has a limit of its own; aiortc has none."""
    client, call = Client(), make_call(MediaConfig(setup_limit_s=0.3))
    await call.answer(await client.offer())
    told: list[str] = []
    ended = asyncio.Event()
    call.conversation.door.attach(told.append, ended.set, {})
    with pytest.raises(SessionEnded, match="set up"):
        await call.run()
    assert ended.is_set()  # who listened would wait for ever
    assert "session.created" in told[-1]
    await client.peer.close()


async def test_a_call_without_a_free_port_is_refused() -> None:
    """At once: an answer without an address is none."""
    held = [socket.socket(family, socket.SOCK_DGRAM) for family in FAMILIES]
    with held[0], held[1]:
        held[0].bind(("0.0.0.0", 0))
        port = held[0].getsockname()[1]
        held[1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        held[1].bind(("::", port))
        media = MediaConfig(udp_port_min=port, udp_port_max=port)
        client, call = Client(), make_call(media)
        with pytest.raises(Overloaded, match="No UDP port is free"):
            await call.answer(await client.offer())
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


@settings(max_examples=30, deadline=None)
@given(damaged())
def test_a_damaged_offer_is_answered_or_refused(offer: str) -> None:
    """By us, whatever the parser behind the checks makes of it."""

    async def answered() -> None:
        call = make_call()
        async with asyncio.timeout(10):
            try:
                assert "m=audio" in await call.answer(offer)
                await call._close()
            except BadRequest:
                return

    asyncio.run(answered())


async def test_calls_come_and_go_without_a_trace() -> None:
    """Thirty calls, every third abandoned by its client; the leak check judges."""
    for index in range(30):
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
