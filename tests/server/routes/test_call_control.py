"""What is asked of one call over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from tests.server.access.test_webhook_signature import SECRET
from tests.server.running import OFFER, FakeCall, Running, running
from voiceserver.carriers.base import (
    Accepted,
    Alerting,
    Call,
    Caller,
    Declined,
    Exchange,
    Incoming,
)
from voiceserver.config import CallWebhookConfig, Config, SipConfig
from voiceserver.errors import BadRequest, CallRefused, VoiceServerError
from voiceserver.server.routes.call_control import ACTIONS

pytestmark = pytest.mark.net
PATH = "/v1/realtime/calls"
SESSION = {"instructions": "Be brief."}


@dataclass
class Line:
    """A carrier whose calls are asked about.

    Attributes:
        rings: Set to bring a call.
        decisions: About those that came.
        made: The calls that were taken.
        ids: Of them.
    """

    name: str = "line"
    rings: asyncio.Event = field(default_factory=asyncio.Event)
    decisions: list[Accepted | Declined] = field(default_factory=list)
    made: list[FakeCall] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    def bind(self) -> None:
        """There is no address."""

    def close(self) -> None:
        """Nor is one given back."""

    async def run(self, exchange: Exchange) -> None:
        """Bring a call whenever it rings."""
        while True:
            await self.rings.wait()
            self.rings.clear()
            await self._bring(exchange)

    async def _bring(self, exchange: Exchange) -> None:
        pending = exchange.pend(Alerting((("From", "them"),), SESSION))
        try:
            decision = await pending.decided()
            self.decisions.append(decision)
            if isinstance(decision, Accepted):
                who = Caller(session=decision.session, call_id=pending.call_id)
                self.ids.append((await exchange.place(self._make, who, OFFER))[0])
            pending.settled()
        except VoiceServerError as error:
            pending.settled(error)
        finally:
            pending.over()

    def _make(self, incoming: Incoming) -> FakeCall:
        self.made.append(FakeCall(incoming))
        return self.made[-1]


@dataclass
class Ringing:
    """A server, its line, and the ids of calls that its webhook was told of."""

    server: Running
    line: Line
    told: asyncio.Queue[str]

    async def ring(self) -> str:
        """Ring, and return the path of the call."""
        self.line.rings.set()
        async with asyncio.timeout(10):
            return f"{PATH}/{await self.told.get()}"

    async def ask(self, path: str, **sent: Any) -> int:
        async with self.server.client.post(path, **sent) as answer:
            return answer.status


@contextlib.asynccontextmanager
async def ringing(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Ringing, None]:
    """Run a server whose webhook is told of calls."""
    told: asyncio.Queue[str] = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        await told.put((await request.json())["data"]["call_id"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    monkeypatch.setenv("SECRET", SECRET)
    webhook = CallWebhookConfig(f"http://127.0.0.1:{port}/", "SECRET")
    config = replace(Config(), sip=SipConfig(webhook=webhook))
    line = Line()
    try:
        async with running(config, listeners=lambda _config: [line]) as server:
            yield Ringing(server, line, told)
    finally:
        await runner.cleanup()


async def test_a_call_is_accepted_rejected_and_hung_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each once; under the id that the webhook was told."""
    async with ringing(monkeypatch) as it:
        path = await it.ring()
        session = {"type": "realtime", "instructions": "Be kind."}
        assert await it.ask(f"{path}/accept", json=session) == 200
        assert f"{PATH}/{it.line.ids[0]}" == path
        assert it.line.made[0].session["instructions"] == "Be kind."
        status, error = await it.server.error("POST", f"{path}/accept", json={})
        assert (status, error["code"]) == (404, "call_not_found")
        assert await it.ask(f"{path}/hangup") == 200
        path = await it.ring()
        assert await it.ask(f"{path}/reject", json={"status_code": 486}) == 200
        path = await it.ring()
        assert await it.ask(f"{path}/reject") == 200
        path = await it.ring()
        assert await it.ask(f"{path}/hangup") == 200
        refused = [each for each in it.line.decisions if isinstance(each, Declined)]
        assert [each.status for each in refused] == [486, 603, 603]
        assert await it.ask(f"{path}/reject") == 404


