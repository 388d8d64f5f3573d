"""What is heard, in the windows that voice activity takes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes import LOUD, FakeVad
from voiceserver.audio import Samples
from voiceserver.session.microphone.voice_windows import VoiceWindows, Window
from voiceserver.turns.echo import Echo
from voiceserver.turns.gate import WINDOW
from voiceserver.turns.quiet import CALM, TOGETHER

VOICE, NONE = 0.99, 0.01


class Ear:
    """Windows, and what was told of them."""

    def __init__(self) -> None:
        self.told: list[tuple[Window, float]] = []
        self.windows = VoiceWindows(FakeVad(), lambda *_: Echo.UNKNOWN, self._looked)
        self.now = 0

    def _looked(self, window: Window, probability: float) -> None:
        self.told.append((window, probability))

    def hears(self, samples: Samples, made_up: bool = False, idle: bool = True) -> None:
        self.now += len(samples)
        self.windows.add(samples, self.now, made_up, idle)
        if self.windows.due:
            self.windows.look()

    @property
    def probabilities(self) -> list[float]:
        return [probability for _, probability in self.told]


def quiet(n_windows: int = 1) -> Samples:
    return np.zeros(n_windows * WINDOW, np.float32)


def loud(n_windows: int = 1) -> Samples:
    return np.full(n_windows * WINDOW, LOUD, np.float32)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 1300), st.booleans(), st.booleans()), max_size=40)
)
def test_every_window_is_told_once_and_in_its_order(
    blocks: list[tuple[int, bool, bool]],
) -> None:
    """However it comes, and whether quiet ones may wait or not."""
    ear, parts = Ear(), []
    for n_samples, is_loud, idle in blocks:
        parts.append(np.full(n_samples, LOUD if is_loud else 0.0, np.float32))
        ear.hears(parts[-1], idle=idle)
        assert len(ear.told) >= ear.now // WINDOW - TOGETHER
    ear.windows.look()
    heard = np.concatenate([np.zeros(0, np.float32), *parts])
    n_windows = len(heard) // WINDOW
    whole = heard[: n_windows * WINDOW].reshape(-1, WINDOW)
    assert [window.at for window, _ in ear.told] == [
        n * WINDOW for n in range(n_windows)
    ]
    assert ear.probabilities == FakeVad().probabilities([*whole])
    assert np.array_equal(ear.windows.pending, heard[n_windows * WINDOW :])


def test_quiet_windows_wait_for_each_other_where_nothing_depends_on_them() -> None:
    """Once it is known how quiet it is; what is louder has all looked at, at once."""
    ear = Ear()
    ear.hears(quiet(CALM))
    assert len(ear.told) == CALM
    for _ in range(TOGETHER - 1):
        ear.hears(quiet())
    assert len(ear.told) == CALM
    ear.hears(quiet())
    assert len(ear.told) == CALM + TOGETHER
    ear.hears(quiet())
    ear.hears(loud())
    assert ear.probabilities[-2:] == [NONE, VOICE]
    ear.hears(quiet(), idle=False)
    assert ear.probabilities[-1] == NONE


def test_what_was_made_up_adds_no_voice() -> None:
    """It goes on as it was before."""
    ear = Ear()
    ear.hears(quiet())
    ear.hears(loud(), made_up=True)
    assert ear.probabilities == [NONE, NONE]
    ear.hears(loud())
    ear.hears(loud(), made_up=True)
    assert ear.probabilities == [NONE, NONE, VOICE, VOICE]


def test_time_that_is_skipped_is_counted_in_windows() -> None:
    """What was pending counts with it; the rest is pending, and silent."""
    ear = Ear()
    ear.hears(loud()[:300])
    assert ear.windows.skip(WINDOW) == 1
    assert np.array_equal(ear.windows.pending, quiet()[:300])
    assert not ear.told


def test_what_others_found_is_told_before_what_came_since() -> None:
    """A step looked at some of them; more came before they were told."""
    ear = Ear()
    ear.windows.add(loud(2), 2 * WINDOW, made_up=False, idle=False)
    stream, asked = ear.windows.asked
    ear.windows.found([0.7, 0.8])
    assert stream.probabilities(asked) == [VOICE, VOICE]
    assert ear.windows.asked[1] == []
    ear.windows.add(loud(), 3 * WINDOW, made_up=False, idle=False)
    ear.windows.look()
    assert ear.probabilities == [0.7, 0.8, VOICE]
    assert not ear.windows.due


def test_what_was_found_is_of_windows_that_were_asked_about() -> None:
    """More of it is a mistake."""
    ear = Ear()
    with pytest.raises(ValueError, match="zip"):
        ear.windows.found([0.5])


def test_what_was_made_up_does_not_tell_how_quiet_it_is() -> None:
    """After it the room is as it was: its noise may wait as before."""
    room: Samples = np.full(WINDOW, 0.001, np.float32)
    ear = Ear()
    for _ in range(CALM):
        ear.hears(room)
    ear.hears(quiet(4 * TOGETHER), made_up=True)
    ear.windows.look()
    n_told = len(ear.told)
    for _ in range(TOGETHER - 1):
        ear.hears(room)
    assert len(ear.told) == n_told
