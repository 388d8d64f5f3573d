"""The echo of what a call plays, as its listener hears it."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.fakes import FakeRecogniser
from tests.session.microphone.test_listener import Ear
from tests.virtual_time import run_virtual
from voiceserver.audio import MIC_FRAME, SPEECH_FRAME, Samples
from voiceserver.events import BargeIn
from voiceserver.session.microphone.own_sound import AHEAD, CLEANED, OwnSound

FRAMES = 300  # 6 s
LATE = 6  # frames, 120 ms
GAIN = 0.15


def loudness(seed: int) -> NDArray[np.float32]:
    """One amplitude for each frame of 20 ms: syllables and pauses."""
    random = np.random.default_rng(seed)
    levels: list[float] = []
    while len(levels) < FRAMES:
        length = int(random.integers(5, 14))
        syllable = np.sin(np.linspace(0.2, np.pi - 0.2, length))
        levels += (random.uniform(0.4, 0.8) * syllable**2).tolist()
        if random.random() < 0.2:
            levels += [0.0] * int(random.integers(6, 14))
    return np.array(levels[:FRAMES], np.float32)


async def stops(told: bool, voice_from: int = FRAMES) -> list[int]:
    """Frames at which a reply is stopped, of which an echo comes back."""
    ear, reply = Ear(FakeRecogniser([""])), loudness(1)
    voice = loudness(2) * 0.5
    heard = np.concatenate([np.zeros(LATE, np.float32), GAIN * reply])[:FRAMES]
    heard[voice_from:] += voice[: FRAMES - voice_from]
    ear.listener.playing(True)
    found: list[int] = []
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ear.listener.run())
        for n in range(FRAMES):
            if told:
                ear.listener.own_audio(np.full(SPEECH_FRAME, reply[n]), 0.0)
            ear.listener.hear(np.full(MIC_FRAME, heard[n] + 1e-4, np.float32))
            await ear.listener.caught_up(0)
            if not found and any(isinstance(one, BargeIn) for one in ear.events):
                found.append(n)
        task.cancel()
    return found


def test_the_echo_of_what_is_played_stops_nothing() -> None:
    """It would, if what is played were not known."""
    assert run_virtual(stops(told=False))
    assert not run_virtual(stops(told=True))


@pytest.mark.parametrize("voice_from", [100, 150])
def test_a_voice_over_it_does(voice_from: int) -> None:
    """Within a second."""
    [at] = run_virtual(stops(told=True, voice_from=voice_from))
    assert voice_from < at < voice_from + 50


class Exact:
    """Takes out what is played as if it were heard at once and whole."""

    def clean(self, heard: Samples, played: Samples) -> Samples:
        assert len(heard) == len(played)
        assert len(heard) % CLEANED == 0
        return heard - played


def left(own: OwnSound, sizes: list[int], at: int = 0) -> Samples:
    """What is left of a microphone that hears a steady 0.5, in blocks."""
    out = []
    for size in sizes:
        heard, clean = own.cleaned(np.full(size, 0.5, np.float32), at)
        assert np.all(heard == 0.5)
        assert len(heard) == len(clean)
        out.append(clean)
        at += len(clean)
    return np.concatenate(out)


def test_what_is_played_is_taken_out_where_it_sounds() -> None:
    """Whatever blocks are heard; what was withdrawn does not sound."""
    own = OwnSound()
    own.cancel_by(Exact())
    for n in range(50):  # a second, from 0.5 s on
        own.goes_out(np.full(SPEECH_FRAME, 0.5, np.float32), 8000 + n * MIC_FRAME)
    own.silenced(16_000)
    heard = left(own, [97, 640, 3, *[333] * 70])
    assert np.allclose(heard[:7900], 0.5)
    assert np.allclose(heard[8100:15_900], 0.0, atol=0.01)
    assert np.allclose(heard[16_100:], 0.5)


def test_nothing_is_taken_out_twice_however_long_a_call_lasts() -> None:
    """Places are used again."""
    own = OwnSound()
    own.cancel_by(Exact())
    for n in range(10):
        own.goes_out(np.full(SPEECH_FRAME, 0.5, np.float32), n * MIC_FRAME)
    assert np.allclose(left(own, [640] * (AHEAD // 640 + 10))[AHEAD:], 0.5)


def test_without_it_nothing_is_held_back() -> None:
    """Nor once it is left out in the midst of a call."""
    own = OwnSound()
    assert len(left(own, [97])) == 97
    own.cancel_by(Exact())
    assert len(left(own, [97], 97)) == 0
    own.cancel_by(None)
    assert len(left(own, [1], 97)) == 98
