"""All that is not to be spoken is taken out, one after the other."""

from __future__ import annotations

import pytest

from tests.engines.providers.unspoken.test_thoughts import ANSWER, MUSED
from tests.engines.providers.unspoken.test_written_calls import CALL, read
from voiceserver.engines.providers.unspoken.unspoken import Unspoken


def test_a_half_waits_for_its_other() -> None:
    """Across chunks, however they are cut."""
    unspoken = Unspoken("p")
    assert unspoken.push("x\ud83d") + unspoken.push("") == "x"
    assert unspoken.push("\ude00b\ud83d") == "\U0001f600b"
    assert unspoken.push("c") == "c"


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_a_call_behind_a_thought_is_found(size: int) -> None:
    """One is taken out after the other, with halves of characters in both."""
    text = f"<think>{MUSED}\ud83d\ude00</think>{CALL}"
    assert read(text, size, "look") == ("", [("look", {"city": "Rome"})])
    text = f"<think>{CALL}</think>{ANSWER} \ud83d\ude00"
    assert read(text, size, "look") == (f"{ANSWER} \U0001f600", [])
