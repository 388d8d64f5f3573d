"""Settings of a call: how commands change them, and what a reply takes of them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from voiceserver.commands import Configure, CreateReply
from voiceserver.config import Config, TurnConfig
from voiceserver.engines.base import Message
from voiceserver.reply.request import ReplySettings, Source
from voiceserver.tools import NO_TOOLS, ToolUse


@dataclass(frozen=True, slots=True)
class CallSettings:
    """The settings of one call at a moment.

    Attributes:
        config: The server's, with the client's laid over them.
        tools: What the text model may call.
        text_only: Replies are read, not heard.
    """

    config: Config
    tools: ToolUse = NO_TOOLS
    text_only: bool = False

    def changed(self, change: Configure) -> CallSettings:
        """Return the settings with what ``change`` names; the rest stays."""
        config = self.config
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
        return CallSettings(
            replace(config, speech=speech, text=text, turn=turn),
            self.tools if change.tools is None else change.tools,
            self.text_only if change.text_only is None else change.text_only,
        )

    def for_reply(self) -> ReplySettings:
        """Take the snapshot that one reply uses throughout."""
        config = self.config
        return ReplySettings(
            config.text.instructions,
            config.speech.voice,
            config.speech.speed,
            config.text.max_output_tokens,
            config.budget,
            self.tools,
            self.text_only,
        )


def source_of(asked: CreateReply) -> Source:
    """What a reply that a client asked for answers."""
    messages = None
    if asked.messages is not None:
        messages = tuple(
            Message(added.role, added.text, added.calls, added.call_id)
            for added in asked.messages
        )
    return Source(
        say=asked.say,
        metadata=asked.metadata,
        request=asked.request,
        messages=messages,
        aside=asked.aside,
    )
