"""Random Realtime events, briefly: the long run is ``benchmarks.random_events``."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest
from multidict import CIMultiDict

from benchmarks.random_events import Account, Client, Event, Events, live
from tests.server.front.fronted import fronted
from tests.server.running import running
from tests.virtual_time import run_virtual
from voiceserver.engines.opened import Engines
from voiceserver.engines.stub import StubRecogniser, StubSpeech, StubText, StubVad

SECONDS = 3.0


def told(*events: Event) -> Counter[str]:
    account = Account()
    for event in events:
        account.take(event)
    return account.faults


def test_the_account_finds_what_must_not_be() -> None:
    """A response that ends twice, one beside another, words after the end."""
    begun = {"id": "r", "conversation_id": "c"}
    created: Event = {"type": "response.created", "response": begun}
    done: Event = {
        "type": "response.done",
        "response": {"id": "r", "status": "completed"},
    }
    delta: Event = {"type": "response.output_text.delta", "response_id": "r"}
    assert not told(created, delta, done)
    assert told(created, done, done) == {"response ends twice": 1}
    assert told(created, done, delta) == {f"{delta['type']} after its end": 1}
    assert told(done) == {"response ends that has not begun": 1}
    other: Event = {"type": "response.created", "response": begun | {"id": "s"}}
    assert told(created, other) == {"two responses of the conversation": 1}


def test_a_seed_says_what_is_sent() -> None:
    """So that what was found is found again."""
    drawn = [
        [event for _ in range(200) for event in Events(rng, Account()).some()]
        for rng in (random.Random(3), random.Random(3), random.Random(4))
    ]
    assert drawn[0] == drawn[1] != drawn[2]


class BusyServer:
    """A Realtime connection whose server is behind: an event read every 5 s.

    Replies beside the conversation last until they are cancelled by name.
    """

    closed = False
    close_code = 1000

    def __init__(self, *waiting: Event) -> None:
        self._sent: list[Event] = list(waiting)
        self._told: list[Event] = []
        self._n = 0

    async def __aenter__(self) -> BusyServer:
        return self

    async def __aexit__(self, *_: object) -> None: ...

    async def send_json(self, event: Event) -> None:
        self._sent.append(event)

    def __aiter__(self) -> BusyServer:
        return self

    async def __anext__(self) -> SimpleNamespace:
        while not self._told:
            await asyncio.sleep(5.0)
            if self._sent:
                self._read(self._sent.pop(0))
        return SimpleNamespace(data=json.dumps(self._told.pop(0)))

    def _read(self, event: Event) -> None:
        match event:
            case {"type": "response.create"}:
                self._n += 1
                self._tell("response.created", self._n)
                if "response" not in event:
                    self._tell("response.done", self._n)
            case {"type": "response.cancel", "response_id": named}:
                self._tell("response.done", named)
            case {"event_id": id}:
                self._told.append({"type": "error", "error": {"event_id": id}})

    def _tell(self, kind: str, name: object) -> None:
        response = {"id": name, "status": "cancelled"}
        self._told.append({"type": kind, "response": response})


def test_a_client_stops_what_begins_after_its_last_event() -> None:
    """Under load a server is seconds behind, and an aside sounds for minutes."""
    server = BusyServer(*[{"type": "response.create", "response": {}}] * 3)
    session = cast(Any, SimpleNamespace(ws_connect=lambda *_, **__: server))
    client = Client(session, "http://there", seed=1)
    account = run_virtual(client.live(0.0))
    assert not account.faults
    assert account.n_done == 4


@pytest.mark.parametrize(("status", "faults"), [(503, 0), (500, 1)])
def test_a_busy_server_is_asked_again_later(status: int, faults: int) -> None:
    """It says when; no other refusal is expected."""
    about = cast(Any, SimpleNamespace(real_url="ws://there"))
    headers = CIMultiDict({"Retry-After": "5"})

    def refuse(*_: object, **__: object) -> BusyServer:
        raise aiohttp.WSServerHandshakeError(about, (), status=status, headers=headers)

    session = cast(Any, SimpleNamespace(ws_connect=refuse))
    account = run_virtual(Client(session, "http://there", seed=1).live(0.0))
    assert account.refused == (not faults)
    assert account.faults.total() == faults


@pytest.mark.net
@pytest.mark.parametrize("workers", [1, 2])
async def test_every_response_ends_once_and_nothing_is_left(
    workers: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Four clients at a time; tasks and files are counted when the server has ended."""
    engines = Engines(StubVad(), StubRecogniser(), StubText(), StubSpeech())
    if workers == 1:
        async with running(engines=engines) as alone:
            await _lived(alone.url)
    else:
        async with fronted(workers, engines=engines) as server:
            await _lived(server.url)
            assert not len(server.front.room)
            assert not any(worker.n_calls for worker in server.front.workers)
    raised = [record.getMessage() for record in caplog.records if record.exc_info]
    assert not raised


async def _lived(url: str) -> None:
    before = len(asyncio.all_tasks())
    accounts = await live(url, SECONDS, seed=7, stays_s=1.5)
    faults = sum((account.faults for account in accounts), Counter[str]())
    assert not faults, [account.examples for account in accounts]
    assert sum(account.n_done for account in accounts)
    async with asyncio.timeout(10):
        while len(asyncio.all_tasks()) > before:  # noqa: ASYNC110 - of the server
            await asyncio.sleep(0.05)
