"""Windows of many calls in one step."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LOUD, FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_FRAME, Samples
from voiceserver.config import TurnConfig
from voiceserver.engines.base import StreamWindows
from voiceserver.engines.opened import Engines
from voiceserver.session.microphone.listener import Listener
from voiceserver.session.microphone.looks import (
    FEW,
    GAP_PER_CALL_MS,
    MOST,
    MOST_GAP_MS,
    Looks,
)
from voiceserver.session.microphone.ring import BLOCK
from voiceserver.session.microphone.voice_windows import VoiceWindows, Window
from voiceserver.turns.echo import Echo
from voiceserver.turns.gate import WINDOW


class Vad(FakeVad):
    """Counts its steps; may fail at one."""

    def __init__(self, fails: bool = False) -> None:
        self.steps: list[int] = []
        self.alone = 0
        self.fails = fails

    def open(self) -> Vad:
        return self

    def probabilities(self, windows: object) -> list[float]:
        self.alone += 1
        return super().probabilities(windows)  # type: ignore[arg-type]

    def together(self, asked: object) -> list[list[float]]:
        streams: list[StreamWindows] = [*asked]  # type: ignore[misc]
        self.steps.append(len(streams))
        if self.fails:
            raise RuntimeError("a fault of ours")
        return [FakeVad.probabilities(self, windows) for _, windows in streams]


@contextlib.contextmanager
def listened_to(looks: Looks) -> Iterator[None]:
    """As many calls as are looked at together."""
    with contextlib.ExitStack() as stack:
        for _ in range(FEW):
            stack.enter_context(looks.one_more())
        yield


class Call:
    """One that hears a frame every 20 ms, from a moment of its own on."""

    def __init__(self, vad: Vad, looks: Looks, loud: bool) -> None:
        self.looks, self.loud = looks, loud
        self.told: list[tuple[int, float]] = []
        self.waited_ms: list[float] = []
        self.windows = VoiceWindows(vad, lambda *_: Echo.UNKNOWN, self._told)
        self.now = 0

    def _told(self, window: Window, probability: float) -> None:
        self.told.append((window.at, probability))

    def hears(self) -> None:
        self.now += MIC_FRAME
        samples: Samples = np.full(MIC_FRAME, LOUD if self.loud else 0, np.float32)
        self.windows.add(samples, self.now, made_up=False, idle=False)

    async def run(self, phase_s: float, n_frames: int) -> None:
        with self.looks.one_more():
            await asyncio.sleep(phase_s)
            loop = asyncio.get_running_loop()
            for n in range(n_frames):
                self.hears()
                if self.windows.due:
                    since_s = loop.time()
                    await self.looks.look(self.windows)
                    self.waited_ms.append(1000 * (loop.time() - since_s))
                await asyncio.sleep(phase_s + 0.02 * (n + 1) - loop.time())


def heard(vad: Vad, phases_s: list[float], n_frames: int = 50) -> list[Call]:
    looks = Looks()
    calls = [Call(vad, looks, n % 2 == 0) for n in range(len(phases_s))]

    async def all_calls() -> None:
        async with asyncio.TaskGroup() as group:
            for call, phase_s in zip(calls, phases_s, strict=True):
                group.create_task(call.run(phase_s, n_frames))

    run_virtual(all_calls())
    return calls


def told_right(call: Call) -> bool:
    """Each window once, in its order, with its own probability."""
    starts = range(0, call.now - WINDOW + 1, WINDOW)
    return call.told == [(at, 0.99 if call.loud else 0.01) for at in starts]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 0.02), min_size=1, max_size=FEW + 6))
def test_each_window_is_told_once_and_soon(phases_s: list[float]) -> None:
    """In the order of its call, no later than a gap; nobody waits where few are."""
    vad = Vad()
    for call in heard(vad, phases_s, n_frames=20):
        assert told_right(call)
        most_ms = GAP_PER_CALL_MS * len(phases_s) if len(phases_s) >= FEW else 0.0
        assert max(call.waited_ms) <= most_ms + 0.01
    assert len(phases_s) >= FEW or not vad.steps


def test_many_calls_are_looked_at_in_few_steps() -> None:
    """Thirty-two calls of a second: a thousand windows, a hundred steps and some."""
    vad = Vad()
    heard(vad, [0.02 * n / 32 for n in range(32)])
    assert len(vad.steps) <= 1000 / (GAP_PER_CALL_MS * 32) + 10
    assert GAP_PER_CALL_MS * 32 <= MOST_GAP_MS
    assert sum(vad.steps) > 7 * len(vad.steps)


def test_a_step_has_no_more_than_the_loop_has_time_for() -> None:
    """The rest follows at once."""
    vad = Vad()
    calls = heard(vad, [0.0] * 40)
    assert max(vad.steps) == MOST
    assert all(told_right(call) for call in calls)


def test_a_step_that_fails_leaves_each_call_its_own() -> None:
    """The network is asked again for each, where a fault is that call's alone."""
    vad = Vad(fails=True)
    calls = heard(vad, [0.0] * FEW, n_frames=10)
    assert vad.steps
    assert vad.alone >= FEW
    assert all(told_right(call) for call in calls)


