"""Whose frame is due, and when."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

import pytest
import uvloop

from tests.virtual_time import StallingClock, VirtualClock, run_virtual
from voiceserver.clock import MonotonicClock
from voiceserver.loop_turns import LoopTurn
from voiceserver.media import pacing
from voiceserver.media.pacing import Lateness, Pacer


class Beat:
    """When something was due, in ms, and what was left out."""

    def __init__(self, clock: StallingClock | None = None) -> None:
        self.clock = clock or StallingClock()
        self.at_ms: list[float] = []
        self.left_out: list[int] = []
        self.pacer = Pacer(self._due, self.left_out.append, self.clock)

    def _due(self) -> None:
        self.at_ms.append(round(self.clock.now_ns() / 1e6, 3))


def test_the_deadlines_do_not_drift() -> None:
    """20 ms apart, on a grid that all calls share."""

    async def run() -> Beat:
        await asyncio.sleep(1.0123)
        beat = Beat()
        beat.pacer.start()
        await asyncio.sleep(0.07)
        beat.pacer.stop()
        await asyncio.sleep(1)
        return beat

    assert run_virtual(run()).at_ms == [1015, 1035, 1055, 1075]


async def stalled_beat(by_ms: int) -> Beat:
    """Two frames on time; then nothing runs for a while."""
    await asyncio.sleep(1)
    beat = Beat()
    beat.pacer.start()
    await asyncio.sleep(0.03)
    beat.clock.stalled_ms = by_ms
    await asyncio.sleep(0.055)
    beat.pacer.stop()
    return beat


def test_a_short_delay_is_made_up_for() -> None:
    """45 ms late: two frames at once besides the one that is due."""
    beat = run_virtual(stalled_beat(45))
    assert beat.at_ms == [1000, 1020, 1085, 1085, 1085, 1100, 1120]
    assert beat.left_out == []


def test_a_long_one_is_left_out() -> None:
    """85 ms late: four frame times are told as lost before the next is due."""
    beat = run_virtual(stalled_beat(85))
    assert beat.at_ms == [1000, 1020, 1125, 1140, 1160]
    assert beat.left_out == [4]


def test_what_raises_does_not_stop_the_pace() -> None:
    """The next frame has its time before this one's work is done."""
    seen: list[int] = []

    def broken() -> None:
        seen.append(1)
        raise ZeroDivisionError

    async def run() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _context: None)
        pacer = Pacer(broken, seen.append, VirtualClock())
        pacer.start()
        await asyncio.sleep(0.05)
        pacer.stop()

    run_virtual(run())
    assert seen == [1, 1, 1]


async def beats(n_calls: int, clock: StallingClock) -> list[Beat]:
    """Calls that begin 1 ms after each other."""
    made = []
    for _ in range(n_calls):
        made.append(Beat(clock))
        made[-1].pacer.start()
        await asyncio.sleep(0.001)
    return made


def test_calls_that_are_due_together_wake_the_loop_once() -> None:
    """One timer for all, whoever begins and ends."""
    n_timers = 0

    async def run() -> list[Beat]:
        nonlocal n_timers
        loop, clock = asyncio.get_running_loop(), StallingClock()
        call_at = loop.call_at

        def counted(*args: object, **more: object) -> asyncio.TimerHandle:
            nonlocal n_timers
            n_timers += 1
            return call_at(*args, **more)  # type: ignore[arg-type]

        made = await beats(40, clock)
        loop.call_at = counted  # type: ignore[method-assign]
        await asyncio.sleep(0.2)
        for beat in made:
            beat.pacer.stop()
        await asyncio.sleep(0.2)
        return made

    made = run_virtual(run())
    assert n_timers <= 200 / 5 + 4
    for beat in made:
        gaps = {
            later - earlier
            for earlier, later in zip(beat.at_ms, beat.at_ms[1:], strict=False)
        }
        assert gaps == {20}


def test_what_is_late_goes_before_what_may_wait() -> None:
    """In the midst of a turn of the loop, before its timers are looked at."""

    async def run() -> tuple[list[float], list[float]]:
        await asyncio.sleep(1)
        clock, turn = StallingClock(), LoopTurn()
        (beat,) = await beats(1, clock)
        before = list(beat.at_ms)
        assert turn.has_room(clock)
        on_time = list(beat.at_ms)
        clock.stalled_ms = 25  # no timer is run in this turn of the loop
        assert not turn.has_room(clock)
        late = list(beat.at_ms)
        beat.pacer.stop()
        assert before == on_time
        return before, late

    before, late = run_virtual(run())
    assert late == [*before, 1026]


