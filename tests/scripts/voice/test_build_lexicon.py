# ruff: noqa: RUF001 (phonetic letters are meant)
"""Building the lexicon: stress by alignment, the speaker's own variants."""

from __future__ import annotations

from collections import Counter

from scripts.voice.build_lexicon import (
    align_stress,
    guess_stress,
    prefer,
    stress_phones,
    stressed_vowels,
)


def test_stress_is_aligned_vowel_by_vowel() -> None:
    """ "Hello" and "photography", whose vowels differ between the two lexicons."""
    assert stress_phones("HH AH L OW".split(), ["həlˈO"])[0] == "HH AH0 L OW1".split()
    phones = "F AH T AA G R AH F IY".split()
    wanted = "F AH0 T AA1 G R AH0 F IY0".split()
    assert stress_phones(phones, ["fətˈɑɡɹəfi"]) == (wanted, True)


def test_the_fitting_form_of_several_is_taken() -> None:
    """A verb and a noun that are written alike keep their own stress."""
    forms = ["ɹˈɛkəɹd", "ɹəkˈɔɹd"]
    assert stress_phones("R AH K AO R D".split(), forms)[0][3] == "AO1"
    assert stress_phones("R EH K ER D".split(), forms)[0][1] == "EH1"


def test_a_vowel_without_partner_is_unstressed() -> None:
    """One vowel more than the stressed form has."""
    cost, stresses = align_stress(["EH", "AH", "IY"], stressed_vowels("ˈɛvɹi"))
    assert stresses == ["1", "0", "0"]
    assert cost > 0


def test_unknown_words_get_a_guess() -> None:
    """The first full vowel; a word without one is stressed on its first."""
    assert guess_stress(["AH", "OW", "IY"]) == ["0", "1", "0"]
    assert guess_stress(["AH", "IH"]) == ["1", "0"]


def test_the_speakers_usual_variant_comes_first() -> None:
    """Said often enough, a variant leads; rare readings change nothing."""
    lines = ["was W AA0 Z", "was(2) W AH0 Z", "the DH AH0", "the(2) DH IY0"]
    spoken: dict[str, Counter[tuple[str, ...]]] = {
        "was": Counter({("W", "AH0", "Z"): 9, ("W", "AA0", "Z"): 6}),
        "the": Counter({("DH", "IY0"): 2}),
    }
    assert prefer(lines, spoken) == [
        "was W AH0 Z",
        "was(2) W AA0 Z",
        "the DH AH0",
        "the(2) DH IY0",
    ]
