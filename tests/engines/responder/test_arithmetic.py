"""Sums as people say and type them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.responder.arithmetic import answer
from voiceserver.engines.words import spoken


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("what is twelve times seven", "12 times 7 is 84."),
        ("twelve times seven", "12 times 7 is 84."),
        ("hey can you tell me what's two plus two please", "2 plus 2 is 4."),
        ("how much is ten divided by four", "10 divided by 4 is 2.5."),
        ("what is fifteen percent of eighty", "15 percent of 80 is 12."),
        ("what's 15% of 80?", "15 percent of 80 is 12."),
        ("square root of one forty four", "The square root of 144 is 12."),
        ("what is the cube root of twenty seven", "The cube root of 27 is 3."),
        ("what is nine squared", "9 squared is 81."),
        ("two to the power of ten", "2 to the power of 10 is 1024."),
        ("three point one four times two", "3.14 times 2 is 6.28."),
        ("minus five plus three", "Minus 5 plus 3 is minus 2."),
        ("five minus negative three", "5 minus minus 3 is 8."),
        ("half of nine", "Half of 9 is 4.5."),
        ("what is a third of ninety", "A third of 90 is 30."),
        ("add five and seven and one", "5 plus 7 plus 1 is 13."),
        ("subtract three from ten", "10 minus 3 is 7."),
        ("multiply six by seven", "6 times 7 is 42."),
        ("divide ten by four", "10 divided by 4 is 2.5."),
        ("the difference between ten and four", "10 minus 4 is 6."),
        ("what is the product of 6 and 7", "6 times 7 is 42."),
        ("what does two plus two equal", "2 plus 2 is 4."),
        ("12 * 7", "12 times 7 is 84."),
        ("12x7=", "12 times 7 is 84."),
        ("(3 + 4) * 2", "That is 14."),
        ("1,000,000 * 5", "1,000,000 times 5 is 5,000,000."),
    ],
)
def test_a_sum_is_answered_with_what_was_understood(text: str, said: str) -> None:
    """So that who was misheard can tell."""
    assert answer(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("seven plus to", "7 plus 2 is 9."),
        ("seven plus too", "7 plus 2 is 9."),
        ("what is seven time for minus won", "7 times 4 minus 1 is 27."),
    ],
)
def test_misheard_digits_are_believed_where_one_must_stand(
    text: str, said: str
) -> None:
    """Recognisers write to for two and for for four."""
    assert answer(text) == said


def test_division_by_zero_is_declined_kindly() -> None:
    """No traceback, no infinity."""
    assert answer("seven divided by zero") == "I cannot divide by zero, nobody can."


@pytest.mark.parametrize(
    "text",
    [
        "",
        "seven",
        "what is seven",
        "what is the time",
        "seven plus",
        "plus seven",
        "one two three four",
        "drop the two when you add the figures",
        "add figures",
        "ten of clubs",
        "two people",
        "half an hour",
        "two thirty p m",
        "seven plus two is nine and i know it",
        "(3 + 4",
        "(" * 30 + "1+1" + ")" * 30,
        "one plus " * 40 + "one",
    ],
)
def test_what_is_not_wholly_a_sum_is_left_alone(text: str) -> None:
    """Others may understand it."""
    assert answer(text) is None


@given(
    st.integers(0, 99_999),
    st.integers(0, 99_999),
    st.booleans(),
)
def test_spoken_sums_are_right(a: int, b: int, add: bool) -> None:
    """Any two numbers, said in words."""
    word, value = ("plus", a + b) if add else ("times", a * b)
    said = answer(f"what is {' '.join(spoken(a))} {word} {' '.join(spoken(b))}")
    assert said is not None
    assert said.replace(",", "").endswith(f" is {value}.")


@given(st.text(alphabet=st.characters(max_codepoint=0x2212), max_size=80))
def test_any_text_is_survived(text: str) -> None:
    """An answer or none, nothing raised."""
    assert answer(text) != ""
