"""Calls that are written as text are made or refused; what is none is given."""

from __future__ import annotations

import json

import pytest

from voiceserver.engines.providers.unspoken.unspoken import Unspoken
from voiceserver.errors import ProviderFailed

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
