"""Events read at a bounded cost: what is counted, and what audio may weigh."""

from __future__ import annotations

import json

import pytest

from voiceserver.dialects.realtime.client_event import MAX_TEXT, MAX_VALUES, parsed
from voiceserver.errors import BadRequest


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
        parsed(f'{{"type":"x","{name}":[{value}]}}')
    assert refused.value.code == "event_too_large"


def test_much_after_the_audio_counts() -> None:
    """The letters of audio are one value; what comes behind is not hidden by them."""
    with pytest.raises(BadRequest, match="values"):
        parsed('{"audio":"AAAA","x":[' + "1," * MAX_VALUES + "1]}")


@pytest.mark.parametrize("gap", ["", " ", "\n "])
def test_long_audio_is_one_value(gap: str) -> None:
    """However long, and wherever its name stands."""
    letters = "A" * (4 * MAX_TEXT)
    event = f'{{"audio"{gap}:{gap}"{letters}","type":"x"}}'
    assert parsed(event) == {"audio": letters, "type": "x"}


@pytest.mark.parametrize("number", ["9" * 1_001, "1e999", "NaN", "0." + "1" * 1_000])
def test_numbers_that_cannot_be_handled(number: str) -> None:
    """Too long, or not finite."""
    with pytest.raises(BadRequest) as refused:
        parsed(f'{{"type": "x", "y": {number}}}')
    assert refused.value.code == "invalid_json"


def test_a_large_session_is_read() -> None:
    """128 tools of twenty parameters each, and instructions of 30,000 letters."""
    parameter = {"type": "string", "description": "What it is, in words"}
    tool = {f"p{n}": parameter for n in range(20)}
    event = {"tools": [tool] * 128, "instructions": "word, " * 5_000}
    assert parsed(json.dumps(event)) == event
