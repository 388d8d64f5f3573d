"""When a filler is due."""

from __future__ import annotations

import asyncio

import pytest

from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.budget import Step, TurnLedger
from voiceserver.config import BudgetConfig
from voiceserver.reply.filler import Watched, filler_due


class FakeAnswer:
    """Has its first clause and its first audio at set times."""

    def __init__(self) -> None:
        self.worded, self.sounded = asyncio.Event(), asyncio.Event()


@pytest.mark.parametrize(
    ("answering_ms", "worded_ms", "sounded_ms", "step", "at_ms"),
    [
        (40, 300, 400, None, 400),
        (40, 500, 600, Step.FILLER, 460),  # 420 after the text began
        (300, 900, 950, Step.FILLER, 635),  # 65 are kept for speech and egress
        (900, 950, 999, Step.FILLER, 660),  # recognition: the last moment
        (40, 300, 900, Step.SPEECH_FILLER, 660),
    ],
)
def test_it_is_due_at_the_soft_limit_or_at_the_last_moment(
    answering_ms: int, worded_ms: int, sounded_ms: int, step: Step | None, at_ms: int
) -> None:
    """Of 700 ms, 40 are left for it to be taken by the carrier."""

    async def scenario() -> tuple[Step | None, float]:
        loop = asyncio.get_running_loop()
        answer, answering, committed = FakeAnswer(), asyncio.Event(), asyncio.Event()
        committed.set()
        for event, ms in (
            (answering, answering_ms),
            (answer.worded, worded_ms),
            (answer.sounded, sounded_ms),
        ):
            loop.call_later(ms / 1000, event.set)
        ledger = TurnLedger(1, BudgetConfig(), 0)
        clock = VirtualClock()
        due = await filler_due(
            Watched(ledger, committed, answering, lambda: answer, clock.now_ns)  # type: ignore[arg-type, return-value]
        )
        return due, loop.time() * 1000

    due, now_ms = run_virtual(scenario())
    assert due is step
    assert now_ms == pytest.approx(at_ms, abs=1)


@pytest.mark.parametrize(
    ("clause_by_ms", "worded_ms", "step", "at_ms"),
    [
        (550, 540, None, 600),  # a little slow, every time: no filler
        (550, 900, Step.FILLER, 550),  # slower than it mostly is
        (300, 900, Step.FILLER, 460),  # quick, mostly: as ever
        (900, 900, Step.FILLER, 460),  # too slow for the turn: no use to wait
    ],
)
def test_who_is_steadily_a_little_slow_is_waited_for(
    clause_by_ms: int, worded_ms: int, step: Step | None, at_ms: int
) -> None:
    """As long as nine in ten of its answers take, while the turn can be in time."""

    async def scenario() -> tuple[Step | None, float]:
        loop = asyncio.get_running_loop()
        answer, answering, committed = FakeAnswer(), asyncio.Event(), asyncio.Event()
        committed.set()
        ledger = TurnLedger(1, BudgetConfig(), 0)

        def known() -> None:
            ledger.clause_by_ns = clause_by_ms * 1_000_000

        loop.call_later(0.04, answering.set)
        loop.call_later(0.05, known)  # a moment after the text is begun
        loop.call_later(worded_ms / 1000, answer.worded.set)
        loop.call_later(0.6, answer.sounded.set)
        clock = VirtualClock()
        due = await filler_due(
            Watched(ledger, committed, answering, lambda: answer, clock.now_ns)  # type: ignore[arg-type, return-value]
        )
        return due, loop.time() * 1000

    due, now_ms = run_virtual(scenario())
    assert due is step
    assert now_ms == pytest.approx(at_ms, abs=1)


def test_nothing_is_due_before_the_commit() -> None:
    """A reply begun on a guess is silent."""

    async def scenario() -> None:
        event = asyncio.Event()
        ledger = TurnLedger(0, BudgetConfig(), 0)
        watched = Watched(ledger, event, event, FakeAnswer, VirtualClock().now_ns)  # type: ignore[arg-type]
        async with asyncio.timeout(10):
            await filler_due(watched)

    with pytest.raises(TimeoutError):
        run_virtual(scenario())
