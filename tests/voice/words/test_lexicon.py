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
    "sea S IY1",
    "shore SH AO1 R",
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
        ("cats'", "K AE1 T S"),
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
        ("seashore", "S IY1 SH AO2 R"),
    ],
)
def test_inflections_and_compounds_by_rule(
    lexicon: Lexicon, word: str, phones: str
) -> None:
    """Endings sound as the stem's last phone asks; spelling changes are undone."""
    assert " ".join(lexicon.variants(word)[0]) == phones


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
    assert len(load_lexicon(path)) == 9
    assert "judge" in load_lexicon(path)


def test_foreign_phones_are_refused() -> None:
    """A file with other symbols is not a lexicon of ours."""
    with pytest.raises(ValueError, match="unknown phones"):
        parse_entries(["cat K QQ T"])
