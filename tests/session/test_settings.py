"""How commands change a call's settings."""

from __future__ import annotations

from voiceserver.config import Config, TurnConfig
from voiceserver.events import Configure
from voiceserver.session.settings import configured, reply_settings


def test_only_what_is_named_changes() -> None:
    """The rest stays, and the old settings are untouched."""
    before = Config()
    after = configured(before, Configure(voice="echo", max_output_tokens=0))
    assert after.speech.voice == "echo"
    assert after.text.max_output_tokens == 0
    assert after.speech.speed == before.speech.speed
    assert after.turn == before.turn
    assert before == Config()


def test_turn_taking_is_replaced_as_a_whole() -> None:
    """A dialect gives the whole policy."""
    turn = TurnConfig(policy="fixed", silence_ms=700)
    assert configured(Config(), Configure(turn=turn)).turn is turn


def test_instructions_of_one_reply_win() -> None:
    """Even if they are empty."""
    config = configured(Config(), Configure(instructions="Be brief."))
    assert reply_settings(config, None).instructions == "Be brief."
    assert reply_settings(config, "").instructions == ""
