"""Signs that the beginning of an answer is wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.gate.confidence import (
    Beginning,
    area,
    faults,
    raw,
    source,
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("...", "empty"),
        ("I'm sorry, but I can't help with that.", "refusal"),
        ("It is probably around ten.", "hedging"),
        ("the cat sat on the cat sat on the cat sat on", "repetition"),
        ("El gato es muy grande y con una casa.", "language"),
        ("\u4f60\u597d\u4e16\u754c\u4f60\u597d", "language"),
        ("**Paris** is it.", "markup"),
        ("```python", "markup"),
        ("What is the tallest mountain in Africa?", "echo"),
        ('{"name": "get_weather", "arguments": {}}', "tool_call"),
    ],
)
def test_a_fault_has_its_name(text: str, fault: str) -> None:
    """Each by its check."""
    asked = "what is the tallest mountain in africa"
    assert fault in faults(Beginning(text, asked))


@pytest.mark.parametrize(
    "text",
    [
        "Paris is the capital of France.",
        "The tallest mountain in Africa is Kilimanjaro.",
        "Yes.",
        "Sure, I have set it for nine.",
        "Buenos dias means good morning.",
        "Kein Problem",
    ],
)
def test_a_plain_answer_has_none(text: str) -> None:
    """Short ones and quoted words too."""
    assert faults(Beginning(text, "what is the tallest mountain in africa")) == ()


def test_another_language_of_the_conversation_is_none() -> None:
    """Only English is known well enough."""
    text = "El gato es muy grande y con una casa."
    assert faults(Beginning(text, language="es-MX")) == ()


@given(st.text(max_size=300), st.text(max_size=100), st.lists(st.floats(-99, 0)))
def test_any_beginning_has_a_number(text: str, asked: str, told: list[float]) -> None:
    """Bounded, whatever the service tells."""
    beginning = Beginning(text, asked, tuple(told))
    assert -10 - 2 * 8 <= raw(beginning) <= 0
    assert source(beginning) == ("logprobs+text" if told else "text")


def test_less_probable_tokens_and_faults_count_against_it() -> None:
    """The first sixteen tokens alone."""
    sure, unsure = Beginning("Yes.", "", (-0.1,)), Beginning("Yes.", "", (-2.0,))
    assert raw(sure) > raw(unsure) > raw(Beginning("...", "", (-2.0,)))
    assert raw(Beginning("Yes.", "", (-1.0,) * 16 + (-9.0,) * 9)) == -1.0


def test_an_area_is_that_of_all_pairs() -> None:
    """None where there is one kind only."""
    assert area([1, 2, 3], [False, True, True]) == 1
    assert area([1, 1], [False, True]) == 0.5
    assert area([1, 1], [True, True]) is None
