"""An echo is known by its level: levels made up, as of speech."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from voiceserver.turns.echo import FRAME, Echo, EchoPath
from voiceserver.turns.gate import WINDOW

STEP = FRAME // 4
NOISE_DB = -70.0
Levels = NDArray[np.float64]


def speech(seconds: float, seed: int, loud_db: float = -20.0) -> Levels:
    """Levels of parts of 4 ms: syllables some four a second, a pause now and then."""
    random = np.random.default_rng(seed)
    n_parts = round(seconds * 250)
    levels: list[float] = []
    while len(levels) < n_parts:
        peak_db = loud_db - random.uniform(0, 12)
        length = int(random.integers(25, 75))
        levels += (peak_db - 18 * np.linspace(-1, 1, length) ** 2).tolist()
        if random.random() < 0.15:
            levels += [-90.0] * int(random.integers(30, 90))
    return np.array(levels[:n_parts])


def power(levels_db: Levels) -> Levels:
    return np.asarray(10 ** (levels_db / 10))


class Room:
    """Plays, and tells what is made of what is heard, a window at a time."""

    def __init__(self, played_db: Levels) -> None:
        self.echo = EchoPath()
        self._played = power(played_db)
        self.said: list[Echo] = []

    def hear(self, heard: Levels) -> list[Echo]:
        parts = WINDOW // STEP
        for at in range(0, min(len(heard), len(self._played)) - parts, parts):
            self.echo.played(at * STEP, self._played[at : at + parts], STEP)
            window = heard[at : at + parts].reshape(4, -1).mean(axis=1)
            levels = (10 * np.log10(window + power(np.array(NOISE_DB)))).tolist()
            self.said.append(self.echo.heard(at * STEP, levels))
        return self.said


def echo_of(played_db: Levels, gain_db: float, delay_ms: int) -> Levels:
    delay = delay_ms // 4
    late = np.concatenate([np.full(delay, -90.0), played_db])[: len(played_db)]
    return power(late + gain_db)


@settings(max_examples=25, deadline=None)
@given(st.floats(-35, -5), st.integers(10, 420), st.integers(0, 1000))
def test_an_echo_is_found_and_explained(
    gain_db: float, delay_ms: int, seed: int
) -> None:
    """Its delay, its loss, and from the second second on all of it but little."""
    played = speech(4.0, seed)
    room = Room(played)
    said = room.hear(echo_of(played, gain_db, delay_ms))
    path = room.echo.path
    assert path is not None
    assert abs(path.delay * 16 - delay_ms) <= 16
    assert abs(path.gain_db - gain_db) <= 4
    later = said[len(said) // 3 :]
    assert sum(one is Echo.ALL for one in later) >= 0.9 * len(later)


@pytest.mark.parametrize("seed", range(8))
def test_somebody_else_is_no_echo(seed: int) -> None:
    """Though they speak all the time, and as loudly."""
    said = Room(speech(4.0, seed)).hear(power(speech(4.0, 100 + seed, -25)))
    assert said.count(Echo.ALL) <= 6


def test_that_both_begin_at_once_is_no_echo() -> None:
    """The silence before tells nothing; by chance alone they seldom agree."""
    quiet, explained = np.full(250, -90.0), []
    for seed in range(20):
        played = np.concatenate([quiet, speech(1.5, seed)])
        late = np.concatenate([quiet, np.full(35, -90.0), speech(1.5, 50 + seed)])
        said = Room(played).hear(power(late))
        explained.append(said.count(Echo.ALL))
    assert sorted(explained)[15] <= 3


@pytest.mark.parametrize("gain_db", [-30.0, -20.0])
def test_a_louder_voice_over_the_echo_is_heard_at_once(gain_db: float) -> None:
    """From its first syllable on."""
    played = speech(5.0, 3)
    heard = echo_of(played, gain_db, 120)
    begins = 3 * 250
    heard[begins:] += power(speech(2.0, 77, loud_db=-25))
    said = Room(played).hear(heard)
    first = begins * STEP // WINDOW
    assert said[first - 10 : first].count(Echo.ALL) >= 8
    voice = said[first + 1 : first + 1 + 12]
    assert voice.count(Echo.LOUDER) >= 9


def test_where_nothing_is_played_nothing_is_explained() -> None:
    """Neither before the first reply nor a second after one."""
    played = np.concatenate([np.full(250, -90.0), speech(2.0, 1), np.full(750, -90.0)])
    room = Room(played[:750])
    room.hear(echo_of(played, -20.0, 100)[:750])
    assert set(room.said[:30]) == {Echo.UNKNOWN}
    assert room.echo.path is not None
    assert room.echo.heard(4 * 16_000, [-30.0] * 4) is Echo.UNKNOWN


def test_what_is_heard_over_a_first_sound_may_be_its_echo() -> None:
    """Until so much was played that an echo would be known; not in later replies."""
    played = np.concatenate([np.full(125, -90.0), speech(2.5, 6)])
    other = np.concatenate([np.full(150, -90.0), speech(2.4, 41)])
    room = Room(played)
    said = room.hear(power(other))
    begins = 125 * STEP // WINDOW
    tried = begins + round(0.7 * 16_000 / WINDOW)
    assert set(said[: begins - 1]) == {Echo.UNKNOWN}
    assert set(said[begins + 2 : tried - 1]) == {Echo.SUSPECTED}
    assert said[-20:].count(Echo.UNKNOWN) >= 15


def test_what_was_cut_off_has_no_echo() -> None:
    """It was announced, and did not sound: who speaks then is louder than nothing."""
    room = Room(speech(3.0, 2))
    room.hear(echo_of(speech(3.0, 2), -20.0, 100))
    at = 3 * 16_000
    room.echo.played(at, power(np.full(500, -10.0)), STEP)
    room.echo.stopped(at)
    assert room.echo.heard(at + 8_000, [-30.0] * 4) is not Echo.ALL
