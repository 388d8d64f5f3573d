"""Playout: pulled frames, turns, flushes, what was played."""

from __future__ import annotations

import asyncio

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.virtual_time import run_virtual
from voiceserver.audio import SPEECH_FRAME, AudioFrame, Samples
from voiceserver.events import Played
from voiceserver.reply.playout import CAPACITY_MS, Notices, Playout


def ones(n_samples: int) -> Samples:
    return np.ones(n_samples, np.float32)


class Ear:
    """A playout and what it said."""

    def __init__(self) -> None:
        self.told: list[tuple[int, Played]] = []
        self.playout = Playout(
            Notices(played=lambda turn, state: self.told.append((turn, state)))
        )

    def pull(self, count: int) -> list[AudioFrame]:
        return [self.playout.next_frame() for _ in range(count)]


def test_silence_when_there_is_nothing() -> None:
    """Frames go on, with time stamps without a gap and no turn."""
    frames = Ear().pull(3)
    assert [frame.pts for frame in frames] == [0, 480, 960]
    assert all(frame.turn == 0 and not frame.samples.any() for frame in frames)


def test_a_turn_starts_plays_and_is_done() -> None:
    """1,000 samples are two frames and a padded third."""
    ear = Ear()

    async def play() -> None:
        ear.playout.begin(1)
        await ear.playout.put(1, ones(700))
        await ear.playout.put(1, ones(300))
        ear.playout.finish(1)
        frames = ear.pull(4)
        assert [int(frame.samples.sum()) for frame in frames] == [480, 480, 40, 0]
        assert [frame.turn for frame in frames] == [1, 1, 1, 0]
        assert ear.playout.played == 1000

    run_virtual(play())
    assert ear.told == [(1, Played.STARTED), (1, Played.DONE)]


def test_a_flush_is_silence_at_once() -> None:
    """What was not played comes back, and late audio of the old turn is refused."""
    ear = Ear()

    async def play() -> None:
        ear.playout.begin(1)
        await ear.playout.put(1, ones(4800))
        ear.pull(1)
        assert len(ear.playout.flush(2)) == 4800 - SPEECH_FRAME
        assert not await ear.playout.put(1, ones(480))
        assert ear.pull(1)[0].turn == 0

    run_virtual(play())
    assert ear.told == [(1, Played.STARTED)]


def test_the_speech_engine_waits_for_room() -> None:
    """At most 400 ms, and the block that passed it, are buffered."""
    ear = Ear()
    accepted = []

    async def produce() -> None:
        for index in range(20):
            await ear.playout.put(1, ones(2400))  # 100 ms
            accepted.append(index)

    async def play() -> None:
        ear.playout.begin(1)
        async with asyncio.TaskGroup() as group:
            task = group.create_task(produce())
            await asyncio.sleep(0)
            assert len(accepted) == CAPACITY_MS // 100
            ear.pull(5)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            assert len(accepted) == CAPACITY_MS // 100 + 1
            ear.playout.flush(2)  # wakes the producer, whose turn is over
            await asyncio.wait({task})

    run_virtual(play())


def test_a_starved_turn_is_silent_and_counted() -> None:
    """The rest of a frame waits for more audio; the turn goes on after it."""
    ear = Ear()

    async def play() -> None:
        ear.playout.begin(1)
        await ear.playout.put(1, ones(500))
        assert [frame.turn for frame in ear.pull(2)] == [1, 0]
        assert ear.playout.underruns == 1
        await ear.playout.put(1, ones(460))
        assert ear.pull(1)[0].samples.sum() == SPEECH_FRAME

    run_virtual(play())


def test_ducking_is_ramped_and_undone_by_a_flush() -> None:
    """12 dB down is a quarter; no step within a frame."""
    ear = Ear()

    async def play() -> None:
        ear.playout.begin(1)
        await ear.playout.put(1, ones(4800))
        ear.playout.duck(12)
        first, second = ear.pull(2)
        assert first.samples[0] == 1 and abs(first.samples[-1] - 0.251) < 0.01
        assert np.allclose(second.samples, 0.2512, atol=1e-3)
        ear.playout.begin(2)
        await ear.playout.put(2, ones(480))
        assert ear.pull(1)[0].samples.sum() == SPEECH_FRAME

    run_virtual(play())


def test_it_is_over_once_all_of_it_was_pulled() -> None:
    """Not while more may come, nor before its last frame, nor once it is flushed."""
    playout = Ear().playout
    playout.begin(1)
    seen = [playout.over]
    run_virtual(playout.put(1, ones(480)))
    playout.next_frame()
    seen.append(playout.over)
    playout.finish(1)
    seen.append(playout.over)
    playout.flush(2)
    assert [*seen, playout.over] == [False, False, True, False]


def test_finishing_an_empty_turn_says_nothing() -> None:
    """It never sounded, so it cannot end."""
    ear = Ear()
    ear.playout.begin(1)
    ear.playout.finish(1)
    assert ear.told == []


@given(st.lists(st.one_of(st.integers(1, 3000), st.just(0), st.just(-1)), max_size=40))
def test_samples_are_neither_lost_nor_doubled(steps: list[int]) -> None:
    """Whatever is put (n), pulled (0) or flushed (-1), in whatever order."""
    ear = Ear()

    async def play() -> None:
        turn, value, wanted = 1, 0, []
        ear.playout.begin(turn)
        got: list[Samples] = []
        for step in steps:
            if step > 0 and not ear.playout._full():
                samples = np.arange(value, value + step, dtype=np.float32)
                value += step
                await ear.playout.put(turn, samples)
                wanted.append(samples)
            elif step == 0:
                frame = ear.playout.next_frame()
                got += [frame.samples] if frame.turn else []
            elif step < 0:
                turn += 1
                got.append(ear.playout.flush(turn))
        got.append(ear.playout.flush(turn + 1))
        heard = np.concatenate([np.zeros(0, np.float32), *got])
        assert np.array_equal(heard, np.concatenate([heard[:0], *wanted]))

    run_virtual(play())


def test_the_answer_may_begin_after_other_audio() -> None:
    """Its first frame is the one that holds its first sample."""
    answered: list[int] = []

    async def scenario() -> None:
        playout = Playout(Notices(answered=answered.append))
        playout.begin(1)
        await playout.put(1, np.ones(1000, np.float32))
        playout.answer_begins(1)
        await playout.put(1, np.ones(1000, np.float32))
        for n in range(4):
            playout.next_frame()  # 480 samples; the third holds sample 1000
            assert answered == [1] * (n >= 2)
        playout.flush(2)

    run_virtual(scenario())
