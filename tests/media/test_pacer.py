"""The pace of speech."""

from __future__ import annotations

import asyncio

from tests.virtual_time import StallingClock, VirtualClock, run_virtual
from voiceserver.media.pacer import Pacer


class Beat:
    """When something was due, in ms, and what was left out."""

    def __init__(self) -> None:
        self.clock = StallingClock()
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


async def stalled(by_ms: int) -> Beat:
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
    beat = run_virtual(stalled(45))
    assert beat.at_ms == [1000, 1020, 1085, 1085, 1085, 1100, 1120]
    assert beat.left_out == []


def test_a_long_one_is_left_out() -> None:
    """85 ms late: four frame times are told as lost before the next is due."""
    beat = run_virtual(stalled(85))
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
