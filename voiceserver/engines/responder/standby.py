"""The last resort where language models are configured and none answers.

The built-in responder, with another honest line for what it cannot answer: not that
there is no model, but that it does not answer just now; in full once a call.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator

from voiceserver.engines.base import Reminder, TextRequest
from voiceserver.engines.responder.responder import UNKNOWN, Responder

NOT_ANSWERING = "The language service is not answering just now. Please try again soon."
STILL_NOT = "Still no answer, sorry."


class Standby:
    """A ``TextModel`` that cannot fail.

    Args:
        responder: Answers what it can.
    """

    def __init__(self, responder: Responder) -> None:
        self._responder = responder

    @property
    def name(self) -> str:
        """The responder's."""
        return self._responder.name

    @property
    def version(self) -> str:
        """The responder's."""
        return self._responder.version

    async def reply(self, request: TextRequest) -> AsyncGenerator[str | Reminder, None]:
        """Answer by rules, or say that the service does not answer."""
        answer = self._responder.answer(request.messages)
        if answer.intent == UNKNOWN:
            said = any(
                message.role == "assistant" and NOT_ANSWERING in message.text
                for message in request.messages
            )
            yield STILL_NOT if said else NOT_ANSWERING
            return
        if answer.reminder is not None:
            yield answer.reminder
        yield answer.text
