"""What a reply is asked to do."""

from __future__ import annotations

from dataclasses import dataclass

from voiceserver.commands import CreateReply
from voiceserver.engines.base import Message, Utterance


@dataclass(frozen=True, slots=True)
class Source:
    """What a reply answers.

    Attributes:
        number: Of the utterance; 0 if there is none.
        utterance: To be recognised first; the reply closes it. None if recognition
            failed at its start, or if a client asked for the reply.
        answer: Whether to answer, or only to recognise.
        say: Speak exactly this instead of asking the text model.
        asked: Who asked for it, told in ``ReplyStarted``; None if nobody did.
        messages: In place of the conversation; None is the conversation.
    """

    number: int = 0
    utterance: Utterance | None = None
    answer: bool = True
    say: str | None = None
    asked: CreateReply | None = None
    messages: tuple[Message, ...] | None = None

    @classmethod
    def of(cls, asked: CreateReply) -> Source:
        """What a reply that a client asked for answers."""
        messages = None
        if asked.messages is not None:
            messages = tuple(
                Message(added.role, added.text, added.calls, added.call_id)
                for added in asked.messages
            )
        return cls(say=asked.say, asked=asked, messages=messages)

    @property
    def given(self) -> bool:
        """Whether its messages or settings are its own, not the conversation's."""
        asked = self.asked
        return asked is not None and (
            asked.messages is not None or asked.settings is not None
        )

    @property
    def aside(self) -> bool:
        """Whether it is outside the conversation, and leaves no trace in it."""
        return self.asked is not None and self.asked.aside
