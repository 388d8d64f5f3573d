"""Watches a turn for silence: says when a filler is due, and at which stage.

Past the text's soft limit, or when whoever is asked has mostly begun; and at the last
moment of the turn's deadline, whichever stage is late. Only waits; what a filler is,
is not known here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from voiceserver.budget import Step, TurnLedger
from voiceserver.reply.answer import Answer


@dataclass(frozen=True, slots=True)
class Watched:
    """What is watched of a reply.

    Attributes:
        ledger: Of its turn.
        committed: Set when the turn is over.
        answering: Set when the answer to be spoken is being made.
        answer: Returns that answer.
        now_ns: The session's clock.
    """

    ledger: TurnLedger
    committed: asyncio.Event
    answering: asyncio.Event
    answer: Callable[[], Answer]
    now_ns: Callable[[], int]


async def filler_due(turn: Watched) -> Step | None:
    """Wait until a filler is due; return the rung it is, or None if none will be."""
    await turn.committed.wait()
    ledger, now_ns = turn.ledger, turn.now_ns
    last_ns = ledger.deadline_ns - ledger.config.egress_ms * 1_000_000
    if not await _by(turn.answering, last_ns - now_ns()):
        return Step.FILLER
    answer = turn.answer()
    began_ns = now_ns()
    while not answer.worded.is_set():  # who is asked may become known meanwhile
        due_ns = min(ledger.filler_ns(began_ns), last_ns)
        if due_ns <= now_ns():
            return Step.FILLER
        await _by(answer.worded, due_ns - now_ns())
    if not await _by(answer.sounded, last_ns - now_ns()):
        return Step.SPEECH_FILLER
    return None


async def _by(event: asyncio.Event, wait_ns: int) -> bool:
    """Wait for ``event`` so long; return whether it came."""
    try:
        async with asyncio.timeout(wait_ns / 1e9):
            await event.wait()
    except TimeoutError:
        return False
    return True
