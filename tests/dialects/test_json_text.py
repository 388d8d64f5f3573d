"""JSON of clients, read within bounds."""

from __future__ import annotations

import pytest

from voiceserver.dialects.json_text import MAX_DIGITS, MAX_NUMBERS, read
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
