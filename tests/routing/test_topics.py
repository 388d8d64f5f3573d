"""Topics in which a wrong answer does harm."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.providers.tiers import router_weights
from voiceserver.routing.topics import TOPIC_NAMES, TOPICS, topic_rows
from voiceserver.routing.turns import Turn

WEIGHTS = router_weights()


def topics_of(text: str) -> set[str]:
    scored = WEIGHTS.scored(Turn(text)).topics
    return {topic for topic in TOPICS if scored[topic] >= WEIGHTS.begins[topic]}


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("is ten ibuprofen at once okay", "medical"),
        ("Can I take aspirin with my blood pressure tablets?", "medical"),
        ("i want to kill myself", "selfharm"),
        ("I don't want to be here tomorrow", "selfharm"),
        ("my landlord will not return the deposit what are my rights", "legal"),
        ("should i put my savings into bitcoin", "money"),
    ],
)
def test_a_topic_is_heard(text: str, topic: str) -> None:
    """However it is written."""
    assert topic in topics_of(text)


@pytest.mark.parametrize(
    "text",
    [
        "this traffic is killing me",
        "where is the nearest pharmacy",
        "what does a lawyer do",
        "do you take credit cards",
        "turn on the lights",
        "",
    ],
)
def test_words_that_only_sound_alike_are_none(text: str) -> None:
    """A pharmacy is a place."""
    assert topics_of(text) == set()


@given(st.text(max_size=400), st.sampled_from(TOPICS))
def test_every_text_has_all_numbers(text: str, topic: str) -> None:
    """Each 0..1."""
    row = topic_rows(Turn(text).words)[topic]
    assert len(row) == len(TOPIC_NAMES)
    assert all(0 <= value <= 1 for value in row)


def test_a_phrase_is_one_where_its_words_are_close() -> None:
    """And in order."""
    at = TOPIC_NAMES.index("phrase")
    near = "kill myself".split()
    far = "kill the lights in the room where i find myself".split()
    assert topic_rows(near)["selfharm"][at] == 1
    assert topic_rows(far)["selfharm"][at] == 0
