"""Questions for yes or no go up, all else comes down."""

from __future__ import annotations

import pytest
import torch

from voiceserver.voice.words.intonation import HIGH, LOW, nucleus, raised, rises
from voiceserver.voice.words.phones import INDEX

SEMITONE = 0.0577623
TEA = [INDEX[s] for s in "_ HH OW1 T IY1 ?".split()]


@pytest.mark.parametrize(
    ("said", "ending", "up"),
    [
        ("would you like some tea", "?", True),
        ("and are you sure", "?", True),
        ("do you know what time it is", "?", True),
        ("ready", "?", True),
        ("isn't it", "?", True),
        ("what would you like", "?", False),
        ("so how old is it", "?", False),
        ("at what time", "?", False),
        ("tea or coffee", "?", False),
        ("would you like some tea", ".", False),
        ("would you like some tea", ",", False),
    ],
)
def test_which_questions_rise(said: str, ending: str, up: bool) -> None:
    """Those for yes or no, and fragments; not those that name what they ask for."""
    assert rises(said.split(), ending) is up


def test_nothing_said_does_not_rise_without_a_mark() -> None:
    """A lone question mark is no reason to fail."""
    assert rises([], "?")
    assert not rises([], ".")


@pytest.mark.parametrize(
    ("symbols", "index"),
    [
        ("_ HH AH0 L OW1 ?", 4),
        ("_ T IY1 CH ER0 ?", 2),
        ("_ P EY2 P ER0 ?", 2),
        ("_ DH AH0 ?", 2),
        ("_ S ?", 3),
    ],
)
def test_the_rise_begins_at_the_last_stress(symbols: str, index: int) -> None:
    """Primary stress before secondary before none; past the end without a vowel."""
    assert nucleus([INDEX[s] for s in symbols.split()]) == index


def test_the_rise_runs_from_low_to_high() -> None:
    """From the nucleus to the last phone the line is straight; the mark is left."""
    drawn = torch.full((6, 4), 5.0)
    lengths = torch.tensor([4, 6, 10, 8, 12, 20])
    out = raised(drawn, TEA, lengths, 1.0)
    begins, ends = (
        float(out[4, 1] + side * out[4, 2] / 2) - 5.0 for side in (-1.0, 1.0)
    )
    assert begins == pytest.approx(LOW * SEMITONE, abs=1e-3)
    assert ends == pytest.approx(HIGH * SEMITONE, abs=1e-3)
    assert torch.equal(out[:4], drawn[:4])
    assert torch.equal(out[5], drawn[5])
    assert torch.equal(out[:, [0, 3]], drawn[:, [0, 3]])


def test_a_flat_manner_rises_less() -> None:
    """The rise follows the range of pitch; without any it is level."""
    drawn = torch.full((6, 4), 5.0)
    out = raised(drawn, TEA, torch.full((6,), 10), 0.0)
    assert torch.allclose(out[4, 1:3], torch.tensor([5.0, 0.0]))


def test_a_clause_without_phones_is_left_alone() -> None:
    """Nothing to raise, nothing raised."""
    drawn = torch.zeros(2, 4)
    symbols = [INDEX["_"], INDEX["?"]]
    assert raised(drawn, symbols, torch.tensor([3, 5]), 1.0) is drawn


@pytest.mark.parametrize(
    ("before", "words", "up"),
    [
        ("what would you like this evening", "pasta", False),
        ("which one do you want", "sir", False),
        ("when you arrive", "do you need a taxi", True),
        ("should i send it today", "or would you rather wait", False),
        ("", "or not", False),
    ],
)
def test_the_clauses_before_count(before: str, words: str, up: bool) -> None:
    """A question word asks for a fall however many clauses follow; so does "or"."""
    assert rises(words.split(), "?", before.split()) == up
