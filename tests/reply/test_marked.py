"""Audio that the other side plays, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import numpy as np
import pytest

from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.events import Played
from voiceserver.reply.marked import AHEAD_S, OVERDUE_S, Marked
from voiceserver.reply.playout import Notices

SECOND = np.full(SPEECH_RATE, 0.3, np.float32)


class FakeLine:
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.n_samples = 0
        self.marks: list[str] = []
        self.clears = 0
        self.rests = 0
        self.loudest: list[float] = []

    def say(self, samples: Samples) -> None:
        self.n_samples += len(samples)
        self.loudest.append(float(samples.max()))

    def say_rest(self) -> None:
        self.rests += 1

    def mark(self, name: str) -> None:
        self.marks.append(name)

    def clear(self) -> None:
        self.clears += 1


def made(marks_all: bool = True) -> tuple[Marked, FakeLine, list[tuple[int, Played]]]:
    line, told = FakeLine(), list[tuple[int, Played]]()
    marked = Marked(VirtualClock().now_ns, line, marks_all)
    marked.report_to(Notices(lambda turn, state: told.append((turn, state))))
    return marked, line, told


def run(scenario: Coroutine[Any, Any, None]) -> None:
    run_virtual(scenario)


def test_what_was_played_is_told_by_marks() -> None:
    """Between two of them by the clock, and never beyond the next."""

    async def scenario() -> None:
        marked, line, told = made()
        marked.begin(1)
        await marked.put(1, SECOND[:7200])
        assert line.marks == ["1.2400", "1.4800", "1.7200"]
        assert told == [(1, Played.STARTED)]
        await asyncio.sleep(0.05)
        assert marked.played == pytest.approx(1200, abs=2)
        await asyncio.sleep(0.30)
        assert marked.played == 2400
        marked.returned("1.4800")
        assert marked.played == 4800
        await asyncio.sleep(0.05)
        assert marked.played == pytest.approx(6000, abs=2)
        assert marked.ahead_s == pytest.approx(0.05, abs=0.001)

    run(scenario())


def test_it_is_over_with_the_mark_behind_the_rest() -> None:
    """And that is told once."""

    async def scenario() -> None:
        marked, line, told = made()
        marked.begin(1)
        await marked.put(1, SECOND[:2400])
        marked.finish(1)
        marked.finish(1)
        assert line.rests == 1
        marked.returned("1.2400")
        assert len(told) == 1
        marked.returned(line.marks[-1])
        marked.returned(line.marks[-1])
        assert marked.over
        assert marked.played == 2400
        assert told == [(1, Played.STARTED), (1, Played.DONE)]

    run(scenario())


def test_only_the_end_is_marked_where_marks_are_dear() -> None:
    """The clock does the rest."""

    async def scenario() -> None:
        marked, line, told = made(marks_all=False)
        marked.begin(1)
        await marked.put(1, SECOND[:4800])
        assert not line.marks
        await asyncio.sleep(0.1)
        assert marked.played == pytest.approx(2400, abs=2)
        marked.finish(1)
        (end,) = line.marks
        marked.returned(end)
        assert told[-1] == (1, Played.DONE)

    run(scenario())


def test_a_voice_waits_while_half_a_second_is_ahead() -> None:
    """A mark that is overdue is given up, so it never waits for ever."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        marked, line, _ = made()
        marked.begin(1)
        began_s = loop.time()
        assert await marked.put(1, SECOND)
        # The first mark is given up after its time and the limit; then the next.
        assert loop.time() - began_s > OVERDUE_S
        assert line.n_samples == len(SECOND)
        assert marked.ahead_s <= AHEAD_S + 0.1

    run(scenario())


def test_an_interruption_clears_and_forgets() -> None:
    """What comes late of the old turn is dropped; its marks say nothing."""

    async def scenario() -> None:
        marked, line, told = made()
        marked.begin(1)
        putting = asyncio.ensure_future(marked.put(1, SECOND))
        await asyncio.sleep(0.1)
        marked.flush(2)
        assert line.clears == 1
        assert not await putting
        assert marked.played == 0
        marked.returned(line.marks[-1])
        assert not await marked.put(1, SECOND)
        assert told == [(1, Played.STARTED)]
        assert await marked.put(2, SECOND[:480])
        assert line.marks[-1] == "2.480"

    run(scenario())


def test_nothing_is_cleared_where_nothing_sounds() -> None:
    """Before the first audio, and after the last."""

    async def scenario() -> None:
        marked, line, _ = made()
        marked.begin(1)
        marked.flush(2)
        await marked.put(2, SECOND[:480])
        marked.finish(2)
        marked.returned(line.marks[-1])
        marked.flush(3)
        assert line.clears == 0

    run(scenario())


def test_a_pause_of_the_voice_is_not_played() -> None:
    """What comes after it begins to sound when it comes."""

    async def scenario() -> None:
        marked, line, _ = made()
        marked.begin(1)
        await marked.put(1, SECOND[:2400])
        await asyncio.sleep(0.1)
        marked.returned("1.2400")
        await asyncio.sleep(5)
        await marked.put(1, SECOND[:2400])
        assert marked.played == 2400
        await asyncio.sleep(0.05)
        assert marked.played == pytest.approx(3600, abs=2)
        assert line.marks[-1] == "1.4800"

    run(scenario())


def test_it_is_softer_while_an_overlap_is_unconfirmed() -> None:
    """From the next slice on."""

    async def scenario() -> None:
        marked, line, _ = made()
        marked.begin(1)
        await marked.put(1, SECOND[:2400])
        marked.duck(12.0)
        await marked.put(1, SECOND[:2400])
        marked.duck(0.0)
        await marked.put(1, SECOND[:2400])
        assert line.loudest == pytest.approx([0.3, 0.0754, 0.3], abs=0.001)

    run(scenario())


def test_a_reply_without_audio_has_no_end() -> None:
    """Nobody waits for it."""

    async def scenario() -> None:
        marked, line, told = made()
        marked.begin(1)
        marked.finish(1)
        assert not line.marks
        assert not told
        assert not marked.over

    run(scenario())
