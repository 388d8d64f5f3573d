"""Settings of a call: how commands change them, and what a reply takes of them."""

from __future__ import annotations

from dataclasses import replace

from voiceserver.config import Config, TurnConfig
from voiceserver.events import Configure
from voiceserver.source import ReplySettings


def configured(config: Config, change: Configure) -> Config:
    """Return ``config`` with what ``change`` names; the rest stays."""
    speech, text = config.speech, config.text
    if change.voice is not None:
        speech = replace(speech, voice=change.voice)
    if change.speed is not None:
        speech = replace(speech, speed=change.speed)
    if change.instructions is not None:
        text = replace(text, instructions=change.instructions)
    if change.max_output_tokens is not None:
        text = replace(text, max_output_tokens=change.max_output_tokens)
    turn = change.turn if isinstance(change.turn, TurnConfig) else config.turn
    return replace(config, speech=speech, text=text, turn=turn)


def reply_settings(config: Config, instructions: str | None) -> ReplySettings:
    """Take the snapshot that one reply uses throughout.

    Args:
        config: Settings of the call as they are now.
        instructions: In place of the call's; None for the call's own.
    """
    return ReplySettings(
        config.text.instructions if instructions is None else instructions,
        config.speech.voice,
        config.speech.speed,
        config.text.max_output_tokens,
        config.budget,
    )
