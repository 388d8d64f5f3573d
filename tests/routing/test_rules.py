"""The operator's rules."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.config import RouterRule
from voiceserver.routing.rules import Rules
from voiceserver.routing.turns import Turn

REFUSED = {"then": "refuse", "say": "No."}


def name_of(text: str, *rules: RouterRule, **topics: float) -> str:
    begins = {"medical": 0.5}
    found = Rules(rules).matching(Turn(text).words, topics, begins)
    return found.name if found else ""


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("refund", "I want a refund!", True),
        ("refund", "I want refunds", False),
        ("refund*", "I want refunds", True),
        ("speak * manager", "may i speak to the manager please", True),
        ("speak * manager", "the manager may speak", False),
        ("speak * manager", "speak manager", True),
        ("cancel my contract", "please cancel my old contract", False),
        ("canc* * contr*", "cancelling both contracts", True),
        ("a b * b c", "a b c", False),
        ("a b * b c", "a b b c", True),
        ("a b * b c", "a a b x b b c", True),
        ("Don't * tell", "don\u2019t you tell", True),
    ],
)
def test_a_pattern_is_words_in_an_order(pattern: str, text: str, matches: bool) -> None:
    """With gaps and beginnings of words, anywhere in the turn."""
    rule = RouterRule("complex", "it", pattern)
    assert name_of(text, rule) == ("it" if matches else "")


def test_a_topic_is_matched_from_where_it_begins() -> None:
    """As it was trained."""
    rule = RouterRule("complex", topic="medical")
    assert name_of("", rule, medical=0.6) == "rule 1"
    assert name_of("", rule, medical=0.4) == ""


def test_the_most_careful_of_several_holds() -> None:
    """Whatever their order."""
    cheap = RouterRule("simple", "cheap", "refund")
    dear = RouterRule("complex", "dear", "a refund")
    never = RouterRule("refuse", "never", "want * refund", say="No.")
    over = RouterRule("hand_over", "over", "i want", say="One moment.")
    text = "i want a refund"
    assert name_of(text, cheap, dear) == "dear"
    assert name_of(text, never, cheap, dear) == "never"
    assert name_of(text, cheap, over, never) == "over"


@given(st.lists(st.sampled_from("abc"), max_size=30), st.data())
def test_looking_up_finds_what_looking_at_all_would(
    words: list[str], data: st.DataObject
) -> None:
    """The index leaves nothing out."""
    patterns = data.draw(
        st.lists(
            st.lists(
                st.sampled_from(["a", "b", "c", "a*", "*"]), min_size=1, max_size=4
            )
            .map(" ".join)
            .filter(lambda each: any(map(str.isalpha, each))),
            max_size=4,
            unique=True,
        )
    )
    rules = [RouterRule("complex", pattern=pattern) for pattern in patterns]
    found = Rules(rules).matching(words, {}, {}) is not None
    assert found == any(_slowly(p.split(), words) for p in patterns)


def _slowly(pattern: list[str], words: list[str]) -> bool:
    """All places tried: what ``matching`` does without going back."""

    def here(wanted: list[str], at: int) -> bool:
        if not wanted:
            return True
        if wanted[0] == "*":
            return any(here(wanted[1:], later) for later in range(at, len(words) + 1))
        fits = at < len(words) and (
            words[at] == wanted[0]
            or (wanted[0].endswith("*") and words[at].startswith(wanted[0][:-1]))
        )
        return fits and here(wanted[1:], at + 1)

    return any(here(pattern, at) for at in range(len(words) + 1))


def test_there_are_none() -> None:
    """Nothing is looked at then."""
    assert not Rules(())
    assert Rules((RouterRule("complex", topic="money"),))
