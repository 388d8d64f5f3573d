"""Request bodies; their limits over HTTP are tested with the routes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voiceserver.server.answers import Refusal
from voiceserver.server.body import Part, json_object


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_a_refusal(content: bytes) -> None:
    """Whatever a client sends as JSON."""
    try:
        parsed = json_object(content, "The body")
    except Refusal:
        return
    assert isinstance(parsed, dict)


@given(st.dictionaries(st.text(), st.integers() | st.text()))
def test_objects_come_as_they_are(content: dict[str, object]) -> None:
    """Any that JSON can write."""
    assert json_object(json.dumps(content).encode(), "The body") == content


def test_a_part_that_is_no_text_is_refused() -> None:
    """Naming the part."""
    assert Part(b"\xc3\xa9", "text/plain").text("model") == "\u00e9"
    with pytest.raises(Refusal, match="model"):
        Part(b"\xff", "text/plain").text("model")
