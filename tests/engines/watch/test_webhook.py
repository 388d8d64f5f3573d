"""Alarms to an operator's URL, in virtual time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping

import pytest

from tests.virtual_time import run_virtual
from voiceserver.engines.providers.services.http import HttpResponse
from voiceserver.engines.watch.webhook import KEPT, Webhook
from voiceserver.errors import ProviderFailed

URL = "http://operator.example/alarms"


class FakeAnswer:
    """An answer with a status and nothing else."""

    content_type = ""
    headers: Mapping[str, str] = {}

    def __init__(self, status: int) -> None:
        self.status = status

    async def read(self) -> bytes:
        return b""

    async def settle(self) -> None:
        pass

    def close(self) -> None:
        pass


class FakeUrl:
    """Answers as it is told to; keeps what it was sent."""

    def __init__(self, answer: Callable[[int], int]) -> None:
        self.got: list[object] = []
        self._answer = answer

    async def send(
        self,
        source: str,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
    ) -> HttpResponse:
        assert (method, url) == ("POST", URL)
        self.got.append(json.loads(body))
        status = self._answer(len(self.got))
        if status == 0:
            await asyncio.Event().wait()
        if status < 0:
            raise ProviderFailed(source, "cannot be reached")
        return FakeAnswer(status)


def sent(url: FakeUrl, alarms: int, within_s: float) -> list[object]:
    """What the URL has got by then."""

    async def run() -> None:
        async with Webhook(URL, url) as hook:
            for number in range(alarms):
                hook.tell({"n": number})
            await asyncio.sleep(within_s)

    run_virtual(run())
    return url.got


def test_alarms_arrive_in_their_order() -> None:
    """Each once."""
    assert sent(FakeUrl(lambda _n: 204), 3, 1) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_one_that_failed_is_tried_again() -> None:
    """Then the next has its turn."""
    fails = {1: 500, 2: -1}
    got = sent(FakeUrl(lambda n: fails.get(n, 200)), 2, 60)
    assert got == [{"n": 0}, {"n": 0}, {"n": 0}, {"n": 1}]


def test_a_url_that_hangs_costs_its_alarms_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nobody waits for it; the oldest are dropped, and what is lost is logged."""
    got = sent(FakeUrl(lambda _n: 0), KEPT + 10, 60)
    assert got[0] == {"n": 10}
    assert 3 <= len(got) <= 9
    assert "an alarm could not be sent" in caplog.text
    assert URL not in caplog.text
