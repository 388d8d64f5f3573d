"""What a domain says whatever its callers say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from voiceserver.engines.domain import load, phrases
from voiceserver.engines.domain.dialogue import Dialogue, State
from voiceserver.engines.domain.phrases import MOST
from voiceserver.engines.domain.terms import Domain, Slot
from voiceserver.phrases import PhraseSplitter

KIOSK = Path(__file__).parents[3] / "examples" / "kiosk_orders"
COFFEE, TAXI = load(KIOSK / "coffee.toml"), load(KIOSK / "taxi.toml")


def spoken(text: str) -> list[str]:
    """As an answer cuts it."""
    splitter = PhraseSplitter()
    return [each.text for each in (*splitter.push(text), *splitter.flush())]


def test_every_question_for_what_has_to_be_known_is_ready() -> None:
    """In the very pieces in which an answer hands it to the voice."""
    for domain in (COFFEE, TAXI):
        [intent, *_] = domain.intents
        for name in intent.required:
            assert set(spoken(domain.slots[name].ask)) <= set(phrases(domain))


def test_what_follows_when_a_caller_is_not_understood_is_ready() -> None:
    dialogue = Dialogue(COFFEE)
    asked = dialogue.step(State(), "can i order")
    again = dialogue.step(asked.state, "the weather")
    assert again.say.startswith(COFFEE.lines.pardon)
    ready = set(phrases(COFFEE))
    assert {*spoken(asked.say), *spoken(again.say)} <= ready
    assert {COFFEE.lines.change, COFFEE.lines.cancelled} <= ready


def test_what_has_a_slot_in_it_is_not() -> None:
    assert not any("{" in phrase or "Did you say" in phrase for phrase in phrases(TAXI))


def test_a_large_domain_has_its_first_questions_ready() -> None:
    names = [f"slot_{n}" for n in range(100)]
    slots = {name: Slot(name, f"What is {name}?", number=(0, 1)) for name in names}
    intent = replace(TAXI.intents[0], slots=(*names,), required=(*names,))
    ready = phrases(Domain("large", slots, (intent,)))
    assert len(ready) == MOST
    assert ready[0] == "What is slot_0?"
