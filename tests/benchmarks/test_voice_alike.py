"""Which voices are one, and whose are men's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.voice_alike import centroid, likeness, people, unlike

NAMES = ["alloy", "sage", "onyx", "ash"]
# Two of one person, two of another; the peer is like nobody.
DIRECTIONS = {
    "alloy": centroid([[1.0, 0.0, 0.1]]),
    "sage": centroid([[1.0, 0.1, 0.0]]),
    "onyx": centroid([[0.1, 1.0, 0.0]]),
    "ash": centroid([[0.0, 1.0, 0.1]]),
    "peer": centroid([[0.0, 0.0, 1.0]]),
}


def test_voices_of_one_person_count_once() -> None:
    """Of two people with two names each, two are unlike."""
    found = likeness(DIRECTIONS, {}, NAMES)
    assert found["pairs"] == 6
    assert found["pairs_above"] == 2
    assert len(found["unlike"]) == 2
    assert found["names"] == [*DIRECTIONS]
    assert "nearer_to_men_by" not in found


def test_men_are_nearer_to_men() -> None:
    """By the mean over recordings of both."""
    persons = {"men": [DIRECTIONS["onyx"]], "women": [DIRECTIONS["alloy"]]}
    nearer = likeness(DIRECTIONS, persons, NAMES)["nearer_to_men_by"]
    assert nearer["ash"] > 0.5
    assert nearer["sage"] < -0.5


def test_any_two_of_a_group_are_unlike() -> None:
    """One voice that is like two others leaves room for both of these."""
    cosines = np.array([[1.0, 0.8, 0.2], [0.8, 1.0, 0.8], [0.2, 0.8, 1.0]])
    assert unlike(["a", "b", "c"], cosines) == ["a", "c"]


def test_people_are_men_and_women_by_their_pitch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody between is neither, and without recordings there is nobody."""
    monkeypatch.setenv("VOICESERVER_DATA", str(tmp_path / "nowhere"))
    assert people() == {"men": [], "women": []}
    folder = tmp_path / "barista"
    folder.mkdir()
    at = np.arange(24_000) / 24_000
    for name, hz in (("a", 100), ("b", 160), ("c", 220)):
        pulses = sum(np.sin(2 * np.pi * hz * k * at) / k for k in range(1, 20))
        soundfile.write(folder / f"{name}.flac", 0.1 * pulses, 24_000)
    monkeypatch.setenv("VOICESERVER_DATA", str(tmp_path))
    assert {sex: len(found) for sex, found in people().items()} == {
        "men": 1,
        "women": 1,
    }
