"""JSON of clients: read within bounds, its fields checked."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voiceserver.dialects import fields
from voiceserver.errors import BadRequest

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)
CHECKS = [
    fields.text(10),
    fields.number(0, 1),
    fields.integer(1, 5),
    fields.boolean,
    fields.choice("a", "b"),
    fields.Nullable(fields.boolean),
    fields.mapping,
    fields.opaque,
    fields.metadata,
]


@settings(max_examples=60, deadline=None)
@given(JSON, st.sampled_from(CHECKS))
def test_every_value_is_returned_or_refused(
    value: object, check: fields.Check[Any]
) -> None:
    """No other exception comes."""
    with suppress(BadRequest):
        check(value, "a.b")


def test_truth_is_no_number() -> None:
    """Although Python thinks so."""
    with pytest.raises(BadRequest):
        fields.number(0, 1)(True, "x")
    with pytest.raises(BadRequest):
        fields.integer(0, 1)(False, "x")


def test_whole_float_is_a_whole_number() -> None:
    """JSON does not tell 3.0 from 3."""
    assert fields.integer(1, 5)(3.0, "x") == 3


def test_opaque_value_is_bounded_in_size_and_depth() -> None:
    """Long strings, many members, deep nesting."""
    deep: object = "x"
    for _ in range(20):
        deep = [deep]
    for value in ("x" * 5000, ["x"] * 5000, {"k": "x" * 5000}, deep, 10**4200):
        with pytest.raises(BadRequest, match="too large"):
            fields.opaque(value, "x")


def test_null_member_is_left_out_unless_it_means_something() -> None:
    """``prompt`` may be null; ``speed`` is then not given."""
    table: dict[str, fields.Check[Any]] = {
        "prompt": fields.Nullable(fields.opaque),
        "speed": fields.number(0, 2),
    }
    patch = {"prompt": None, "speed": None}
    assert fields.checked(patch, table, "x") == {"prompt": None}


@pytest.mark.parametrize(
    "text",
    [
        "[1e999]",
        "[-1e999]",
        "[NaN]",
        "[Infinity]",
        "[" + "9" * (fields.MAX_DIGITS + 1) + "]",
    ],
)
def test_what_cannot_be_sent_back_is_no_json(text: str) -> None:
    """Numbers that are not finite; numbers of very many digits."""
    with pytest.raises(BadRequest, match="it is not valid JSON") as refused:
        fields.read_value(text, "it")
    assert refused.value.code == "invalid_json"


@pytest.mark.parametrize("number", ["1", "-1.5", "1e3", "1." + "7" * 60])
def test_numbers_are_counted(number: str) -> None:
    """Of any kind: they take longest to read."""
    most = ",".join([number] * fields.MAX_NUMBERS)
    assert len(fields.read_value(f"[{most}]", "it")) == fields.MAX_NUMBERS  # type: ignore[arg-type]
    with pytest.raises(BadRequest, match="numbers") as refused:
        fields.read_value(f"[{most},{number}]", "it")
    assert refused.value.code == "event_too_large"


def test_bytes_are_utf_8() -> None:
    """Others are no JSON."""
    assert fields.read_value('"ä"'.encode(), "it") == "ä"
    with pytest.raises(BadRequest):
        fields.read_value(b'"\xff"', "it")


@pytest.mark.parametrize(
    "value",
    [
        "1.0," * 2_000_000 + "1",
        "1," * fields.MAX_VALUES + "1",
        "[]," * fields.MAX_VALUES + "1",
        '{"a":1},' * fields.MAX_VALUES + "1",
        "[" * fields.MAX_VALUES + "]" * fields.MAX_VALUES,
        '"","' + "x" * fields.MAX_EVENT + '"',
    ],
)
@pytest.mark.parametrize("name", ["x", "audio"])
def test_what_would_take_long_to_read_is_not_read(value: str, name: str) -> None:
    """Many numbers, lists or objects, deep or wide, or much text."""
    with pytest.raises(BadRequest) as refused:
        fields.read_event(f'{{"type":"x","{name}":[{value}]}}')
    assert refused.value.code == "event_too_large"


def test_much_after_the_audio_counts() -> None:
    """The letters of audio are one value; what comes behind is not hidden by them."""
    with pytest.raises(BadRequest, match="values"):
        fields.read_event('{"audio":"AAAA","x":[' + "1," * fields.MAX_VALUES + "1]}")


@pytest.mark.parametrize("gap", ["", " ", "\n "])
def test_long_audio_is_one_value(gap: str) -> None:
    """However long, and wherever its name stands."""
    letters = "A" * (4 * fields.MAX_EVENT)
    event = f'{{"audio"{gap}:{gap}"{letters}","type":"x"}}'
    assert fields.read_event(event) == {"audio": letters, "type": "x"}


@pytest.mark.parametrize("number", ["9" * 1_001, "1e999", "NaN", "0." + "1" * 1_000])
def test_numbers_that_cannot_be_handled(number: str) -> None:
    """Too long, or not finite."""
    with pytest.raises(BadRequest) as refused:
        fields.read_event(f'{{"type": "x", "y": {number}}}')
    assert refused.value.code == "invalid_json"


def test_a_large_session_is_read() -> None:
    """128 tools of twenty parameters each, and instructions of 30,000 letters."""
    parameter = {"type": "string", "description": "What it is, in words"}
    tool = {f"p{n}": parameter for n in range(20)}
    event = {"tools": [tool] * 128, "instructions": "word, " * 5_000}
    assert fields.read_event(json.dumps(event)) == event
