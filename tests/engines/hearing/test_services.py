"""What services have in common: nothing that they send is taken for more than it is."""

from __future__ import annotations

import math

import pytest

from voiceserver.config import RecogniserProvider
from voiceserver.engines.base import Hypothesis, Opening
from voiceserver.engines.hearing.services import (
    MAX_TERM,
    MAX_TERMS,
    MAX_TEXT,
    document,
    joined,
    language_asked,
    log_of,
    mean_logprob,
    number,
    terms,
    text_of,
    texts,
)
from voiceserver.errors import ProviderFailed


def test_the_tables_language_is_before_the_conversations() -> None:
    of_any = RecogniserProvider("a", "http://h", "m")
    of_one = RecogniserProvider("a", "http://h", "m", language="de")
    assert language_asked(of_one, Opening("en")) == "de"
    assert language_asked(of_any, Opening("en")) == "en"
    assert language_asked(of_any, Opening("auto")) == ""


def test_a_prompt_is_a_list_of_terms_where_it_looks_like_one() -> None:
    assert terms("latte,  flat   white\nmocha,,") == ["latte", "flat white", "mocha"]
    assert terms("a" * (MAX_TERM + 1)) == []
    assert len(terms("a," * 200)) == MAX_TERMS


@pytest.mark.parametrize("sent", ["", "[]", "7", "{", "[" * 100_000, b"\xff"])
def test_what_is_no_object_is_a_failure(sent: str | bytes) -> None:
    with pytest.raises(ProviderFailed, match="ears: sent what cannot be read"):
        document("ears", sent)


def test_text_is_one_line_that_can_be_sent_on() -> None:
    assert text_of("one\n two \ud83d") == "one two ?"
    assert text_of(7) == ""
    assert len(text_of("a" * 30_000)) == MAX_TEXT
    assert texts(["a", 7, None]) == ["a"]
    assert texts("a") == []


def test_numbers_are_finite_numbers() -> None:
    assert (number(1), number(0.5)) == (1.0, 0.5)
    assert [number(each) for each in (True, "1", math.nan, math.inf, None)] == [
        None
    ] * 5
    assert log_of(1.5) == 0.0
    assert log_of(0) == pytest.approx(math.log(1e-6))
    assert mean_logprob([{"logprob": -1}, {"logprob": 2}, {}, 7]) == -0.5
    assert mean_logprob([]) is None
    assert mean_logprob("x") is None


def test_segments_make_one_utterance() -> None:
    parts = [
        Hypothesis("Uno", language="es", logprob=-1.0),
        Hypothesis(""),
        Hypothesis("dos.", language="es", logprob=-3.0),
        Hypothesis("three", language="en"),
    ]
    assert joined(parts) == Hypothesis("Uno dos. three", language="es", logprob=-2.0)
    assert joined([]) == Hypothesis()
