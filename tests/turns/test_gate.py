"""SpeechGate: one behaviour per test, the docstring says which."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.turns.gate import (
    HOP,
    WINDOW,
    GateEvent,
    SpeechGate,
    hop_levels_db,
)

LOUD = [-20.0] * 4
SOFT = [-60.0] * 4


def run(gate: SpeechGate, windows: list[tuple[float, list[float]]]) -> list[object]:
    decided = [(i, gate.push(p, levels)) for i, (p, levels) in enumerate(windows)]
    return [(i, event) for i, event in decided if event]


def test_three_windows_start_speech() -> None:
    """96 ms at 32 ms a window; the onset is where the first of them begins."""
    gate = SpeechGate()
    assert run(gate, [(0.1, SOFT)] + [(0.9, LOUD)] * 3) == [(3, GateEvent.STARTED)]
    assert gate.onset == WINDOW


def test_a_click_starts_nothing() -> None:
    """Two windows of speech, then none."""
    assert run(SpeechGate(), [(0.9, LOUD)] * 2 + [(0.0, SOFT)] * 5) == []


def test_speech_stops_after_three_quiet_windows() -> None:
    """The decision comes 96 ms after the last window of speech."""
    gate = SpeechGate()
    events = run(gate, [(0.9, LOUD)] * 4 + [(0.0, SOFT)] * 4)
    assert events == [(2, GateEvent.STARTED), (6, GateEvent.STOPPED)]
    assert gate.voiced_until == 4 * WINDOW


def test_the_middle_ground_goes_on_with_speech() -> None:
    """0.4 lies between the thresholds: it neither starts nor ends speech."""
    gate = SpeechGate()
    assert run(gate, [(0.4, LOUD)] * 10) == []
    gate = SpeechGate()
    assert run(gate, [(0.9, LOUD)] * 3 + [(0.4, LOUD)] * 20) == [(2, GateEvent.STARTED)]


def test_the_models_hangover_is_not_voiced() -> None:
    """It says speech for two windows more, but they are 40 dB softer."""
    gate = SpeechGate()
    run(gate, [(0.9, LOUD)] * 4 + [(0.9, SOFT)] * 2)
    assert gate.voiced_until == 4 * WINDOW


def test_voiced_is_known_to_eight_milliseconds() -> None:
    """Speech ends after the second hop of a window."""
    gate = SpeechGate()
    run(gate, [(0.9, LOUD)] * 3 + [(0.6, [-20.0, -25.0, -70.0, -70.0])])
    assert gate.voiced_until == 3 * WINDOW + 2 * HOP


def test_within_an_utterance_one_window_goes_on() -> None:
    """After a pause the same utterance resumes at once."""
    gate = SpeechGate()
    windows = [(0.9, LOUD)] * 3 + [(0.0, SOFT)] * 3 + [(0.8, LOUD)]
    assert run(gate, windows)[-1] == (6, GateEvent.STARTED)
    assert gate.onset == 0


def test_a_closed_utterance_is_forgotten() -> None:
    """The next one needs its three windows and has its own peak."""
    gate = SpeechGate()
    run(gate, [(0.9, LOUD)] * 3)
    gate.close()
    events = run(gate, [(0.9, [-45.0] * 4)] * 3)
    assert events == [(2, GateEvent.STARTED)]
    assert gate.voiced_until == 6 * WINDOW


def test_what_holds_is_said_with_each_window() -> None:
    """A threshold that rises amid speech ends it; a lower one takes one window more."""
    gate = SpeechGate()
    assert run(gate, [(0.6, LOUD)] * 3) == [(2, GateEvent.STARTED)]
    raised = [gate.push(0.6, LOUD, threshold=0.7) for _ in range(3)]
    assert raised == [None] * 3  # the middle ground goes on with it
    raised = [gate.push(0.6, LOUD, threshold=0.8) for _ in range(3)]
    assert raised == [None, None, GateEvent.STOPPED]
    gate.close()
    longer = [gate.push(0.4, LOUD, 0.3, start_windows=4) for _ in range(4)]
    assert longer == [None] * 3 + [GateEvent.STARTED]


@given(
    st.lists(
        st.tuples(
            st.floats(0, 1),
            st.lists(st.floats(-120, 0), min_size=4, max_size=4),
        ),
        max_size=80,
    )
)
def test_starts_and_stops_alternate(windows: list[tuple[float, list[float]]]) -> None:
    """And the last voiced sample never runs backwards or ahead of the audio."""
    gate = SpeechGate()
    speaking, voiced = False, 0
    for probability, levels in windows:
        event = gate.push(probability, levels)
        if event:
            assert (event is GateEvent.STARTED) != speaking
            speaking = not speaking
        assert voiced <= gate.voiced_until <= gate.now
        voiced = gate.voiced_until


@given(st.integers(0, 3 * WINDOW), st.floats(0, 1), st.integers(0, 99))
def test_a_level_is_the_mean_power_of_each_full_hop(
    n_samples: int, loud: float, seed: int
) -> None:
    """In dB below full scale; digital silence is -120."""
    samples = np.random.default_rng(seed).normal(0, loud, n_samples).astype(np.float32)
    hops = samples[: n_samples // HOP * HOP].astype(float).reshape(-1, HOP)
    expected = 10 * np.log10((hops**2).mean(axis=1) + 1e-12) if len(hops) else []
    assert hop_levels_db(samples) == pytest.approx(list(expected), abs=1e-3)
