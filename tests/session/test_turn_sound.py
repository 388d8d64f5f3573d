"""What a turn sounds like, and the questions about it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tests.fakes import FakeTurnEnds
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.session.turn_sound import HEARD_S, TurnSound


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
