"""Checks of single fields."""

from __future__ import annotations

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