def test_who_cannot_wait_is_looked_at_alone_and_told_once() -> None:
    """A client commits while its window waits for others."""
    vad, looks = Vad(), Looks()

    async def run() -> Call:
        with listened_to(looks):
            call = Call(vad, looks, loud=True)
            call.hears()
            call.hears()
            waiting = asyncio.create_task(looks.look(call.windows))
            await asyncio.sleep(0)
            call.windows.look()
            assert told_right(call)
            await waiting
            return call

    assert told_right(run_virtual(run()))


def test_a_call_that_ends_while_it_waits_is_left_out() -> None:
    """And the others are told."""
    vad, looks = Vad(), Looks()

    async def run() -> tuple[Call, Call]:
        with listened_to(looks):
            gone, stays = (Call(vad, looks, loud=True) for _ in range(2))
            tasks = []
            for call in (gone, stays):
                call.hears()
                call.hears()
                tasks.append(asyncio.create_task(looks.look(call.windows)))
            await asyncio.sleep(0)
            tasks[0].cancel()
            await tasks[1]
            with pytest.raises(asyncio.CancelledError):
                await tasks[0]
            return gone, stays

    gone, stays = run_virtual(run())
    assert not gone.told
    assert told_right(stays)


def test_each_loop_has_its_own() -> None:
    """What waits in one is no affair of another."""

    async def here() -> Looks:
        assert Looks.here() is Looks.here()
        return Looks.here()

    assert run_virtual(here()) is not run_virtual(here())


def test_calls_that_are_behind_cost_no_more_than_others() -> None:
    """All have a second to catch up with: a server that is late must not stay so."""
    vad, n_blocks = Vad(), 25
    engines = Engines(vad, FakeRecogniser(), FakeText(), FakeSpeech())

    async def run() -> float:
        loop = asyncio.get_running_loop()
        since_s, clock = loop.time(), VirtualClock()
        async with asyncio.TaskGroup() as group:
            calls = [
                Listener(TurnConfig(), engines, lambda _: None, lambda _: None, clock)
                for _ in range(FEW)
            ]
            tasks = [group.create_task(call.run()) for call in calls]
            await asyncio.sleep(0)  # all are listened to
            for call in calls:
                call.hear(np.full(n_blocks * BLOCK, LOUD, np.float32))
            for call in calls:
                await call.caught_up(0)
            took_s = loop.time() - since_s
            for task in tasks:
                task.cancel()
        return took_s

    took_s = run_virtual(run())
    assert vad.alone == 0
    assert sum(vad.steps) >= 8 * len(vad.steps)
    assert took_s <= 2 * MOST_GAP_MS / 1000  # nobody waits for gaps
