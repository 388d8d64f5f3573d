"""Pauses of recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scripts.turns.pauses import (
    EVER,
    TAIL_S,
    Pause,
    Talk,
    audio,
    chosen,
    pauses,
    store,
    stored,
)
from tests.recordings import data_folder
from voiceserver.audio import MIC_RATE


def pause(recording: str, kind: str, length_ms: float) -> Pause:
    """A pause, or with ``EVER`` an end."""
    return Pause(recording, kind, 0, 0, length_ms, length_ms == EVER, 1000.0, ())


@pytest.mark.speech
def test_a_command_has_one_end_and_it_is_the_last() -> None:
    """What comes before it are holds."""
    samples = audio(data_folder() / "speech/command/goforward.wav")
    found = pauses(samples, "command", "goforward", Talk())
    assert [each.end for each in found] == [False] * (len(found) - 1) + [True]
    assert found[-1].length_ms == EVER
    assert found[-1].at > found[-1].began


@pytest.mark.speech
def test_a_recording_goes_on_with_its_own_noise() -> None:
    """Digital silence would tell an end from a hold."""
    samples = audio(data_folder() / "speech/command/goforward.wav")
    tail = samples[-int(TAIL_S * MIC_RATE) :]
    assert 1e-6 < float(np.abs(tail).mean()) < float(np.abs(samples).mean()) / 3


def test_who_goes_on_tells_an_end_from_a_hold(tmp_path: Path) -> None:
    """Overlaps and cut clips tell nothing."""
    lines = [(0.0, 1.0, "a"), (1.5, 1.0, "b"), (3.0, 1.0, "b"), (4.5, 1.0, "a")]
    lines += [(4.5, 1.0, "c")]
    (tmp_path / "r").write_text(
        "".join(f"SPEAKER x 1 {s} {d} <NA> <NA> {w} <NA> <NA>\n" for s, d, w in lines)
    )
    talk = Talk(tmp_path / "r", "x")
    at = [int(s * MIC_RATE) for s in (1.0, 1.5, 2.5, 3.0, 4.0, 4.5)]
    assert talk.ends(at[0], at[1]) is True
    assert talk.ends(at[2], at[3]) is False
    assert talk.ends(at[4], at[5]) is None
    assert talk.ends(at[0], None) is None


def test_fluent_orders_are_left_out() -> None:
    """They are all ends."""
    found = [
        pause("a", "order", EVER),
        pause("b", "order", 300.0),
        pause("b", "order", EVER),
        pause("c", "read", EVER),
    ]
    assert chosen(found) == found[1:]


def test_what_is_stored_is_read_again(tmp_path: Path) -> None:
    """To the last number."""
    found = [pause("a", "order", 300.0), pause("a", "order", EVER)]
    store(found, tmp_path / "pauses")
    assert stored(tmp_path / "pauses") == found
