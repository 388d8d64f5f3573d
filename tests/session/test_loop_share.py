"""What a sender takes of the event loop, it waits for."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes import Call
from tests.virtual_time import StallingClock, run_virtual
from voiceserver.commands import Command
from voiceserver.session.loop_share import BURST_MS, PART, LoopShare


class _Hands:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = self.computed = 0

    def now_ns(self) -> int:
        return self.now

    def computed_ns(self) -> int:
        return self.computed


@given(st.lists(st.floats(0, 50), min_size=1, max_size=60))
def test_a_sender_has_its_part_whatever_it_sends(steps_ms: list[float]) -> None:
    """Beyond the burst, a tenth: what was taken is no more than the time allows."""
    clock = _Hands()
    share = LoopShare(clock)
    taken_ms = 0.0
    for step_ms in steps_ms:
        clock.now += round(share.wait_s() * 1e9)
        assert taken_ms <= BURST_MS + clock.now / 1e6 / PART + 1e-3
        with share.taken():
            clock.now += round(step_ms * 1e6)
            clock.computed += round(step_ms * 1e6)
        taken_ms += step_ms


def test_a_busy_machine_is_no_senders_fault() -> None:
    """A minute that others had counts for nothing; what was computed counts."""
    clock = _Hands()
    share = LoopShare(clock)
    with share.taken():
        clock.now += 60 * 10**9
        clock.computed += 70 * 10**6
    assert share.wait_s() == pytest.approx((70 - BURST_MS) * PART / 1000)


def test_a_message_that_took_long_is_paid_for_before_the_next() -> None:
    """Twenty that take 10 ms each: some 0.2 s of the loop, so 1 s and more in all.

    Whoever listens beside pays for what it sends itself: it is not kept waiting.
    """
    clock = StallingClock()
    call = Call(clock=clock)

    def receive(text: str, sender: int = 0, active: int = 0) -> Iterator[Command]:
        clock.stalled_ms += 10 if sender == 0 else 0
        return iter(())

    call.dialect.receive = receive  # type: ignore[method-assign]
    ended_s: dict[int, float] = {}

    async def send(sender: int) -> None:
        for _ in range(20):
            await call.session.door.deliver("x" * 5_000, sender)
        ended_s[sender] = asyncio.get_running_loop().time()

    async def scenario() -> None:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(call.session.run())
            beside = call.session.door.attach(lambda _: None, lambda: None, {})
            async with asyncio.TaskGroup() as senders:
                senders.create_task(send(0))
                senders.create_task(send(beside))
            running.cancel()
            await asyncio.wait({running})

    run_virtual(scenario())
    assert ended_s.pop(0) > 1.0
    assert ended_s.popitem()[1] < 0.1
