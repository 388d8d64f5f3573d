"""Lexicon and its rules, on a small dictionary."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from voiceserver.voice.words.lexicon import Lexicon, load_lexicon, parse_entries

LINES = [
    "cat K AE1 T",
    "judge JH AH1 JH",
    "try T R AY1",
    "stop S T AA1 P",
    "bake B EY1 K",
    "happy HH AE1 P IY0",
    "star S T AA1 R",
    "stare S T EH1 R",
    "rose R OW1 Z",
    "ros R AO1 S",
    "normal N AO1 R M AH0 L",
    "prince P R IH1 N S",
    "princes P R IH1 N S IH0 Z",
    "water W AO1 T ER0",
    "waters W AO1 T ER0 Z",
    "melon M EH1 L AH0 N",
    "melons M EH1 L AH0 N Z",
    "kelly K EH1 L IY0",
    "st S T R IY1 T",
    "read R IY1 D",
    "read(2) R EH1 D",
]


@pytest.fixture
def lexicon() -> Lexicon:
    """The small dictionary."""
    return Lexicon(parse_entries(LINES))


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("cat", "K AE1 T"),
        ("cats", "K AE1 T S"),
        ("cat's", "K AE1 T S"),
        ("judges", "JH AH1 JH IH0 Z"),
        ("judge's", "JH AH1 JH IH0 Z"),
        ("tries", "T R AY1 Z"),
        ("tried", "T R AY1 D"),
        ("trying", "T R AY1 IH0 NG"),
        ("stopped", "S T AA1 P T"),
        ("stopping", "S T AA1 P IH0 NG"),
        ("stoppin'", "S T AA1 P IH0 N"),
        ("baked", "B EY1 K T"),
        ("baking", "B EY1 K IH0 NG"),
        ("happiness", "HH AE1 P IY0 N AH0 S"),
        ("retry", "R IY0 T R AY1"),
        ("watermelon", "W AO1 T ER0 M EH2 L AH0 N"),
        ("watermelons", "W AO1 T ER0 M EH2 L AH0 N Z"),
        ("princes'", "P R IH1 N S IH0 Z"),
        ("cats'", "K AE1 T S"),
        ("stared", "S T EH1 R D"),
        ("starred", "S T AA1 R D"),
        ("roses", "R OW1 Z IH0 Z"),
        ("happily", "HH AE1 P AH0 L IY0"),
        ("happiest", "HH AE1 P IY0 IH0 S T"),
        ("normally", "N AO1 R M AH0 L IY0"),
    ],
)
def test_inflections_and_compounds_by_rule(
    lexicon: Lexicon, word: str, phones: str
) -> None:
    """Endings sound as the stem's last phone asks; spelling changes are undone."""
    assert " ".join(lexicon.variants(word)[0]) == phones


@pytest.mark.parametrize("word", ["princess", "sting", "starkelly", "catwater"])
def test_what_only_looks_ruled_is_left_to_the_network(
    lexicon: Lexicon, word: str
) -> None:
    """No plural ends in "ss", a stem has a vowel, a compound is of common words."""
    assert lexicon.variants(word) == ()


def test_variants_keep_their_order(lexicon: Lexicon) -> None:
    """The usual pronunciation is the first."""
    assert [" ".join(v) for v in lexicon.variants("read")] == ["R IY1 D", "R EH1 D"]


def test_unknown_words_have_no_variant(lexicon: Lexicon) -> None:
    """They are left to the letter-to-sound network."""
    assert lexicon.variants("zyx") == ()
    assert lexicon.variants("s") == ()
    assert lexicon.variants("'s") == ()


def test_packed_file_is_read_back(tmp_path: Path) -> None:
    """Gzipped lines, as the build script writes them."""
    path = tmp_path / "lexicon.gz"
    path.write_bytes(gzip.compress("\n".join(LINES).encode()))
    assert len(load_lexicon(path)) == 20
    assert "judge" in load_lexicon(path)


def test_foreign_phones_are_refused() -> None:
    """A file with other symbols is not a lexicon of ours."""
    with pytest.raises(ValueError, match="unknown phones"):
        parse_entries(["cat K QQ T"])
