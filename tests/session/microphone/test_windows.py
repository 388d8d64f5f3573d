"""Windows of the microphone: cut, looked at now or together, in their order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from voiceserver.audio import Samples
from voiceserver.session.microphone.own_sound import OwnSound
from voiceserver.session.microphone.windows import Window, Windows
from voiceserver.turns.gate import WINDOW
from voiceserver.turns.quiet import CALM, TOGETHER


class Loudness:
    """Voice activity by the loudest sample; counts the windows of each question."""

    window = WINDOW

    def __init__(self) -> None:
        self.asked: list[int] = []

    def probability(self, window: Samples) -> float:
        return float(np.abs(window).max())

    def reset(self) -> None:
        pass

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        self.asked.append(len(windows))
        return [self.probability(window) for window in windows]


def made(idle: bool = True) -> tuple[Windows, Loudness]:
    activity = Loudness()
    return Windows(activity, OwnSound(), lambda: idle), activity


def sound(n_samples: int, loud: float = 0.0) -> Samples:
    return np.full(n_samples, loud, np.float32)


@pytest.mark.parametrize("size", [1, 160, WINDOW, 640, 5 * WINDOW])
def test_windows_follow_on_each_other(size: int) -> None:
    """However long the audio that they are cut from; less than one is kept."""
    windows, _ = made(idle=False)
    now, seen = 0, list[Window]()
    while now < 6 * WINDOW + 200:
        now += size
        seen += windows.heard(sound(size, 0.5), 0, now)
    assert [window.at for window in seen] == list(range(0, now - WINDOW + 1, WINDOW))
    assert len(windows.rest_db) == now % WINDOW // 128


@pytest.mark.parametrize("idle", [True, False])
def test_what_is_quiet_is_looked_at_together(idle: bool) -> None:
    """Once it has been for a while, and where nothing depends on it."""
    windows, activity = made(idle)
    n_windows = CALM + 2 * TOGETHER
    for n in range(1, n_windows + 1):
        list(windows.heard(sound(WINDOW, 0.001), 0, n * WINDOW))
    together = [1] * CALM + [TOGETHER] * 2
    assert activity.asked == (together if idle else [1] * n_windows)


def test_what_is_louder_has_all_before_it_looked_at() -> None:
    """In their order, and at once."""
    windows, activity = made()
    now = 0
    for _ in range(CALM + 3):
        now += WINDOW
        assert [*windows.heard(sound(WINDOW, 0.001), 0, now)] or now > CALM * WINDOW
    seen = [*windows.heard(sound(WINDOW, 0.9), 0, now + WINDOW)]
    assert [window.at for window in seen] == [now + n * WINDOW for n in range(-3, 1)]
    assert seen[-1].probability == pytest.approx(0.9)
    assert activity.asked[-1] == 4


def test_what_waits_is_looked_at_when_asked_for() -> None:
    """And only once."""
    windows, _ = made()
    for n in range(1, CALM + 3):
        list(windows.heard(sound(WINDOW, 0.001), 0, n * WINDOW))
    assert [window.at for window in windows.look()] == [CALM * WINDOW, 7 * WINDOW]
    assert [*windows.look()] == []


def test_what_did_not_arrive_adds_no_voice() -> None:
    """A window most of which was made up is no louder than the one before."""
    windows, _ = made(idle=False)
    [before] = windows.heard(sound(WINDOW, 0.2), 0, WINDOW)
    [lost] = windows.heard(sound(WINDOW, 0.9), WINDOW, 2 * WINDOW)
    [after] = windows.heard(sound(WINDOW, 0.9), 0, 3 * WINDOW)
    assert lost.probability == before.probability
    assert after.probability == pytest.approx(0.9)


def test_what_is_passed_over_is_not_looked_at() -> None:
    """Its windows are counted, and the next one begins where it would have."""
    windows, _ = made(idle=False)
    list(windows.heard(sound(100, 0.5), 0, 100))
    assert windows.skip(2 * WINDOW) == 2
    now = 100 + 2 * WINDOW
    [window] = windows.heard(sound(WINDOW - 100, 0.5), 0, now + WINDOW - 100)
    assert window.at == 2 * WINDOW
