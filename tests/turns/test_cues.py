"""What the words say about whose turn it is."""

from __future__ import annotations

import pytest

from voiceserver.turns.cues import Completeness, asks_to_stop, grade, is_backchannel


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("what time is it", Completeness.COMPLETE),
        ("tell me a joke please", Completeness.COMPLETE),
        ("goodbye", Completeness.COMPLETE),
        ("i would like a", Completeness.INCOMPLETE),
        ("what is twelve times", Completeness.INCOMPLETE),
        ("and then we went to the", Completeness.INCOMPLETE),
        ("um", Completeness.INCOMPLETE),
        ("the weather was nice yesterday evening", Completeness.UNCLEAR),
        ("", Completeness.UNCLEAR),
    ],
)
def test_words_are_graded(text: str, want: Completeness) -> None:
    """Questions are whole, dangling words are not, the rest does not tell."""
    assert grade(text) is want


def test_a_grammar_knows_best() -> None:
    """What it accepted is whole, whatever it ends in."""
    assert grade("what is", known_complete=True) is Completeness.COMPLETE


@pytest.mark.parametrize("text", ["", "uh-huh", "yeah right", "oh i see", "mm okay"])
def test_backchannels(text: str) -> None:
    """They only show that one listens."""
    assert is_backchannel(text)


@pytest.mark.parametrize("text", ["no", "yeah but", "what about tomorrow"])
def test_not_backchannels(text: str) -> None:
    """One word of substance is enough."""
    assert not is_backchannel(text)


@pytest.mark.parametrize("text", ["stop", "please wait", "hold on a second"])
def test_asking_to_stop(text: str) -> None:
    """Words that ask the speaker to stop."""
    assert asks_to_stop(text)
    assert not asks_to_stop("what a stopover")
