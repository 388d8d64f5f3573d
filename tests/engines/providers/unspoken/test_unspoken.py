"""Unspoken: what is not to be spoken never comes through, the answer always does."""

from __future__ import annotations

import json

import pytest

from voiceserver.engines.providers.unspoken.thoughts import opens_thoughts
from voiceserver.engines.providers.unspoken.unspoken import Unspoken
from voiceserver.errors import ProviderFailed

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


CALL = '{"name": "look", "arguments": {"city": "Rome"}}'


def read(text: str, size: int, *offered: str) -> tuple[str, list[tuple[str, object]]]:
    """Text and calls of an answer that arrives in pieces of ``size``."""
    unspoken = Unspoken("p", offered)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    given = "".join(map(unspoken.push, pieces)) + unspoken.flush()
    return given, [(call.name, json.loads(call.arguments)) for call in unspoken.calls]


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CALL, ""),
        (f"\n{CALL}\n", ""),
        (f"[{CALL}]", ""),
        (f"```json\n{CALL}\n```", ""),
        (f"<tool_call>\n{CALL}\n</tool_call>", ""),
        (f"Let me see. <tool_call>{CALL}</tool_call>", "Let me see. "),
        (f"Let me see.\n{CALL}", "Let me see.\n"),
        (f"[TOOL_CALLS][{CALL}]", ""),
        ('{"name": "look", "parameters": {"city": "Rome"}}', ""),
        ('{"function": {"name": "look", "arguments": {"city": "Rome"}}}', ""),
        ('<function=look>{"city": "Rome"}</function>', ""),
        ("<function=look><parameter=city>\nRome\n</parameter></function>", ""),
        ('[look(city="Rome")]', ""),
        ('look(city="Rome")<|eot_id|>', ""),
        ("```tool_code\nprint(look(city='Rome'))\n```", ""),
        ('Let me see.\nlook(city="Rome")', "Let me see.\n"),
        ('[TOOL_CALLS]look[ARGS]{"city": "Rome"}', ""),
        (f"functools[{CALL}]", ""),
        (
            "<|channel|>analysis<|message|>He asks.<|end|><|start|>assistant<|channel|>"
            'commentary to=functions.look <|constrain|>json<|message|>{"city": "Rome"}',
            "",
        ),
        (
            "<\uff5ctool\u2581calls\u2581begin\uff5c><\uff5ctool\u2581call\u2581begin\uff5c>"
            'function<\uff5ctool\u2581sep\uff5c>look\n```json\n{"city": "Rome"}\n```',
            "",
        ),
        (
            "<|tool_calls_section_begin|><|tool_call_begin|>functions.look:0"
            '<|tool_call_argument_begin|>{"city": "Rome"}<|tool_call_end|>',
            "",
        ),
        (
            '<function_calls><invoke name="look"><parameter name="city">Rome'
            "</parameter></invoke></function_calls>",
            "",
        ),
        (
            "<tool_call>look\n<arg_key>city</arg_key>\n<arg_value>Rome</arg_value>"
            "</tool_call>",
            "",
        ),
    ],
)
def test_a_written_call_is_a_call(size: int, text: str, words: str) -> None:
    """As the templates of several models have it."""
    assert read(text, size, "look") == (words, [("look", {"city": "Rome"})])


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "It is 4 < 5.",
        "The set {1, 2} is small.",
        '{"colour": "blue"}',
        "```python\nprint(1)\n```\nDone.",
        "[1] is a footnote.",
        "Yes.\n\nNo.",
        "look(city) is how it begins.",
        "Look at that. It is 3.",
        "```python\nfor c in cities:\n    look(city=c)\n```",
        '```python\nx = 1\nlook(city="Rome")\n```',
    ],
)
def test_what_is_no_call_is_given(size: int, text: str) -> None:
    """All of it, at the end at the latest."""
    assert read(text, size, "look") == (text, [])


@pytest.mark.parametrize(
    "text",
    [
        CALL.replace("look", "shout"),
        "<tool_call>{broken</tool_call>",
        f"<tool_call>{CALL.replace('look', 'shout')}",
        '{"name": "look", "arguments": [1]}',
        'look("Rome")',
        "look(city=open('x'))",
        "<function_calls><invoke name=shout></invoke></function_calls>",
        "[TOOL_CALLS]look[ARGS]{broken",
    ],
)
def test_a_call_that_cannot_be_made_is_refused(text: str) -> None:
    """Unknown functions, broken JSON."""
    with pytest.raises(ProviderFailed, match="wrote a call"):
        read(text, 5, "look")


def test_without_functions_an_object_is_an_answer() -> None:
    """The user may have asked for one; a tag is a call all the same."""
    assert read(CALL, 4) == (CALL, [])
    with pytest.raises(ProviderFailed):
        read(f"<tool_call>{CALL}</tool_call>", 4)


def test_a_half_waits_for_its_other() -> None:
    """Across chunks, however they are cut."""
    unspoken = Unspoken("p")
    assert unspoken.push("x\ud83d") + unspoken.push("") == "x"
    assert unspoken.push("\ude00b\ud83d") == "\U0001f600b"
    assert unspoken.push("c") == "c"


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_call_behind_a_thought_is_found(size: int) -> None:
    """One is taken out after the other, with halves of characters in both."""
    text = f"<think>{MUSED}\ud83d\ude00</think>{CALL}"
    assert read(text, size, "look") == ("", [("look", {"city": "Rome"})])
    text = f"<think>{CALL}</think>{ANSWER} \ud83d\ude00"
    assert read(text, size, "look") == (f"{ANSWER} \U0001f600", [])
