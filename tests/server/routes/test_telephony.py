"""Telephone services at a real server."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from typing import Any
from xml.etree import ElementTree

import aiohttp
import pytest

from tests.carriers.telephony.service import START
from tests.carriers.telephony.test_genesys import OPEN, said
from tests.server.access.test_genesys_signature import (
    CREATED_S,
    HEADERS,
    INPUT,
    KEY,
    SECRET,
)
from tests.server.access.test_genesys_signature import (
    signed as signed_by_genesys,
)
from tests.server.running import Running, fake_engines, running
from voiceserver.config import Config, TelephonyConfig
from voiceserver.overload import Load
from voiceserver.server.access.genesys_signature import SignedRequest
from voiceserver.server.access.phone_access import signature

pytestmark = pytest.mark.net

PATH = "/v1/telephony/twilio"
FORM = {"From": "+15550101", "To": "+15550100", "CallSid": "CA1"}
TOKEN = "an auth token"
SIGNED = TelephonyConfig(twilio_token_env="TWILIO", public_url="https://v.example.org")


def start(stream: str = "MZ1", **parameters: str) -> str:
    inner = {**START["start"], "streamSid": stream, "customParameters": parameters}
    return json.dumps({**START, "streamSid": stream, "start": inner})


async def greeted(socket: aiohttp.ClientWebSocketResponse) -> None:
    """Wait for 20 ms of the greeting; return its first mark."""
    async with asyncio.timeout(10):
        said = json.loads(await socket.receive_str())
    assert said["event"] == "media"
    assert len(base64.b64decode(said["media"]["payload"])) % 160 == 0
    mark = json.loads(await socket.receive_str())
    assert mark["event"] == "mark"
    await socket.send_str(json.dumps(mark))


async def closed(socket: aiohttp.ClientWebSocketResponse) -> tuple[int | None, str]:
    async with asyncio.timeout(10):
        async for _ in socket:
            pass
    return socket.close_code, ""


async def test_a_call_of_twilio_from_the_webhook_to_the_greeting() -> None:
    """A number's URL needs only be pointed at the server."""
    async with running() as server:
        async with server.client.post(PATH, data=FORM) as answer:
            assert answer.content_type == "text/xml"
            stream = ElementTree.fromstring(await answer.text()).find("Connect/Stream")
        assert stream is not None
        assert stream.get("url") == server.url.replace("http", "ws") + PATH
        given = {each.get("name", ""): each.get("value", "") for each in stream}
        assert given == {"from": FORM["From"], "to": FORM["To"]}
        async with server.client.ws_connect(PATH) as socket:
            await socket.send_str('{"event":"connected"}')
            await socket.send_str(start(**given))
            await greeted(socket)
            await socket.send_str('{"event":"stop"}')
            code, _ = await closed(socket)
            assert code == 1000


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TWILIO", TOKEN)
    monkeypatch.setenv("KEY", "k" * 24)


def signed(form: dict[str, str]) -> dict[str, str]:
    url = SIGNED.public_url + PATH
    return {"X-Twilio-Signature": signature(TOKEN, url, form)}


def guarded() -> Any:
    return running(Config(telephony=SIGNED), api_key_env="KEY")


@pytest.mark.usefixtures("secrets")
async def test_a_signed_webhook_gives_a_token_that_admits_once() -> None:
    """The second stream with it is closed with a reason."""
    async with guarded() as server:
        token = await token_of(server)
        async with server.client.ws_connect(PATH) as socket:
            await socket.send_str(start("MZ1", token=token))
            await greeted(socket)
        async with server.client.ws_connect(PATH) as socket:
            await socket.send_str(start("MZ2", token=token))
            code, _ = await closed(socket)
            assert code == 1008


async def token_of(server: Running) -> str:
    form = {**FORM, "CallSid": "CA2"}
    async with server.client.post(PATH, data=form, headers=signed(form)) as answer:
        assert answer.status == 200
        document = ElementTree.fromstring(await answer.text())
    stream = document.find("Connect/Stream")
    assert stream is not None
    assert stream.get("url") == f"wss://v.example.org{PATH}"
    (token,) = [each for each in stream if each.get("name") == "token"]
    return token.get("value", "")


@pytest.mark.usefixtures("secrets")
async def test_a_signed_upgrade_admits_a_stream_once() -> None:
    """Its signature is always the same; a stream that was there before is refused."""
    async with guarded() as server:
        for code in (1000, 1008):
            async with server.client.ws_connect(PATH, headers=signed({})) as socket:
                await socket.send_str(start())
                if code == 1000:
                    await greeted(socket)
                    await socket.send_str('{"event":"stop"}')
                assert (await closed(socket))[0] == code


