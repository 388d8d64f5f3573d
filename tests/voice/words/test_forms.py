"""Full forms before pauses, and the letter A."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.normalise import normalise
from voiceserver.voice.words.forms import full_form, is_letter_a


@pytest.mark.parametrize(
    ("sentence", "word", "full"),
    [
        ("who are you talking to ?", "to", True),
        ("i talk to you .", "to", False),
        ("what is it for", "for", True),
        ("i know who they are .", "are", True),
        ("they are here .", "are", False),
        ("i can and i will .", "can", True),
        ("from and to london .", "from", False),
    ],
)
def test_a_pause_asks_for_the_full_form(sentence: str, word: str, full: bool) -> None:
    """Before a mark or the end, and where a verb is left out."""
    words = sentence.split()
    assert (full_form(words, words.index(word)) is not None) == full


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Vitamin A is healthy.", True),
        ("Choose A, B or C.", True),
        ("A, B or C?", True),
        ("A is for apple.", True),
        ("He got an A for it.", True),
        ("Is it A or B?", True),
        ("A man came.", False),
        ("I saw a man.", False),
        ("What a mess!", False),
        ("We read A Tale of Two Cities.", False),
    ],
)
def test_the_letter_a(text: str, letter: bool) -> None:
    """Capital, alone, or after a word that letters follow."""
    tokens = normalise(text).tokens
    words = [t.text for t in tokens]
    capital = [text[t.start].isupper() for t in tokens]
    found = [i for i, t in enumerate(tokens) if t.text == "a"]
    assert any(t.spelled for t in tokens if t.text == "a") or (
        is_letter_a(words, capital, found[0]) == letter
    )