def test_what_may_wait_has_as_much_time_as_what_goes_before_it() -> None:
    """Where frames alone fill the time, callers are heard all the same."""

    async def run() -> tuple[int, float]:
        await asyncio.sleep(1)
        clock, turn, n_pieces = StallingClock(), LoopTurn(part_ms=1000), 0

        def takes() -> None:
            clock.stalled_ms += 4

        pacers = [Pacer(takes, lambda _n: None, clock) for _ in range(20)]
        for pacer in pacers:
            pacer.start()
        clock.stalled_ms += 25
        since_ns = clock.now_ns()
        while turn.has_room(clock):
            n_pieces += 1
            clock.stalled_ms += 1
        for pacer in pacers:
            pacer.stop()
        return n_pieces, (clock.now_ns() - since_ns) / 1e6

    n_pieces, took_ms = run_virtual(run())
    assert n_pieces == 1000  # of 1 ms each: what goes first is not of its part
    assert 1900 <= took_ms <= 2300


def test_nothing_is_left_of_calls_that_are_over() -> None:
    """No timer, and nothing that goes first."""

    async def run() -> None:
        clock = StallingClock()
        made = await beats(3, clock)
        loop = asyncio.get_running_loop()
        assert len(pacing._WHEELS[loop]) == 1
        for beat in made:
            beat.pacer.stop()
            beat.pacer.stop()
        assert not pacing._WHEELS[loop]
        n_beats = [len(beat.at_ms) for beat in made]
        clock.stalled_ms = 100
        LoopTurn().has_room(clock)
        await asyncio.sleep(1)
        assert [len(beat.at_ms) for beat in made] == n_beats

    run_virtual(run())
    gc.collect()
    assert not pacing._WHEELS


@pytest.mark.parametrize("which", [0, 1, 2])
def test_one_that_is_due_may_end_another_or_itself(which: int) -> None:
    """Whoever was to come after it in the same moment has no frame any more."""

    async def run() -> list[int]:
        clock, n_due, pacers = VirtualClock(), [0, 0, 0], list[Pacer]()

        def due(number: int) -> Callable[[], None]:
            def counts() -> None:
                n_due[number] += 1
                if number == 1 and n_due[1] == 2:
                    pacers[which].stop()

            return counts

        pacers += [Pacer(due(n), lambda _n: None, clock) for n in range(3)]
        for pacer in pacers:
            pacer.start()
        await asyncio.sleep(0.09)
        for pacer in pacers:
            pacer.stop()
        return n_due

    expected = [5, 5, 5]
    expected[which] = 1 if which == 2 else 2
    assert run_virtual(run()) == expected


def test_one_that_begins_anew_when_it_is_due_goes_on() -> None:
    """As on a change of codec: in that moment once more, and then at its pace."""

    async def run() -> list[float]:
        beat = Beat()

        def again() -> None:
            beat._due()
            if len(beat.at_ms) == 2:
                beat.pacer.stop()
                beat.pacer.start()

        beat.pacer = Pacer(again, beat.left_out.append, beat.clock)
        beat.pacer.start()
        await asyncio.sleep(0.07)
        beat.pacer.stop()
        return beat.at_ms

    assert run_virtual(run()) == [0, 20, 20, 40, 60]


def test_it_keeps_the_pace_on_uvloop() -> None:
    """Whose loop and timers are others."""
    n_due = 0

    def due() -> None:
        nonlocal n_due
        n_due += 1

    async def run() -> None:
        pacer, turn = Pacer(due, lambda _n: None, MonotonicClock()), LoopTurn()
        pacer.start()
        while n_due < 3:
            await turn.room()
            await asyncio.sleep(0.005)
        pacer.stop()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(run(), 10))


def test_lateness_is_counted_by_its_upper_end() -> None:
    """Early is not late; beyond the last it is counted all the same."""
    lateness = Lateness()
    for late_ms in (-1, 0, 1, 1.1, 250, 251):
        lateness.note(round(late_ms * 1e6), 1)
    assert lateness.counts[:2] == [3, 1]
    assert lateness.counts[-2:] == [1, 1]
    assert lateness.total_ms == pytest.approx(503.1)