@pytest.mark.usefixtures("secrets")
async def test_strangers_are_refused() -> None:
    """403 at the webhook, 1008 at the socket, whatever they sign with; never a call."""
    async with guarded() as server:
        for headers in ({}, {"X-Twilio-Signature": "x"}, signed({**FORM, "To": "1"})):
            status, error = await server.error("POST", PATH, data=FORM, headers=headers)
            assert (status, error["code"]) == (403, "not_admitted")
        sent = signed(FORM)
        async with server.client.post(PATH, data=FORM, headers=sent) as answer:
            assert answer.status == 200
        status, error = await server.error("POST", PATH, data=FORM, headers=sent)
        assert (status, error["code"]) == (403, "replayed")
        async with server.client.ws_connect(PATH) as socket:
            await socket.send_str(start(token="vt_1.2.3"))
            assert (await closed(socket))[0] == 1008


async def test_genesys_brings_its_key_in_a_header_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Opened and greeted; with another key it is refused."""
    monkeypatch.setenv("PHONE", "a secret of some length")
    config = Config(telephony=TelephonyConfig(token_env="PHONE"))
    path, name = "/v1/telephony/genesys", "X-API-KEY"
    async with running(config) as server:
        keyed = {name: "a secret of some length"}
        async with server.client.ws_connect(path, headers=keyed) as socket:
            await socket.send_str(said("open", **OPEN))
            assert json.loads(await socket.receive_str())["type"] == "opened"
            async with asyncio.timeout(10):
                assert len(await socket.receive_bytes()) % 1600 == 0
        async with server.client.ws_connect(path, headers={name: "x"}) as socket:
            await socket.send_str(said("open", 1, **OPEN))
            assert await closed(socket) == (1008, "")


async def test_genesys_may_have_to_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each connection; its key, or the secret in a stream, is not enough."""
    monkeypatch.setenv("PHONE", KEY)
    monkeypatch.setenv("GENESYS", base64.b64encode(SECRET).decode())
    telephony = TelephonyConfig(
        token_env="PHONE",
        genesys_secret_env="GENESYS",
        public_url="https://Voice.example.org/voice",
    )
    path = "/v1/telephony/genesys"
    now_s = int(time.time())
    parameters = INPUT.replace(str(CREATED_S), str(now_s))
    asked = SignedRequest("voice.example.org", "/voice" + path, HEADERS)
    good = dict(signed_by_genesys(asked, parameters).headers)
    async with running(Config(telephony=telephony)) as server:
        async with server.client.ws_connect(path, headers=good) as socket:
            await socket.send_str(said("open", **OPEN))
            assert json.loads(await socket.receive_str())["type"] == "opened"
        another = {**OPEN, "inputVariables": {"token": KEY}}
        for headers in (
            good,
            {"X-API-KEY": KEY},
            {**good, "audiohook-session-id": "x"},
        ):
            async with server.client.ws_connect(path, headers=headers) as socket:
                await socket.send_str(said("open", **another))
                assert await closed(socket) == (1008, "")


async def test_what_is_no_stream_is_closed_with_a_reason() -> None:
    """Media before the start; a form there is none of; no JSON."""
    async with running() as server:
        for message in (
            '{"event":"media","media":{"payload":"AAAA"}}',
            start().replace("mulaw", "opus"),
            "{",
        ):
            async with server.client.ws_connect(PATH) as socket:
                await socket.send_str(message)
                assert (await closed(socket))[0] == 1008


async def test_a_full_server_is_busy() -> None:
    """The caller hears the tone; other services get 503, and so does a socket."""
    engines = fake_engines()
    async with running(engines=engines) as server:
        engines.overload.level = Load.FULL
        async with server.client.post(PATH, data=FORM) as answer:
            assert "<Reject" in await answer.text()
        for path in (PATH, "/v1/telephony/vonage"):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await server.client.ws_connect(path)
            assert refused.value.status == 503
        status, _ = await server.error("GET", "/v1/telephony/vonage?from=1&to=2")
        assert status == 503


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "code"),
    [
        ("POST", "/v1/telephony/acme", {}, 404, "not_found"),
        ("GET", "/v1/telephony/asterisk", {}, 426, "upgrade_required"),
        ("POST", PATH, {"json": [1]}, 400, "invalid_value"),
        ("POST", PATH, {"data": b"\xff"}, 400, "unsupported_media_type"),
    ],
)
async def test_what_is_no_webhook_is_told_so(
    method: str, path: str, content: dict[str, Any], status: int, code: str
) -> None:
    """With what to do."""
    async with running() as server:
        found, error = await server.error(method, path, **content)
        assert found == status
        assert error["code"] in (code, "invalid_json", "invalid_type")


async def test_vonage_is_answered_whether_it_asks_or_posts() -> None:
    """Its answer address is asked with GET unless one says otherwise."""
    async with running() as server:
        asked = {"from": "1", "to": "2", "uuid": "u"}
        path = "/v1/telephony/vonage"
        async with server.client.get(path, params=asked) as answer:
            (got,) = await answer.json()
        async with server.client.post(path, json=asked) as answer:
            (posted,) = await answer.json()
        assert got == posted
        assert got["endpoint"][0]["headers"] == {"from": "1", "to": "2"}