@pytest.mark.parametrize(
    ("action", "sent", "code"),
    [
        ("accept", {"data": b"{", "headers": {}}, "unsupported_media_type"),
        ("accept", {"json": [1]}, "invalid_json"),
        ("reject", {"json": {"status_code": 200}}, "invalid_value"),
        ("reject", {"json": {"status_code": True}}, "invalid_value"),
        ("reject", {"json": {"status_code": "busy"}}, "invalid_value"),
        ("reject", {"data": b"nonsense"}, "invalid_json"),
    ],
)
async def test_what_cannot_be_asked_is_refused_and_it_rings_on(
    action: str, sent: dict[str, Any], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what to do."""
    async with ringing(monkeypatch) as it:
        path = await it.ring()
        _, error = await it.server.error("POST", f"{path}/{action}", **sent)
        assert error["code"] == code
        assert await it.ask(f"{path}/reject") == 200


class Transferred(FakeCall):
    """A call that can be transferred, to one number."""

    async def refer(self, wanted: str) -> None:
        if wanted == "tel:1":
            raise BadRequest("not in the trunk's dial", "not_allowed")
        if wanted == "tel:2":
            raise CallRefused("Decline", 603)

    async def connect(self, other: Call) -> None:
        if other is self:
            raise BadRequest("this is the same call", "invalid_destination")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"target_uri": "tel:3"}, 200, ""),
        ({"target_uri": "tel:1"}, 400, "not_allowed"),
        ({"target_uri": "tel:2"}, 502, "call_refused"),
        ({"target_uri": 7}, 400, "invalid_value"),
        ({}, 400, "invalid_value"),
    ],
)
async def test_a_call_is_transferred(
    body: dict[str, object], status: int, code: str
) -> None:
    """To where it may be, if the other side will."""
    async with running(webrtc=Transferred) as server:
        _, _, headers = await server.place()
        path = headers["Location"] + "/refer"
        async with server.client.post(path, json=body) as answer:
            assert answer.status == status
            if code:
                assert (await answer.json())["error"]["code"] == code


@pytest.mark.parametrize(
    ("who", "more", "status", "code"),
    [
        (1, {}, 200, ""),
        (0, {}, 400, "invalid_destination"),
        (None, {}, 400, "invalid_value"),
        (1, {"target_uri": "tel:3"}, 400, "invalid_value"),
    ],
)
async def test_two_calls_are_put_through_to_each_other(
    who: int | None, more: dict[str, object], status: int, code: str
) -> None:
    """By the other's id, and nothing else."""
    async with running(webrtc=Transferred) as server:
        paths = [(await server.place())[2]["Location"] for _ in range(2)]
        other = "rtc_none" if who is None else paths[who].rpartition("/")[2]
        body = {"call_id": other, **more}
        async with server.client.post(paths[0] + "/refer", json=body) as answer:
            assert answer.status == status
            if code:
                assert (await answer.json())["error"]["code"] == code


async def test_not_every_call_can_be_transferred() -> None:
    """A browser cannot call somebody else."""
    async with running() as server:
        _, _, headers = await server.place()
        path, body = headers["Location"] + "/refer", {"target_uri": "tel:3"}
        status, error = await server.error("POST", path, json=body)
        assert (status, error["code"]) == (400, "no_transfer")


async def test_a_call_that_is_none_is_not_found() -> None:
    """Where nobody is asked, too."""
    async with running() as server:
        for action in ACTIONS:
            path, body = f"{PATH}/rtc_none/{action}", {"target_uri": "tel:3"}
            status, error = await server.error("POST", path, json=body)
            assert (status, error["code"]) == (404, "call_not_found")
