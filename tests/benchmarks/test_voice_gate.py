"""The voice's gate: what is worse is named, what is noise is not."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.voice_gate import GATES, Gate, figures, measured, slower, worse_quality


def test_the_committed_figures_are_as_good_as_themselves() -> None:
    """Each figure that the gate asks for is among them."""
    quality, speed = figures("voice_quality"), figures("voice_speed")
    assert list(worse_quality(quality, quality)) == []
    assert list(slower(speed, speed)) == []


@pytest.mark.parametrize("gate", GATES, ids=lambda g: f"{g.voice} {g.key}")
def test_a_figure_that_is_worse_than_noise_is_named(gate: Gate) -> None:
    """Both values with it; what is better, or as good but for noise, is not."""
    was = figures("voice_quality")

    def with_change(by: float) -> dict[str, Any]:
        now = copy.deepcopy(was)
        now["voices"][gate.voice][gate.key] += by if gate.high else -by
        return now

    [line] = worse_quality(with_change(-1.5 * gate.slack), was)
    assert line.startswith(f"{gate.voice} {gate.key}: ")
    assert list(worse_quality(with_change(-0.5 * gate.slack), was)) == []
    assert list(worse_quality(with_change(5 * gate.slack), was)) == []


def test_a_tune_without_its_swing_is_worse_whatever_it_was() -> None:
    """The spread of F0 has limits of its own."""
    flat = figures("voice_quality")
    flat["voices"]["said"]["f0_spread_ratio"] = 0.6
    [line] = worse_quality(flat, flat)
    assert "f0_spread_ratio: 0.6" in line


def test_speed_is_held_against_espeak_in_the_same_run() -> None:
    """A machine of half the speed is no slower voice."""
    was = figures("voice_speed")
    half, slow = copy.deepcopy(was), copy.deepcopy(was)
    for row in (half["neural"], half["espeak"]):
        row["minute_one_core_s"]["p50"] *= 2
    slow["neural"]["first_audio_ms"]["p50"] *= 2
    assert list(slower(half, was)) == []
    [line] = slower(slow, was)
    assert line.startswith("first_audio_ms over eSpeak NG's: ")


def test_figures_that_are_there_are_not_measured_again(tmp_path: Path) -> None:
    """As speed wants a quiet machine, and quality does not."""
    (tmp_path / "voice_speed.json").write_text(json.dumps({"neural": 1}))
    assert measured("voice_speed", ["--no-such-option"], tmp_path) == {"neural": 1}
