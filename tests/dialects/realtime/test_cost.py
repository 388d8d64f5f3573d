"""A turn's cost as an event."""

from __future__ import annotations

from voiceserver.budget import Spent, TurnRecord
from voiceserver.dialects.realtime.cost import cost_of


def test_what_a_turn_took_and_cost_is_told() -> None:
    """Rungs of the ladders, fate of a guess, tokens and money."""
    record = TurnRecord(
        1,
        "complete",
        310.0,
        (),
        900.0,
        700,
        "b",
        "completed",
        "text",
        any_audio_ms=440.04,
        steps=("text.filler", "text.next_provider"),
        speculation="dropped",
        spent=Spent(9, 7, 5, 0.00012345678),
        spoken_by="azure",
    )
    told = cost_of(record)
    assert told["any_audio_ms"] == 440.0
    assert told["steps"] == ["text.filler", "text.next_provider"]
    assert (told["speculation"], told["pressure"]) == ("dropped", "ok")
    assert (told["tokens_in"], told["tokens_out"], told["tokens_wasted"]) == (9, 7, 5)
    assert told["cost_usd"] == 0.000123
    assert (told["answered_by"], told["spoken_by"]) == ("b", "azure")


def test_a_turn_without_sound_has_no_first_audio() -> None:
    """Null, not nought."""
    record = TurnRecord(1, "", 0.0, (), None, 700, "", "", "")
    assert cost_of(record)["first_audio_ms"] is cost_of(record)["any_audio_ms"] is None
