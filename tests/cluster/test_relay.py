"""Jobs and their leases, in virtual time: what is told, and that all are given back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from tests.virtual_time import run_virtual
from voiceserver.cluster.relay import Relay, ReplicaLost
from voiceserver.processes.ipc import Kind, Message

OPEN = Message(Kind.OPEN, 1, 7, {"voice": "alloy"})


class Fleet:
    """One place after a second; what it tells is put into it."""

    def __init__(self, wrong: Exception | None = None) -> None:
        self.wrong = wrong
        self.leased = 0
        self.sent: list[list[Kind]] = []
        self.told: asyncio.Queue[Sequence[Message] | Exception] = asyncio.Queue()

    @asynccontextmanager
    async def lease(self) -> AsyncGenerator[Fleet, None]:
        await asyncio.sleep(1)
        if self.wrong is not None:
            raise self.wrong
        self.leased += 1
        try:
            yield self
        finally:
            self.leased -= 1

    def send(self, messages: Sequence[Message]) -> None:
        assert not any(message.slot for message in messages)
        self.sent.append([message.kind for message in messages])

    async def results(self) -> AsyncGenerator[Sequence[Message], None]:
        while True:
            told = await self.told.get()
            if isinstance(told, Exception):
                raise told
            yield told
            if told[-1].kind is not Kind.ITEM:
                return


def relayed(
    scenario: Callable[[Relay, list[Message]], Awaitable[None]], fleet: Fleet
) -> list[Kind]:
    """Run a scenario; return what the server was told."""
    sent: list[Message] = []

    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            relay = Relay(sent.append, fleet, group)
            await scenario(relay, sent)
            relay.stop()
        assert fleet.leased == 0

    run_virtual(run())
    assert all((one.slot, one.generation) == (1, 7) for one in sent)
    return [message.kind for message in sent]


def test_what_comes_before_the_lease_goes_with_the_opening() -> None:
    """And what comes in one moment goes together."""
    fleet = Fleet()

    async def scenario(relay: Relay, sent: list[Message]) -> None:
        relay.receive(OPEN)
        relay.receive(Message(Kind.PUSH, 1, 7, body=b"hello"))
        await asyncio.sleep(2)
        relay.receive(Message(Kind.FINISH, 1, 7))
        relay.receive(Message(Kind.CREDIT, 1, 7, {"items": 1}))
        await asyncio.sleep(0.1)
        fleet.told.put_nowait([Message(Kind.ITEM), Message(Kind.END)])
        await asyncio.sleep(0.1)
        assert relay.jobs == 0

    assert relayed(scenario, fleet) == [Kind.ITEM, Kind.END]
    assert fleet.sent == [[Kind.OPEN, Kind.PUSH], [Kind.FINISH, Kind.CREDIT]]


def test_a_cancel_is_acknowledged_at_once_and_gives_the_lease_back() -> None:
    """Also where there is none yet; what is told afterwards goes nowhere."""
    for before_s in (0.5, 1.5):

        async def scenario(
            relay: Relay, sent: list[Message], before_s: float = before_s
        ) -> None:
            relay.receive(OPEN)
            await asyncio.sleep(before_s)
            relay.receive(Message(Kind.CANCEL, 1, 7))
            assert sent[-1].kind is Kind.CANCELLED
            relay.receive(Message(Kind.CANCEL, 1, 7))
            relay.receive(Message(Kind.PUSH, 1, 7, body=b"late"))
            await asyncio.sleep(5)

        fleet = Fleet()
        fleet.told.put_nowait([Message(Kind.ITEM)])
        told = relayed(scenario, fleet)
        assert told[-1] is Kind.CANCELLED
        assert told.count(Kind.CANCELLED) == 1


def test_whatever_goes_wrong_the_job_may_be_asked_again() -> None:
    """A replica that dies, none to be had, or a fault of the cluster's own."""

    async def scenario(relay: Relay, sent: list[Message]) -> None:
        relay.receive(OPEN)
        await asyncio.sleep(5)
        assert relay.jobs == 0

    for wrong in (ReplicaLost("no replica had a place"), KeyError("secret")):
        assert relayed(scenario, Fleet(wrong)) == [Kind.LOST]
        dying = Fleet()
        dying.told.put_nowait([Message(Kind.ITEM)])
        dying.told.put_nowait(wrong)
        assert relayed(scenario, dying) == [Kind.ITEM, Kind.LOST]


def test_a_server_that_is_gone_leaves_no_lease() -> None:
    """Nobody is told anything more."""

    async def scenario(relay: Relay, sent: list[Message]) -> None:
        relay.receive(OPEN)
        await asyncio.sleep(2)

    assert relayed(scenario, Fleet()) == []
