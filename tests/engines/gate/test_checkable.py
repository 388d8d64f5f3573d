"""Questions whose answers can be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.engines.gate.checkable import Checkable, read
from voiceserver.errors import ConfigError

FILE = Path(__file__).parents[3] / "models" / "router" / "checkable.txt"


@pytest.mark.parametrize(
    ("accepted", "said", "right"),
    [
        ("canberra", "It's Canberra, not Sydney.", True),
        ("canberra", "Sydney.", False),
        ("86,400", "There are 86400 seconds.", True),
        ("86400", "There are 86,400 seconds in a day.", True),
        ("9.9", "9.9 is larger.", True),
        ("8", "There are 80.", False),
        ("o negative", "O-negative blood.", True),
        ("k", "The symbol is K.", True),
        ("five cents", "It costs five cents.", True),
        ("36", "That's $36.", True),
        ("brasilia", "It is Bras\u00edlia.", True),
        ("b\u00e4ume", "Baume.", True),
    ],
)
def test_an_answer_is_right_where_it_has_an_accepted_one(
    accepted: str, said: str, right: bool
) -> None:
    """As words, however figures are written."""
    assert Checkable("?", ("nothing", accepted)).answered_by(said) is right


def test_the_set_that_comes_along_is_whole() -> None:
    """Some five hundred, none twice, so that ten bins have enough."""
    questions = [each.question for each in read(FILE.read_text("utf-8"), "f")]
    assert len(questions) > 450 and len(set(questions)) == len(questions)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a | b\nno bar", "line 2: write question"),
        ("# x\n | b", "line 2: write question"),
        ("a | ;", "line 1: write question"),
        ("a | ?!", "line 1: write question"),
        ("# nothing", "has 0 questions"),
    ],
)
def test_an_error_is_named_by_its_line(text: str, words: str) -> None:
    """And its file."""
    with pytest.raises(ConfigError, match=words) as refused:
        read(text, "mine.txt")
    assert "mine.txt" in str(refused.value)
