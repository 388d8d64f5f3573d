"""The text normaliser against a table of what should be said."""

from __future__ import annotations

import itertools
import random
import string
import time

import pytest

from tests.voice.text.spoken_table import TABLE
from voiceserver.voice.text.normalise import MARKS, Normalised, normalise

CASES = [case for cases in TABLE.values() for case in cases]


def shown(n: Normalised) -> str:
    """Tokens as the table writes them."""
    return " ".join(
        t.text[0].upper() + t.text[1:] if t.spelled else t.text for t in n.tokens
    )


@pytest.mark.parametrize(("text", "spoken"), CASES)
def test_table(text: str, spoken: str) -> None:
    """Each text of the table is spoken as written there."""
    assert shown(normalise(text)) == spoken


def test_table_is_large() -> None:
    """Several hundred cases."""
    assert len(CASES) > 300


@pytest.mark.parametrize("kind", TABLE)
def test_ranges_lie_in_the_source_and_in_order(kind: str) -> None:
    """Each token says which characters it came from."""
    for text, _ in TABLE[kind]:
        tokens = normalise(text).tokens
        assert all(0 <= t.start < t.end <= len(text) for t in tokens)
        starts = [t.start for t in tokens]
        assert starts == sorted(starts)


def test_words_keep_their_own_range() -> None:
    """The words of a number share its range; other words have their own."""
    text = "Pay $5.20 now"
    ranges = [(t.text, text[t.start : t.end]) for t in normalise(text).tokens]
    assert ranges[0] == ("pay", "Pay")
    assert ("twenty", "$5.20") in ranges
    assert ranges[-1] == ("now", "now")


@pytest.mark.parametrize("kind", TABLE)
def test_plain_words_stay_as_they_are(kind: str) -> None:
    """Normalising what was normalised changes no word."""
    for _, spoken in TABLE[kind]:
        if spoken == spoken.lower():
            words = [w for w in spoken.split() if w not in MARKS]
            assert list(normalise(" ".join(words)).words) == words


def test_foreign_letters_are_counted() -> None:
    """Letters of scripts that cannot be read are left out and counted."""
    assert normalise("привет hello").skipped == 6
    assert normalise("hello").skipped == 0


@pytest.mark.parametrize("seed", range(20))
def test_any_text_gives_clean_tokens(seed: int) -> None:
    """Random characters never fail and give only letters, apostrophes and marks."""
    rng = random.Random(seed)
    pool = string.printable + "€£½…—“”éπ中😀\u200d\ufe0f\x00"
    text = "".join(rng.choice(pool) for _ in range(400))
    tokens = normalise(text).tokens
    allowed = set(string.ascii_lowercase + "'")
    assert all(t.text in MARKS or set(t.text) <= allowed for t in tokens)
    pairs = itertools.pairwise(tokens)
    assert not any(a.is_mark and b.is_mark for a, b in pairs)


@pytest.mark.parametrize(
    "text", ["a." * 12_000, "1" * 25_000, "-" * 25_000, "x@" * 12_000, "1," * 12_000,
             "((" * 12_000, "*a " * 8_000, "A1" * 12_000, "[" * 25_000, "<a" * 12_000,
             "1." * 12_000, "/a" * 12_000]
)  # fmt: skip
def test_hostile_length_stays_linear(text: str) -> None:
    """25,000 characters of the worst kind take a second or so, not minutes."""
    start = time.process_time()
    normalise(text)
    assert time.process_time() - start < 8  # of the processor, whoever else runs
