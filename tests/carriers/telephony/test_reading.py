"""Members of what services send."""

from __future__ import annotations

import pytest

from voiceserver.carriers.telephony.messages import LineForm
from voiceserver.carriers.telephony.reading import (
    MAX_PARAMETERS,
    MAX_TEXT,
    audio_in,
    content_type_form,
    form_of,
    inner,
    json_in,
    key_in,
    text_in,
    texts_in,
)
from voiceserver.errors import BadRequest


def test_numbers_are_taken_for_texts() -> None:
    """Services write either; truth, nothing and objects are no text."""
    fields = {"a": 8000, "b": "x", "c": True, "d": None, "e": {}, "f": ""}
    assert texts_in(fields) == {"a": "8000", "b": "x"}
    assert text_in(fields, "f", "b") == "x"
    assert inner(fields, "a") == {}


def test_what_strangers_send_is_bounded() -> None:
    """In number and in length."""
    many = {str(number): "x" * 10_000 for number in range(1000)}
    found = texts_in(many)
    assert len(found) == MAX_PARAMETERS
    assert {len(value) for value in found.values()} == {MAX_TEXT}


@pytest.mark.parametrize("text", ["", "{", "[]", "1", "[" * 100_000])
def test_what_is_no_object_is_refused(text: str) -> None:
    """However deep."""
    with pytest.raises(BadRequest):
        json_in(text)


@pytest.mark.parametrize("payload", ["A", "AA", "Ä", "AA\nAA", 1, None])
def test_what_is_no_base64_is_refused(payload: object) -> None:
    """Rather than played as noise."""
    with pytest.raises(BadRequest):
        audio_in({"payload": payload})


@pytest.mark.parametrize(
    ("content_type", "form"),
    [
        ("audio/l16;rate=8000", LineForm("l16", 8_000)),
        ("audio/L16; rate=24000", LineForm("l16", 24_000)),
        ("audio/l16", LineForm("l16", 16_000)),
    ],
)
def test_a_media_type_is_a_form(content_type: str, form: LineForm) -> None:
    """As Vonage writes it."""
    assert content_type_form(content_type) == form


@pytest.mark.parametrize(
    ("encoding", "rate"), [("mp3", "8000"), ("", "8000"), ("l16", "1"), ("pcmu", "a")]
)
def test_a_form_there_is_none_of_is_refused(encoding: str, rate: str) -> None:
    """With those there are."""
    with pytest.raises(BadRequest, match="not supported"):
        form_of(encoding, rate)


def test_keys_are_those_of_a_telephone() -> None:
    """Letters in either case; nothing else."""
    assert key_in({"digit": "a"}, "digit") == "A"
    assert key_in({"digit": 7}, "digit") == "7"
    assert key_in({"digit": "12"}, "digit") is None
