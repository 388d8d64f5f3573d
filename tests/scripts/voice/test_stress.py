# ruff: noqa: RUF001 (phonetic letters are meant)
"""Stress and phones from the two stressed dictionaries."""

from __future__ import annotations

from pathlib import Path

from scripts.voice.build_lexicon import align_stress, lacking, merge, settle_stress
from scripts.voice.stress import read_cmu, stress_as, to_phones
from voiceserver.voice.words.lexicon import parse_entries


def test_misaki_letters_become_phones() -> None:
    """A vowel and an r of one syllable are one phone; unknown letters refuse."""
    assert to_phones("kˈɛɹən") == ("K", "EH1", "R", "AH0", "N")
    assert to_phones("dˈɪnəɹ") == ("D", "IH1", "N", "ER0")
    assert to_phones("wˈɜɹd") == ("W", "ER1", "D")
    assert to_phones("x") is None
    assert to_phones("hm") is None


def test_cmu_is_read_with_its_comments(tmp_path: Path) -> None:
    """Variants are joined; what follows a hash is passed over."""
    path = tmp_path / "cmudict.dict"
    path.write_text("read R EH1 D # past\nread(2) R IY1 D\n", encoding="utf-8")
    assert read_cmu(path) == {"read": [("R", "EH1", "D"), ("R", "IY1", "D")]}


def test_stress_is_that_of_the_nearest_variant() -> None:
    """Verb and noun keep their own; another number of vowels says nothing."""
    known = [tuple("R AH0 K AO1 R D".split()), tuple("R EH1 K ER0 D".split())]
    assert stress_as("R EH K ER D".split(), known) == ["1", "0"]
    assert stress_as("R IH K AO R D".split(), known) == ["0", "1"]
    assert stress_as("R EH K".split(), known) is None


def test_a_word_without_main_stress_in_misaki_has_none() -> None:
    """ "Into" is stressed where CMU says, but not as strongly as a full word."""
    known = [tuple("IH1 N T UW0".split())]
    spoken, source = settle_stress("IH N T UW".split(), known, ["ˌɪntu"])
    assert (spoken, source) == ("IH2 N T UW0".split(), "cmu")


def test_the_later_of_two_alike_vowels_has_no_partner() -> None:
    """ "Treated": the stress stays with the stem."""
    assert align_stress(["IY", "IH"], [("i", "1")])[1] == ["1", "0"]


def test_only_what_is_lacking_is_added_and_our_own_leads() -> None:
    """Neither a known word nor one that a rule makes; the supplement goes first."""
    entries = parse_entries(["cat K AE1 T"])
    checked = {"cats": ("K", "AE1", "T", "S"), "yak": ("Y", "AE1", "K")}
    assert list(lacking(entries, checked)) == ["yak"]
    own = parse_entries(["cat K AA1 T"])
    assert merge(["cat K AE1 T"], own) == ["cat K AA1 T", "cat(2) K AE1 T"]
