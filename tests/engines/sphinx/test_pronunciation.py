"""Pronunciations of words that the dictionary lacks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.sphinx.pronunciation import pronounce

KNOWN = {
    "voice": "V OY S",
    "server": "S ER V ER",
    "cat": "K AE T",
    "dog": "D AO G",
    "box": "B AA K S",
}
PHONES = frozenset(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T"
    " TH UH UW V W Y Z ZH".split()
)


def test_a_known_word_is_looked_up() -> None:
    """The dictionary goes first."""
    assert pronounce("cat", KNOWN.get) == "K AE T"


def test_a_compound_is_said_as_its_parts() -> None:
    """Two known words written together."""
    assert pronounce("voiceserver", KNOWN.get) == "V OY S S ER V ER"


def test_plurals_and_possessives_follow_the_last_sound() -> None:
    """S after unvoiced sounds, Z after voiced ones, AH Z after hissing ones."""
    assert pronounce("cats", KNOWN.get) == "K AE T S"
    assert pronounce("dog's", KNOWN.get) == "D AO G Z"
    assert pronounce("box's", KNOWN.get) == "B AA K S AH Z"


def test_spelling_rules_know_common_groups() -> None:
    """Letter groups, soft consonants, silent and lengthening e."""
    assert pronounce("chime", KNOWN.get) == "CH AY M"
    assert pronounce("phlice", KNOWN.get) == "F L AY S"
    assert pronounce("zulenk", KNOWN.get) == "Z AH L EH NG K"


def test_what_is_not_spelled_in_letters_has_no_pronunciation() -> None:
    """Digits, other scripts and endless words."""
    for word in ("42", "привет", "naïve", "a_b", "", "'", "x" * 33):
        assert pronounce(word, KNOWN.get) is None


@given(st.text("abcdefghijklmnopqrstuvwxyz'", max_size=40))
def test_every_answer_is_made_of_phones(word: str) -> None:
    """Whatever the letters: known phones, at least one, or None."""
    phones = pronounce(word, KNOWN.get)
    if phones is not None:
        assert phones
        assert set(phones.split()) <= PHONES
