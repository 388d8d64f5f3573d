"""What every telephone call has."""

from __future__ import annotations

from dataclasses import replace

from tests.carriers.incoming import incoming
from voiceserver.carriers.telephony.attendant import (
    phone_call,
    phone_turns,
    session_at,
)
from voiceserver.config import Config, NumberConfig, TelephonyConfig, TurnConfig


def test_a_number_says_what_the_session_is() -> None:
    """What it leaves open is the server's."""
    turns = {"input": {"turn_detection": {"type": "semantic_vad"}}}
    assert session_at(NumberConfig("1")) == {"audio": turns}
    number = NumberConfig("1", instructions="Be brief.", voice="marin")
    assert session_at(number) == {
        "instructions": "Be brief.",
        "audio": {**turns, "output": {"voice": "marin"}},
    }


def test_turns_on_a_telephone_are_more_patient() -> None:
    """By 200 ms, whatever ends them; and a silent caller is asked."""
    phone = phone_turns(TurnConfig(), TelephonyConfig())
    assert phone.patience_ms == 200
    assert phone.idle_ms == 10_000


def test_only_the_call_itself_has_a_telephones_settings() -> None:
    """Others of the server have theirs."""
    config = replace(Config(), telephony=TelephonyConfig(patience_ms=500))
    given = incoming(config)
    assert phone_call(given).parts.config.turn.patience_ms == 500
    assert given.parts.config.turn.patience_ms == 0
