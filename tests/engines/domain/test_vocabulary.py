"""What recognisers are told to listen for."""

from __future__ import annotations

from pathlib import Path

import pytest

from voiceserver.engines.domain import load
from voiceserver.engines.domain.vocabulary import MAX_LISTED, known, listed, rules
from voiceserver.engines.responder import STANDARD, Question, jsgf
from voiceserver.engines.sphinx.grammar import GrammarSearch
from voiceserver.engines.sphinx.search import find_model

KIOSK = Path(__file__).parents[3] / "examples" / "kiosk_orders"
COFFEE, TAXI = load(KIOSK / "coffee.toml"), load(KIOSK / "taxi.toml")


def test_short_wordings_are_listed_and_no_synonyms() -> None:
    words = listed(COFFEE)
    assert {"latte", "double shot", "almond milk", "brown sugar"} <= set(words)
    assert "expresso" not in words
    assert len(words) <= MAX_LISTED


def test_all_that_a_caller_may_say_is_known() -> None:
    """Orders, answers, corrections; numbers where they are asked for."""
    words = set(known(COFFEE))
    said = "can i get an iced mocha with a little bit of cream please"
    assert set(said.split()) <= words
    assert {"cancel", "yes", "that's", "no", "instead", "thirsty"} <= words
    assert not {"seventeen", "|", "(get", ""} & words
    assert {"seventeen", "hundred"} <= set(known(TAXI))


@pytest.mark.parametrize("questions", [(), STANDARD])
def test_the_grammar_can_be_listened_for(questions: tuple[Question, ...]) -> None:
    written = jsgf(questions, domain=rules(COFFEE))
    assert GrammarSearch(find_model(""), written)
