"""``/v1/calls``: calls that the server makes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping

import pytest

from tests.server.running import FakeCall, running
from voiceserver.carriers.base import Caller, Dialler, Exchange, Wanted
from voiceserver.cli.call import CallOrder, _call
from voiceserver.config import Config, ServerConfig
from voiceserver.errors import BadRequest, CallRefused

pytestmark = pytest.mark.net

LEAVES = {"to": "200", "machine_detection": "message", "message": "Call back."}


class FakeDialler:
    """A carrier whose calls are taken at once."""

    name = "fake"

    def __init__(self) -> None:
        self.wanted: list[Wanted] = []
        self.states_of: dict[str, list[str]] = {}
        self._exchange: Exchange | None = None

    def bind(self) -> None:
        pass

    async def run(self, exchange: Exchange) -> None:
        self._exchange = exchange
        await asyncio.Event().wait()

    def close(self) -> None:
        pass

    async def dial(self, wanted: Wanted) -> Mapping[str, object]:
        self.wanted.append(wanted)
        if wanted.to == "nowhere":
            raise CallRefused("There is no host.", 502)
        if wanted.to == "0900":
            raise BadRequest("Nobody may be called there.", "not_allowed", "to")
        assert self._exchange is not None
        call_id, _ = await self._exchange.place(
            FakeCall, Caller(wanted.place, wanted.key), "v=0\r\n"
        )
        return {"id": call_id, "state": "calling"}

    def find(self, call_id: str) -> Mapping[str, object] | None:
        return {"id": call_id, "state": "answered"} if "rtc" in call_id else None

    async def states(self, call_id: str) -> AsyncGenerator[Mapping[str, object], None]:
        yield {"id": call_id, "state": "calling"}
        assert self._exchange is not None
        await self._exchange.ended(call_id)
        yield {"id": call_id, "state": "ended", "result": "completed"}


async def test_a_call_is_made_shown_told_and_ended() -> None:
    """201 with its address; its events end with the call."""
    fake = FakeDialler()
    assert isinstance(fake, Dialler)
    async with running(listeners=lambda _config: [fake]) as server:
        asked = {"to": "200", "from": "100", "session": {"instructions": "Sell."}}
        async with server.client.post("/v1/calls", json=asked) as answer:
            assert answer.status == 201
            path = answer.headers["Location"]
            assert path == f"/v1/calls/{(await answer.json())['id']}"
        assert fake.wanted[0].caller == "100"
        assert (fake.wanted[0].detection, fake.wanted[0].message) == ("none", "")
        assert fake.wanted[0].session == {"instructions": "Sell."}
        async with server.client.get(path) as answer:
            assert (await answer.json())["state"] == "answered"
        async with server.client.get(path + "/events") as events:
            assert events.content_type == "text/event-stream"
            first = await events.content.readuntil(b"\n\n")
            assert json.loads(first.removeprefix(b"data: "))["state"] == "calling"
            async with server.client.delete(path) as answer:
                assert answer.status == 204
            assert b"ended" in await events.content.read()


async def test_what_cannot_be_made_is_refused() -> None:
    """With the reason, before it takes a place."""
    async with running(listeners=lambda _config: [FakeDialler()]) as server:
        for asked, status, code in (
            ({"to": "nowhere"}, 502, "call_refused"),
            ({"to": "0900"}, 400, "not_allowed"),
            ({}, 400, "invalid_value"),
            ({"to": 200}, 400, "invalid_value"),
            ({"to": "2" * 300}, 400, "invalid_value"),
            ({"to": "200", "session": []}, 400, "invalid_value"),
            ({"to": "200", "sesion": {}}, 400, "unknown_field"),
            ({"to": "200", "machine_detection": "maybe"}, 400, "invalid_value"),
            ({"to": "200", "machine_detection": 1}, 400, "invalid_value"),
            ({"to": "200", "machine_detection": ["none"]}, 400, "invalid_value"),
            ({"to": "200", "message": "Hello."}, 400, "invalid_value"),
            (LEAVES | {"message": 5}, 400, "invalid_value"),
            (LEAVES | {"message": "a" * 1001}, 400, "invalid_value"),
            (LEAVES | {"machine_detection": "hang_up"}, 400, "invalid_value"),
        ):
            told, error = await server.error("POST", "/v1/calls", json=asked)
            assert (told, error["code"]) == (status, code)
        told, _ = await server.error("GET", "/v1/calls/none")
        assert told == 404
    async with running() as server:
        told, error = await server.error("POST", "/v1/calls", json={"to": "200"})
        assert (told, error["code"]) == (404, "not_configured")


async def test_the_command_line_asks_the_server(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And follows the call; without a server it says what to do."""
    fake = FakeDialler()
    async with running(listeners=lambda _config: [fake], max_call_s=1) as server:
        port = int(server.url.rpartition(":")[2].strip("/"))
        config = Config(server=ServerConfig(port=port))
        assert await _call(config, CallOrder("200", "100", "pbx", "Sell."))
        assert capsys.readouterr().out == "calling\nended: completed\n"
        left = CallOrder("200", machine="message", message="Call back.")
        assert await _call(config, left)
        assert (fake.wanted[-1].detection, fake.wanted[-1].message) == (
            "message",
            "Call back.",
        )
        with pytest.raises(BadRequest, match="Nobody may"):
            await _call(config, CallOrder("0900"))
    with pytest.raises(CallRefused, match="voiceserver serve"):
        await _call(config, CallOrder("200"))
