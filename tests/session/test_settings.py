"""How commands change a call's settings."""

from __future__ import annotations

from voiceserver.commands import AddMessage, Configure, CreateReply
from voiceserver.config import Config, TurnConfig
from voiceserver.session.settings import CallSettings, source_of
from voiceserver.tools import Tool, ToolUse


def test_only_what_is_named_changes() -> None:
    """The rest stays, and the old settings are untouched."""
    before = CallSettings(Config())
    after = before.changed(Configure(voice="echo", max_output_tokens=0))
    assert after.config.speech.voice == "echo"
    assert after.config.text.max_output_tokens == 0
    assert after.config.speech.speed == before.config.speech.speed
    assert after.config.turn == before.config.turn
    assert before == CallSettings(Config())


def test_turn_taking_is_replaced_as_a_whole() -> None:
    """A dialect gives the whole policy."""
    turn = TurnConfig(policy="fixed", silence_ms=700)
    changed = CallSettings(Config()).changed(Configure(turn=turn))
    assert changed.config.turn is turn


def test_a_reply_takes_what_holds_when_it_begins() -> None:
    """Instructions (even empty ones), tools, and whether it is heard."""
    tools = ToolUse((Tool("look", "", {}),))
    change = Configure(instructions="", tools=tools, text_only=True)
    settings = CallSettings(Config()).changed(change).for_reply()
    assert settings.instructions == ""
    assert settings.tools is tools
    assert settings.text_only


def test_source_has_the_messages_of_the_request() -> None:
    """None is the conversation; an empty list is nothing at all."""
    assert source_of(CreateReply({})).messages is None
    assert source_of(CreateReply({}, messages=())).messages == ()
    asked = CreateReply({}, messages=(AddMessage("user", "hi"),))
    [message] = source_of(asked).messages or ()
    assert (message.role, message.text) == ("user", "hi")
