"""WrittenCalls: a call in the text is made or refused, and never spoken."""

from __future__ import annotations

import json

import pytest

from voiceserver.engines.providers.written_calls import WrittenCalls
from voiceserver.errors import ProviderFailed

CALL = '{"name": "look", "arguments": {"city": "Rome"}}'


def read(text: str, size: int, *offered: str) -> tuple[str, list[tuple[str, object]]]:
    """Text and calls of an answer that arrives in pieces of ``size``."""
    written = WrittenCalls("p", offered)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    given = "".join(map(written.push, pieces)) + written.flush()
    return given, [(call.name, json.loads(call.arguments)) for call in written.calls]


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
