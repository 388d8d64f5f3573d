"""What a reply is asked to do: what it answers, and the settings that it keeps."""

from __future__ import annotations

from dataclasses import dataclass, field

from voiceserver.config import BudgetConfig
from voiceserver.engines.base import Message, Utterance
from voiceserver.tools import NO_TOOLS, ToolUse


@dataclass(frozen=True, slots=True)
class ReplySettings:
    """What a reply uses throughout, whatever changes meanwhile.

    Attributes:
        instructions: For the text model.
        voice: For the synthesizer.
        speed: For the synthesizer.
        max_output_tokens: For the text model; 0 is unbounded.
        budget: Limits of the stages.
        tools: What the text model may call.
        text_only: The reply is read, not heard.
        fillers_said: In the call so far; another one comes each time.
    """

    instructions: str
    voice: str
    speed: float
    max_output_tokens: int
    budget: BudgetConfig
    tools: ToolUse = NO_TOOLS
    text_only: bool = False
    fillers_said: int = 0


@dataclass(frozen=True, slots=True)
class Source:
    """What a reply answers.

    Attributes:
        number: Of the utterance; 0 if there is none.
        utterance: To be recognised first; the reply closes it. None if recognition
            failed at its start, or if a client asked for the reply.
        answer: Whether to answer, or only to recognise.
        say: Speak exactly this instead of asking the text model.
        metadata: Echoed in ``ReplyStarted``.
        request: Echoed in ``ReplyStarted``; 0 if no client asked.
        messages: In place of the conversation; None is the conversation.
        aside: Outside the conversation: it leaves no trace in it.
    """

    number: int = 0
    utterance: Utterance | None = None
    answer: bool = True
    say: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    request: int = 0
    messages: tuple[Message, ...] | None = None
    aside: bool = False
