"""A domain's dialogue: what callers say to a coffee bar, and what it answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.engines.base import Message
from voiceserver.engines.domain import load
from voiceserver.engines.domain.dialogue import Dialogue, Said, Stage, State

COFFEE = load(Path(__file__).parents[3] / "examples" / "kiosk_orders" / "coffee.toml")
DIALOGUE = Dialogue(COFFEE)
WORDS = sorted(
    {
        word
        for slot in COFFEE.slots.values()
        for wording in slot.values
        for word in wording
    }
    | set(
        "no yes cancel a with and without i would like two actually never mind".split()
    )
)


def after(*said: str) -> tuple[State, str]:
    """Say these one after the other; return the state and the last answer."""
    state, answer = State(), ""
    for text in said:
        move = DIALOGUE.step(state, text)
        state, answer = move.state, "CARRY OUT" if move.carry_out else move.say
    return state, answer


@pytest.mark.parametrize(
    ("said", "slots"),
    [
        (["A large latte, please."], {"size": "large", "drink": "latte"}),
        (
            ["Can I get a double-shot iced mocha, a bit of soy milk and brown sugar?"],
            {
                "shots": "double shot",
                "drink": "iced mocha",
                "milk": "a bit of soy milk",
                "sugar": "brown sugar",
            },
        ),
        (["16 ounce americano"], {"size": "sixteen ounce", "drink": "americano"}),
        (["two lattes"], {"drink": "latte"}),
        (["a latte, no, a mocha"], {"drink": "mocha"}),
        (["a latte, actually make that a mocha"], {"drink": "mocha"}),
        (["a latte without milk"], {"drink": "latte"}),
        (["a latte with milk", "no, soy milk"], {"drink": "latte", "milk": "soy milk"}),
        (["a latte with milk", "no milk"], {"drink": "latte"}),
        (["a small latte", "no, a large one"], {"drink": "latte", "size": "large"}),
        (["a small latte", "no a large one"], {"drink": "latte", "size": "large"}),
        (["a latte", "no", "make it a cappuccino"], {"drink": "cappuccino"}),
        (["dark rose latte", "yes"], {"drink": "latte", "roast": "dark roast"}),
        (["dark rose latte", "no"], {"drink": "latte"}),
        (["i'd like to order", "an expresso"], {"drink": "espresso"}),
        (
            ["a latte with milk. a lot of milk"],
            {"drink": "latte", "milk": "a lot of milk"},
        ),
    ],
)
def test_what_was_said_fills_the_slots(said: list[str], slots: dict[str, str]) -> None:
    assert dict(after(*said)[0].slots) == slots


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (["I'd like to order"], "What would you like to drink?"),
        (["a large latte"], "That is a large latte. Is that right?"),
        (["a large latte", "yes please"], "CARRY OUT"),
        (["a large latte", "that's right"], "CARRY OUT"),
        (
            ["a large latte", "yes, but with milk"],
            "That is a large latte with milk. Is that right?",
        ),
        (["a large latte", "no"], "What would you like to change?"),
        (["a large latte", "Actually, cancel that please."], COFFEE.lines.cancelled),
        (["a latte and a mocha"], "Did you say latte or mocha?"),
        (["a small medium light roast"], "Did you say small or medium?"),
        (
            ["a large latte", "er the weather is nice"],
            "Sorry, I did not get that. That is a large latte. Is that right?",
        ),
        (["a large latte", "is it raining", "is it"], ""),
        (["what time is it"], ""),
        (["I take milk"], ""),
        (["a latte", "yes", "what time is it"], ""),
        (["can i get a cup of chino"], "Did you say cappuccino?"),
        (["a large dark roast, ies"], "What would you like to drink?"),
    ],
)
def test_what_is_open_is_asked(said: list[str], answer: str) -> None:
    assert after(*said)[1] == answer


def test_an_order_is_over_once_it_was_carried_out() -> None:
    state, answer = after("a large latte", "yes", "a small mocha")
    assert dict(state.slots) == {"size": "small", "drink": "mocha"}
    assert answer == "That is a small mocha. Is that right?"


def test_the_state_is_worked_out_of_the_conversation_alone() -> None:
    talk = [
        Message("user", "a large latte"),
        Message("assistant", "That is a large latte. Is"),  # interrupted
        Message("user", "no, a small one"),
    ]
    assert dict(DIALOGUE.answer(talk).state.slots) == {
        "size": "small",
        "drink": "latte",
    }
    assert DIALOGUE.answer(talk[2:]).say == ""


def test_what_failed_can_be_tried_again() -> None:
    talk = [
        Message("user", "a large latte"),
        Message("assistant", "That is a large latte. Is that right?"),
        Message("user", "yes"),
        Message("assistant", COFFEE.lines.failed),
        Message("user", "yes"),
    ]
    assert DIALOGUE.answer(talk[:3]).carry_out
    assert not DIALOGUE.answer(talk[:4]).carry_out
    assert DIALOGUE.answer(talk).carry_out


@given(st.lists(st.lists(st.sampled_from(WORDS), max_size=8), max_size=6))
def test_nothing_is_carried_out_that_was_not_read_back(turns: list[list[str]]) -> None:
    state, answer = State(), ""
    for words in turns:
        move = DIALOGUE.step(state, " ".join(words))
        if move.carry_out:
            read_back = move.state.slots
            assert state.stage is Stage.CONFIRMING
            assert read_back == state.slots
            assert all(value in answer for value in read_back.values())
        state, answer = move.state, move.say


@given(st.text(max_size=60), st.text(max_size=60))
def test_nothing_that_is_said_breaks_it(first: str, then: str) -> None:
    move = DIALOGUE.step(DIALOGUE.step(State(), first).state, then)
    assert set(move.state.slots) <= set(COFFEE.slots)


def test_commas_tell_an_objection_from_a_refusal() -> None:
    assert Said.of("No, milk.").pauses >= {1}
    assert 1 not in Said.of("no milk").pauses
