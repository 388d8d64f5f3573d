"""Every carrier speaks every dialect, also behind a front."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import aiohttp
import pytest

from tests.carriers.client import Client
from tests.polling import until
from tests.server.front.fronted import fronted
from tests.server.running import FakeCall, running
from tests.toys.plain import PlainKind
from voiceserver.carriers.base import Incoming
from voiceserver.carriers.webrtc.call import WebRtcCall
from voiceserver.config import Config, RecordConfig
from voiceserver.dialects.table import DIALECTS
from voiceserver.recording.layout import read
from voiceserver.recording.retention import recordings_in
from voiceserver.session.journal import Journal

pytestmark = pytest.mark.net

BOTH = {**DIALECTS, "plain": PlainKind()}


async def spoken_with(socket: aiohttp.ClientWebSocketResponse) -> list[list[str]]:
    """Have something said and say goodbye; return what was told."""
    told: list[list[str]] = []
    await socket.send_str("speak")
    async with asyncio.timeout(10):
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                told.append(json.loads(message.data))
                if told[-1][0] == "I" and len(told) < 4:
                    await socket.send_str("bye")
    return told


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/stream"])
async def test_another_dialect_over_a_websocket(path: str) -> None:
    """Named in the address; one file and one row."""
    async with (
        running(dialects=BOTH) as server,
        server.client.ws_connect(f"{path}?dialect=plain") as socket,
    ):
        told = await spoken_with(socket)
    assert told[0] == ["hello"]
    assert [words[0] for words in told].count("I") >= 1
    assert told[-1] == ["bye", "you said bye"]


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/stream"])
async def test_a_call_is_recorded_whichever_carrier_brings_it(
    path: str, tmp_path: Path
) -> None:
    """To its end, as the server's settings say."""
    config = Config(record=RecordConfig("always", str(tmp_path)))
    async with (
        running(config, dialects=BOTH) as server,
        server.client.ws_connect(f"{path}?dialect=plain") as socket,
    ):
        await spoken_with(socket)
    [folder] = recordings_in(tmp_path)
    recording = read(folder)
    assert recording.whole
    assert recording.header.address == {"dialect": "plain"}
    kinds = [line["kind"] for line in recording.lines]
    assert "message" in kinds and "event" in kinds


async def test_a_call_that_is_over_is_kept_nowhere() -> None:
    """Nor one whose offer is refused, though nobody ever asks how calls stand."""
    journals: list[Journal] = []

    def made(incoming: Incoming) -> FakeCall:
        assert isinstance(incoming.parts.journal, Journal)
        journals.append(incoming.parts.journal)
        return FakeCall(incoming)

    async with running(webrtc=made) as server:
        assert (await server.place("bad"))[0] == 400
        _, _, headers = await server.place()
        assert len(journals[0].calls()) == 1
        async with server.client.delete(headers["Location"]):
            await until(lambda: not journals[0].calls())


async def test_another_dialect_over_webrtc() -> None:
    """On the same data channel."""
    client = Client()
    told: list[list[str]] = []
    offer = await client.offer()
    client.channel.remove_all_listeners("message")
    client.channel.on("message", lambda text: told.append(json.loads(text)))
    async with running(dialects=BOTH, webrtc=WebRtcCall) as server:
        status, answer, _ = await server.place(offer, params={"dialect": "plain"})
        assert status == 201
        await client.accept(answer)
        async with asyncio.timeout(10):
            await client.opened.wait()
            client.channel.send("speak")
            await until(lambda: "I" in [words[0] for words in told])
            client.channel.send("bye")
            await until(lambda: told[-1] == ["bye", "you said bye"])
    await client.peer.close()
    assert told[0] == ["hello"]


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/stream"])
async def test_another_dialect_behind_a_front(path: str) -> None:
    """Two workers; the front need not know it."""
    async with (
        fronted(2, dialects=BOTH) as server,
        server.client.ws_connect(f"{path}?dialect=plain") as socket,
    ):
        told = await spoken_with(socket)
    assert told[0] == ["hello"]
    assert told[-1] == ["bye", "you said bye"]


async def test_an_unknown_dialect_is_refused_with_the_known() -> None:
    """Before there is a call."""
    async with running(dialects=BOTH) as server:
        path = "/v1/realtime/calls?dialect=klingon"
        headers = {"Content-Type": "application/sdp"}
        status, error = await server.error("POST", path, data=b"v=0", headers=headers)
    assert (status, error["param"]) == (400, "dialect")
    assert "realtime, plain" in error["message"]


async def test_a_session_that_cannot_be_used_is_refused() -> None:
    """Before there is a peer connection."""
    async with running(webrtc=WebRtcCall) as server:
        path = "/v1/realtime/calls?model=" + "x" * 300
        headers = {"Content-Type": "application/sdp"}
        status, error = await server.error("POST", path, data=b"v=0", headers=headers)
    assert (status, error["param"]) == (400, "session.model")
