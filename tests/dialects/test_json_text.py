"""JSON of clients, read within bounds."""

from __future__ import annotations

import json

import pytest

from voiceserver.dialects.json_text import (
    MAX_DIGITS,
    MAX_NUMBERS,
    MAX_TEXT,
    MAX_VALUES,
    read,
    read_event,
)
from voiceserver.errors import BadRequest


@pytest.mark.parametrize(
    "text",
    ["[1e999]", "[-1e999]", "[NaN]", "[Infinity]", "[" + "9" * (MAX_DIGITS + 1) + "]"],
)
def test_what_cannot_be_sent_back_is_no_json(text: str) -> None:
    """Numbers that are not finite; numbers of very many digits."""
    with pytest.raises(BadRequest, match="it is not valid JSON") as refused:
        read(text, "it")
    assert refused.value.code == "invalid_json"


@pytest.mark.parametrize("number", ["1", "-1.5", "1e3", "1." + "7" * 60])
def test_numbers_are_counted(number: str) -> None:
    """Of any kind: they take longest to read."""
    most = ",".join([number] * MAX_NUMBERS)
    assert len(read(f"[{most}]", "it")) == MAX_NUMBERS  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="numbers") as refused:
        read(f"[{most},{number}]", "it")
    assert refused.value.code == "event_too_large"


def test_bytes_are_utf_8() -> None:
    """Others are no JSON."""
    assert read('"ä"'.encode(), "it") == "ä"
    with pytest.raises(BadRequest):
        read(b'"\xff"', "it")


@pytest.mark.parametrize(
    "value",
    [
        "1.0," * 2_000_000 + "1",
        "1," * MAX_VALUES + "1",
        "[]," * MAX_VALUES + "1",
        '{"a":1},' * MAX_VALUES + "1",
        "[" * MAX_VALUES + "]" * MAX_VALUES,
        '"","' + "x" * MAX_TEXT + '"',
    ],
)
@pytest.mark.parametrize("name", ["x", "audio"])
def test_what_would_take_long_to_read_is_not_read(value: str, name: str) -> None:
    """Many numbers, lists or objects, deep or wide, or much text."""
    with pytest.raises(BadRequest) as refused:
        read_event(f'{{"type":"x","{name}":[{value}]}}')
    assert refused.value.code == "event_too_large"


def test_much_after_the_audio_counts() -> None:
    """The letters of audio are one value; what comes behind is not hidden by them."""
    with pytest.raises(BadRequest, match="values"):
        read_event('{"audio":"AAAA","x":[' + "1," * MAX_VALUES + "1]}")


@pytest.mark.parametrize("gap", ["", " ", "\n "])
def test_long_audio_is_one_value(gap: str) -> None:
    """However long, and wherever its name stands."""
    letters = "A" * (4 * MAX_TEXT)
    event = f'{{"audio"{gap}:{gap}"{letters}","type":"x"}}'
    assert read_event(event) == {"audio": letters, "type": "x"}


@pytest.mark.parametrize("number", ["9" * 1_001, "1e999", "NaN", "0." + "1" * 1_000])
def test_numbers_that_cannot_be_handled(number: str) -> None:
    """Too long, or not finite."""
    with pytest.raises(BadRequest) as refused:
        read_event(f'{{"type": "x", "y": {number}}}')
    assert refused.value.code == "invalid_json"


def test_a_large_session_is_read() -> None:
    """128 tools of twenty parameters each, and instructions of 30,000 letters."""
    parameter = {"type": "string", "description": "What it is, in words"}
    tool = {f"p{n}": parameter for n in range(20)}
    event = {"tools": [tool] * 128, "instructions": "word, " * 5_000}
    assert read_event(json.dumps(event)) == event
