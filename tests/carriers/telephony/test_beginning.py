"""How a stream begins."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.carriers.telephony.service import START, TwilioService
from tests.virtual_time import run_virtual
from voiceserver.carriers.telephony.beginning import beginning
from voiceserver.carriers.telephony.messages import Started
from voiceserver.carriers.telephony.services import SERVICES
from voiceserver.errors import BadRequest, SessionEnded


def begun(*messages: str | None) -> Started:
    async def read() -> Started:
        service = TwilioService()
        for message in messages:
            service.put(message)
        return await beginning(service, SERVICES["twilio"].framing())

    return run_virtual(read())


CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'


def test_a_greeting_comes_before_the_start() -> None:
    """And says nothing."""
    assert begun(CONNECTED, json.dumps(START)).called == "+15550100"


def test_a_stream_that_does_not_begin_is_given_up() -> None:
    """After five seconds."""
    with pytest.raises(BadRequest, match="within 5 s"):
        begun(CONNECTED)


def test_a_stream_that_says_much_else_is_given_up() -> None:
    """It is none of the service."""
    with pytest.raises(BadRequest, match="first messages"):
        begun(*[CONNECTED] * 20)


@pytest.mark.parametrize("last", [None, '{"event":"stop"}'])
def test_a_caller_may_be_gone_already(last: str | None) -> None:
    """That is no fault."""
    with pytest.raises(SessionEnded):
        begun(CONNECTED, last)


def test_media_before_the_start_is_refused() -> None:
    """Something of the beginning was lost."""
    with pytest.raises(BadRequest, match="media came before start"):
        begun('{"event":"media","media":{"payload":"AAAA"}}')


def test_waiting_can_be_cancelled() -> None:
    """As the server does when it ends."""

    async def cancelled() -> None:
        task = asyncio.ensure_future(
            beginning(TwilioService(), SERVICES["twilio"].framing())
        )
        await asyncio.sleep(1)
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()

    run_virtual(cancelled())
