"""The built-in responder before a text model: what it knows exactly, it answers.

A sum is 84 whatever a model makes of it. All else is the model's, and so is every
answer for which the client gave its own conversation or instructions, or named a
function or a route; and every conversation whose instructions make words mean
something else (an interpreter, a game). Knows nothing of who the model is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

from voiceserver.engines.base import TextItem, TextModel, TextRequest
from voiceserver.engines.notes import Answering
from voiceserver.engines.responder.responder import Rejoinder, Responder

# Roles in which "twelve times seven" is no question. Other languages than English are
# among them: the responder speaks no other.
_OTHER_ROLES = re.compile(
    r"(?i)\b(?:translat\w*|interpret(?:er|s|ing)?|transcri\w+|classif\w+|role.?play\w*"
    r"|pretend|in character|quiz\w*|tutor|teach\w*|examin\w*|json|summari[sz]\w*"
    r"|arabic|chinese|mandarin|cantonese|czech|danish|dutch|finnish|french|german|greek"
    r"|hebrew|hindi|hungarian|indonesian|italian|japanese|korean|norwegian|polish"
    r"|portuguese|romanian|russian|spanish|swedish|thai|turkish|ukrainian|vietnamese)\b"
)


class ResponderFirst:
    """A ``TextModel`` that asks the responder first.

    Args:
        responder: Answers what it knows exactly.
        rest: Answers everything else.
    """

    def __init__(self, responder: Responder, rest: TextModel) -> None:
        self._responder = responder
        self._rest = rest

    @property
    def name(self) -> str:
        """Of the model that answers the rest; what the responder answers is noted."""
        return self._rest.name

    @property
    def version(self) -> str:
        """The rest's, and that of the rules."""
        return f"{self._rest.version}+{self._responder.version}"

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Return the answer by rules, or the rest's own: none of it passes here."""
        known = self._known(request)
        if known is None:
            return self._rest.reply(request)
        return self._answer(known, request)

    async def _answer(
        self, known: Rejoinder, request: TextRequest
    ) -> AsyncGenerator[TextItem, None]:
        request.observe(Answering(self._responder.name))
        if known.reminder is not None:
            yield known.reminder
        yield known.text

    def _known(self, request: TextRequest) -> Rejoinder | None:
        tools = request.tools
        if request.given or tools.forced or tools.choice == "required":
            return None
        if request.messages and request.messages[-1].role == "tool":
            return None
        if _OTHER_ROLES.search(request.instructions):
            return None
        offered = bool(tools.tools) and tools.choice != "none"
        return self._responder.known(request.messages, facts_only=offered)
