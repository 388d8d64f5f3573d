"""What a turn sounds like, and the questions about it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import numpy as np

from tests.fakes import (
    LOUD,
    FakeRecogniser,
    FakeSpeech,
    FakeText,
    FakeTurnEnds,
    FakeVad,
)
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_FRAME, MIC_RATE, Samples
from voiceserver.config import TurnConfig
from voiceserver.engines.opened import Engines
from voiceserver.events import Event, UserTurn
from voiceserver.session.microphone.listener import Listener
from voiceserver.session.microphone.turn_sound import HEARD_S, TurnSound
from voiceserver.turns.ending import EndWeights


def block(seconds: float, level: float = 0.1) -> Samples:
    return np.full(int(seconds * MIC_RATE), level, np.float32)


def untold(_probability: float) -> None:
    raise AssertionError("withdrawn")


def test_a_question_is_asked_with_the_turn_so_far() -> None:
    """What came before its first voice included."""
    ends, told = FakeTurnEnds(0.7), list[float]()
    sound = TurnSound(ends)
    sound.begin(block(0.3))
    sound.add(block(1.0))
    sound.ask(told.append)
    ends.answer()
    assert told == [0.7]
    assert [len(samples) for samples in ends.asked] == [int(1.3 * MIC_RATE)]


def test_of_a_long_turn_the_newest_is_kept() -> None:
    """In whole blocks, at least all that a model takes."""
    ends = FakeTurnEnds(0.5)
    sound = TurnSound(ends)
    sound.begin(block(0.5))
    for _ in range(1000):
        sound.add(block(0.04))
    sound.ask(untold)
    assert HEARD_S * MIC_RATE <= len(ends.asked[0]) < (HEARD_S + 0.1) * MIC_RATE


def test_a_newer_question_and_the_end_withdraw_the_older() -> None:
    """As does the user who goes on."""
    ends = FakeTurnEnds(0.5)
    sound = TurnSound(ends)
    undo: tuple[Callable[[], None], ...] = (
        lambda: sound.ask(lambda _: None),
        sound.withdraw,
        sound.forget,
        lambda: sound.begin(block(0.1)),
    )
    for act in undo:
        sound.begin(block(0.3))
        sound.ask(untold)
        act()
        ends.answer()


def test_without_a_model_nothing_is_kept_or_asked() -> None:
    """It costs nothing."""
    sound = TurnSound(None)
    sound.begin(block(0.3))
    sound.add(block(0.3))
    sound.ask(untold)
    assert not sound._blocks


def test_a_turn_that_sounds_finished_is_committed_by_its_sound() -> None:
    """Asked in the pause, answered a moment later, over before the words would say."""
    ends = FakeTurnEnds(0.98)
    weights = EndWeights("test", {"bias": -0.8, "silence": 2.0, "sound": 1.0})
    posted: list[Event] = []

    async def run() -> None:
        engines = Engines(
            FakeVad(),
            FakeRecogniser(),
            FakeText(),
            FakeSpeech(),
            turn_ends=ends,
            ending=weights,
        )
        listener = Listener(
            TurnConfig(unclear_ms=1000, complete_ms=1000),
            engines,
            posted.append,
            lambda _db: None,
            VirtualClock(),
        )
        async with asyncio.TaskGroup() as group:
            task = group.create_task(listener.run())
            for n in range(75):
                speaking = 10 <= n < 50
                level = LOUD if speaking else 0.0
                listener.hear(np.full(MIC_FRAME, level, np.float32))
                await asyncio.sleep(0.02)
                ends.answer()
            task.cancel()

    run_virtual(run())
    assert [e.reason for e in posted if isinstance(e, UserTurn)] == ["sound"]
    assert len(ends.asked[0]) >= 0.8 * MIC_RATE
