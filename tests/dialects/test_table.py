"""The dialects by name."""

from __future__ import annotations

import pytest

from voiceserver.dialects.table import DIALECTS, dialect_in
from voiceserver.errors import BadRequest


def test_without_a_name_the_first_is_spoken() -> None:
    """An empty name is none."""
    assert dialect_in({}, DIALECTS) is DIALECTS["realtime"]
    assert dialect_in({"dialect": ""}, DIALECTS) is DIALECTS["realtime"]


def test_an_unknown_one_is_refused_with_the_known() -> None:
    """The error names the field."""
    with pytest.raises(BadRequest, match="realtime") as refused:
        dialect_in({"dialect": "klingon"}, DIALECTS)
    assert refused.value.param == "dialect"
