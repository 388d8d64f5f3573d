"""Thoughts never come through, the answer always does."""

from __future__ import annotations

import pytest

from voiceserver.engines.providers.unspoken.thoughts import opens_thoughts
from voiceserver.engines.providers.unspoken.unspoken import Unspoken

ANSWER = "The kitchen light is on now."
MUSED = "Okay, the user wants to know. I must be brief.\n"


def passed(text: str, size: int, opened: bool = False, cut: bool = False) -> str:
    """What comes through of a text that arrives in pieces of ``size``."""
    unspoken = Unspoken("p", opened=opened)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    return "".join(map(unspoken.push, pieces)) + unspoken.flush(cut)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    ("written", "answer"),
    [
        (f"<think>\n{MUSED}</think>\n\n{ANSWER}", ANSWER),
        (f"\n<think></think>{ANSWER}", ANSWER),
        (f"<THINKING>{MUSED}</Thinking> {ANSWER}", ANSWER),
        (f"[THINK]{MUSED}[/THINK]{ANSWER}", ANSWER),
        (f"{MUSED}</think>\n\n{ANSWER}", ANSWER),
        (f"Hmm, let me see. The user asks.</think>{ANSWER}", ANSWER),
        (f"The user is asking.</thinking>{ANSWER}", ANSWER),
        (f"First. <think>{MUSED}</think>{ANSWER}", f"First. {ANSWER}"),
        (f"<think>a</think>One.\n<think>b</think>{ANSWER}", f"One.\n{ANSWER}"),
        (f"<think>{MUSED}", ""),
        (f"<scratchpad>{MUSED}</scratchpad>{ANSWER}", ANSWER),
        (f"<seed:think>{MUSED}</seed:think>{ANSWER}", ANSWER),
        (f'<details type="reasoning">{MUSED}</details>\n{ANSWER}', ANSWER),
        ("The `<think>` tag opens it.", "The `<think>` tag opens it."),
        ("The tag <think> opens it.", "The tag <think> opens it."),
        ("5 < 6 and a <b> is bold.", "5 < 6 and a <b> is bold."),
        ("Okay, done.", "Okay, done."),
        ("The user manual is on the shelf.", "The user manual is on the shelf."),
        (ANSWER, ANSWER),
        ("", ""),
    ],
)
def test_only_the_answer_comes_through(size: int, written: str, answer: str) -> None:
    """However it is cut, and whoever opened the thought."""
    assert passed(written, size) == answer


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_an_expected_thought_is_held_back_to_its_end(size: int) -> None:
    """Where the template opens it nothing may tell it from an answer."""
    written = f"Light, kitchen. It is on.</think>{ANSWER}"
    assert passed(written, size, opened=True) == ANSWER
    assert passed(ANSWER, size, opened=True) == ANSWER
    assert passed(ANSWER, size, opened=True, cut=True) == ""


def test_what_was_found_is_known_for_the_next_answer() -> None:
    """A service's template does not change between two answers."""
    unspoken = Unspoken("p")
    unspoken.push(f"On, I think.</think>{ANSWER}")
    assert unspoken.opened
    unspoken = Unspoken("p", opened=True)
    unspoken.push(f"<think>a</think>{ANSWER}")
    assert not unspoken.opened
    unspoken = Unspoken("p", opened=True)
    unspoken.push(ANSWER)
    unspoken.flush()
    assert not unspoken.opened


def test_an_answer_is_not_held_back() -> None:
    """Its first characters leave at once."""
    assert Unspoken("p").push("The kitchen") == "The kitchen"
    apart = Unspoken("p", opened=True)
    apart.apart()
    assert apart.push("Yes, ") == "Yes, "


@pytest.mark.parametrize(
    ("model", "opens"),
    [
        ("deepseek-ai/DeepSeek-R1", True),
        ("Qwen/QwQ-32B", True),
        ("qwen3-4b-thinking-2507", True),
        ("gpt-4.1-mini", False),
        ("Qwen/Qwen3-8B", False),
    ],
)
def test_models_are_known_by_their_names(model: str, opens: bool) -> None:
    """Those whose templates begin within the thoughts."""
    assert opens_thoughts(model) is opens
