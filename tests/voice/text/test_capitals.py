"""Capitals: what is shouted and what is spelled."""

from __future__ import annotations

import pytest

from voiceserver.voice.text.normalise import normalise

WORDS = "panic touch pause world doubt music mayor light three judge catch never hills"
SPELLED = "IEEE NCAA ESPN UCLA ISBN OECD HDMI USAF USDA USPS ADHD UUID CNBC HTML LGBTQ"


@pytest.mark.parametrize("word", WORDS.split())
def test_a_word_alone_in_capitals_is_a_word(word: str) -> None:
    """Nobody else in its sentence is shouted."""
    assert normalise(f"He said {word.upper()} to us.").words[2] == word


@pytest.mark.parametrize("word", SPELLED.split())
def test_an_initialism_is_spelled(word: str) -> None:
    """Also in the plural."""
    letters = word.lower()
    assert normalise(f"The {word} it was.").words[1:-2] == tuple(letters)
    *_, last = normalise(f"two {word}s").words
    assert last == f"{letters[-1]}'s"


def test_us_is_a_country_unless_it_is_shouted() -> None:
    """The pronoun is written so only among other capitals."""
    assert normalise("In the US it is.").words[2:4] == ("u", "s")
    assert normalise("PLEASE HELP US NOW").words[2] == "us"


def test_initialisms_do_not_make_each_other_words() -> None:
    """A list of them is not shouting."""
    assert len(normalise("HTTP, HTML and OECD").words) == 13


def test_longer_words_need_a_vowel() -> None:
    """No initialism of six letters is common."""
    assert normalise("It is IMPORTANT.").words[-1] == "important"
    assert len(normalise("It is BCDFGH.").words) == 8
