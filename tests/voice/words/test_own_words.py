# ruff: noqa: RUF001 - IPA is what it is
"""An operator's file of words."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.voice.words.own_words import (
    LARGEST,
    OwnWords,
    load_own_words,
    parse_own_words,
)
from voiceserver.voice.words.phones import Pronunciation

FILE = """# names of the house
Nguyen\tN W IH1 N
Siobhan\t/ʃɪˈvɔːn/
gif\tjif
kubectl\tkoob-see-TEE

live\tL IY1 V
"""


def read(word: str) -> Pronunciation:
    """A vowel for every word."""
    return ("D", "AH1") if word else ()


def said(words: OwnWords, text: str) -> list[tuple[str, str]]:
    """What is said how."""
    return [(text[s.start : s.end], " ".join(s.phones)) for s in words.said(text)]


def test_words_are_found_where_they_stand() -> None:
    """In lower case however written, with capitals as written; possessives too."""
    words = parse_own_words(FILE.splitlines(), read)
    assert len(words) == 5
    assert said(words, "Nguyen\u2019s GIF, nguyen; LIVE-gif, gifted.") == [
        ("Nguyen\u2019s", "N W IH1 N Z"),
        ("GIF", "D AH1"),
        ("LIVE", "L IY1 V"),
        ("gif", "D AH1"),
    ]
    assert said(words, "Siobhan") == [("Siobhan", "SH IH0 V AO1 N")]


def test_the_part_in_capitals_is_stressed() -> None:
    """The others bear what is left."""
    words = parse_own_words(FILE.splitlines(), read)
    assert said(words, "kubectl") == [("kubectl", "D AH2 D AH2 D AH1")]


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("word phones", "tabulator"),
        ("word\t", "nothing says how 'word'"),
        ("\tK AE1 T", "'' is no word"),
        ("two words\tjif", "'two words' is no word"),
        ("word\tK XX1", "'XX1'"),
        ("word\t/bʏ/", "'ʏ'"),
        ("word\tb4", "'b4' is neither"),
        ("word\t" + "b" * 400, "300 characters"),
        ("fine\tAO1", "'fine' stands in a line before"),
    ],
)
def test_the_line_that_is_wrong_is_named(line: str, named: str) -> None:
    """And why."""
    with pytest.raises(ValueError, match=f"^line 3: .*{named}"):
        parse_own_words(["fine\tK AE1 T", "", line], read)


@pytest.mark.parametrize(
    ("raw", "named"),
    [(b"a\tjif\nb\t\xff\n", "line 2: not UTF-8"), (b"#" * (LARGEST + 1), "larger")],
)
def test_a_file_that_is_no_text_is_refused(
    tmp_path: Path, raw: bytes, named: str
) -> None:
    """Before anything is taken from it."""
    path = tmp_path / "words.tsv"
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=named):
        load_own_words(path, read)


@given(st.text(max_size=60))
def test_ranges_are_apart_and_in_order(text: str) -> None:
    """Whatever the text."""
    words = parse_own_words(["a\tEY1", "b-c\tB IY1"], read)
    at = 0
    for each in words.said(text):
        assert at <= each.start < each.end <= len(text)
        at = each.end
