"""Calls that ring, and the URL that is told of them, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.engines.watch.test_webhook import FakeAnswer
from tests.server.access.test_webhook_signature import SECRET
from tests.virtual_time import run_virtual
from voiceserver.carriers.base import Accepted, Alerting, Declined
from voiceserver.config import CallWebhookConfig
from voiceserver.engines.providers.services.http import HttpResponse
from voiceserver.errors import (
    BadRequest,
    ConfigError,
    Overloaded,
    ProviderFailed,
    SessionEnded,
)
from voiceserver.server.access.webhook_signature import secret_of, signed
from voiceserver.server.pending_calls import PendingCalls

URL = "http://app.example/calls"
NOW_S = 1_750_000_000.0
SET = {"SECRET": SECRET}
RINGS = Alerting(
    (("From", "<sip:1@h>"), ("X-Order", "7"), ("X-Order", "8")),
    {"instructions": "Be brief.", "audio": {"output": {"voice": "marin"}}},
    "192.0.2.7",
    encrypted=False,
)


@dataclass
class App:
    """The URL; answers by the number of the try.

    Attributes:
        got: Time, headers and body of each.
    """

    answer: Callable[[int], int] = lambda n: 200
    got: list[tuple[float, Mapping[str, str], bytes]] = field(default_factory=list)

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        assert (method, url) == ("POST", URL)
        now_s = asyncio.get_running_loop().time()
        self.got.append((now_s, headers, body))
        status = self.answer(len(self.got))
        if status == 0:
            await asyncio.Event().wait()
        if status < 0:
            raise ProviderFailed(source, "cannot be reached")
        return FakeAnswer(status)


Scenario = Callable[[PendingCalls], Coroutine[Any, Any, None]]


def told(
    scenario: Scenario, app: App | None = None, **settings: Any
) -> list[tuple[float, Mapping[str, str], bytes]]:
    """Run a scenario; return what the URL got."""
    app = app or App()
    config = CallWebhookConfig(URL, "SECRET", **settings)

    async def run() -> None:
        calls = PendingCalls(config, SET, app, lambda: NOW_S)
        async with asyncio.TaskGroup() as group:
            running = group.create_task(calls.run())
            await asyncio.sleep(0)
            await scenario(calls)
            assert not len(calls)
            running.cancel()

    run_virtual(run())
    return app.got


def test_the_url_is_told_of_a_call_and_may_take_it() -> None:
    """As what it asks for, laid over what it would be; signed."""

    async def scenario(calls: PendingCalls) -> None:
        pending = calls.pend("rtc_1", RINGS)
        await asyncio.sleep(1)
        assert calls.find("rtc_1") is pending
        async with asyncio.TaskGroup() as group:
            session = {"audio": {"input": {}}, "instructions": "Be kind."}
            accepting = group.create_task(pending.accept(session))
            decision = await pending.decided()
            assert decision == Accepted(
                {
                    "instructions": "Be kind.",
                    "audio": {"output": {"voice": "marin"}, "input": {}},
                },
                attended=False,
            )
            assert not accepting.done()
            pending.settled()
        pending.over()

    ((at_s, headers, body),) = told(scenario)
    assert at_s == 0
    event = json.loads(body)
    assert event == {
        "id": event["id"],
        "object": "event",
        "created_at": int(NOW_S),
        "type": "realtime.call.incoming",
        "data": {
            "call_id": "rtc_1",
            "sip_headers": [
                {"name": "From", "value": "<sip:1@h>"},
                {"name": "X-Order", "value": "7"},
                {"name": "X-Order", "value": "8"},
            ],
            "sip_media_security": "rtp",
        },
    }
    secret = secret_of(SECRET)
    assert secret is not None
    assert headers["webhook-id"] == event["id"]
    assert headers.items() >= signed(secret, event["id"], int(NOW_S), body).items()


def test_a_url_that_fails_is_told_again_until_it_has_heard() -> None:
    """After longer and longer waits, the same event each time."""
    answers = {1: -1, 2: 500, 3: 404}

    async def scenario(calls: PendingCalls) -> None:
        pending = calls.pend("rtc_1", RINGS)
        await asyncio.sleep(30)
        pending.over()

    got = told(scenario, App(lambda n: answers.get(n, 200)))
    assert [at_s for at_s, _, _ in got] == [0, 0.5, 1.5, 3.5]
    assert len({body for _, _, body in got}) == 1


def test_a_url_that_hangs_is_given_up_and_asked_again() -> None:
    """Five seconds each; nobody is told any more once the call is over."""

    async def scenario(calls: PendingCalls) -> None:
        pending = calls.pend("rtc_1", RINGS)
        await asyncio.sleep(7)
        pending.over()
        await asyncio.sleep(60)

    got = told(scenario, App(lambda n: 0))
    assert [at_s for at_s, _, _ in got] == [0, 5.5]


@pytest.mark.parametrize(
    ("undecided", "expected"),
    [
        ("answer", Accepted(RINGS.session, attended=True)),
        ("refuse", Declined(480)),
    ],
)
def test_where_nobody_decides_the_settings_do(undecided: str, expected: object) -> None:
    """After the limit; it is too late then."""

    async def scenario(calls: PendingCalls) -> None:
        pending = calls.pend("rtc_1", RINGS)
        assert await pending.decided() == expected
        assert asyncio.get_running_loop().time() == 3
        assert calls.find("rtc_1") is None
        with pytest.raises(SessionEnded):
            await pending.accept({})

    told(scenario, limit_s=3.0, undecided=undecided)


def test_who_takes_it_is_told_that_it_cannot_be_and_may_try_again() -> None:
    """Within the same limit."""

    async def scenario(calls: PendingCalls) -> None:
        pending = calls.pend("rtc_1", RINGS)

        async def program() -> None:
            with pytest.raises(BadRequest, match="no such voice"):
                await pending.accept({"audio": {"output": {"voice": "nobody"}}})
            await pending.accept({})

        async with asyncio.TaskGroup() as group:
            group.create_task(program())
            await pending.decided()
            pending.settled(BadRequest("no such voice"))
            assert isinstance(await pending.decided(), Accepted)
            pending.settled()
        pending.over()

    told(scenario)


def test_the_first_decision_holds() -> None:
    """And who decides about a caller that gives up is told so."""

    async def scenario(calls: PendingCalls) -> None:
        pending = calls.pend("rtc_1", RINGS)

        async def program() -> None:
            with pytest.raises(SessionEnded, match="gave up"):
                await pending.decline(486)

        async with asyncio.TaskGroup() as group:
            group.create_task(program())
            assert await pending.decided() == Declined(486)
            with pytest.raises(SessionEnded, match="already"):
                await pending.accept({})
            pending.over()
            pending.over()

    told(scenario)


def test_a_fault_in_telling_is_one_calls() -> None:
    """The others are told."""

    def broken(n: int) -> int:
        if n == 1:
            raise ZeroDivisionError
        return 200

    async def scenario(calls: PendingCalls) -> None:
        for call_id in ("rtc_1", "rtc_2"):
            pending = calls.pend(call_id, RINGS)
            await asyncio.sleep(1)
            pending.over()

    assert len(told(scenario, App(broken))) == 2


def test_without_a_url_nobody_is_asked() -> None:
    """And while the server starts or ends, nothing rings."""

    async def run() -> None:
        calls = PendingCalls(CallWebhookConfig(), {})
        assert not calls.asks
        await calls.run()
        with pytest.raises(Overloaded):
            calls.pend("rtc_1", RINGS)

    run_virtual(run())


@pytest.mark.parametrize("secret", [None, "", "hunter2"])
def test_a_secret_is_needed(secret: str | None) -> None:
    """The message says how one is made, and does not show what was there."""
    environment = {} if secret is None else {"SECRET": secret}
    with pytest.raises(ConfigError, match="openssl rand") as refused:
        PendingCalls(CallWebhookConfig(URL, "SECRET"), environment)
    assert "hunter2" not in str(refused.value)
