"""The operator's rules before all that answers: what is refused, and handed over.

A ``TextModel`` around another. What a rule says is said in its words; handing over
calls the client's function of that name, where it offers one. Rules that pick a
tier are the providers' business (``providers/tiers``), which say by ``said_by`` what
such a rule has for when nobody of it can answer.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncGenerator

from voiceserver.config import RouterRule
from voiceserver.engines.base import TextItem, TextModel, TextRequest
from voiceserver.engines.notes import Answering, Routed
from voiceserver.routing.router import Decision, Router
from voiceserver.routing.turns import Turn
from voiceserver.tools import ToolCall

NAME = "rule"  # who answers, in ledger and metrics


class Ruled:
    """A ``TextModel`` that asks the rules first.

    Args:
        router: Has them.
        rest: Answers everything else.
    """

    def __init__(self, router: Router, rest: TextModel) -> None:
        self._router = router
        self._rest = rest

    @property
    def name(self) -> str:
        """Of the model that answers the rest; what a rule says is noted."""
        return self._rest.name

    @property
    def version(self) -> str:
        """The rest's."""
        return self._rest.version

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Return what a rule says, or the rest's own: none of it passes here."""
        last = request.messages[-1] if request.messages else None
        decision = None
        if last is not None and last.role == "user" and last.text:
            decision = self._router.ruled(Turn(last.text))
        if decision is None or decision.rule is None or not decision.speaks:
            return self._rest.reply(request)
        return said_by(decision.rule, decision, request)


async def said_by(
    rule: RouterRule, decision: Decision, request: TextRequest
) -> AsyncGenerator[TextItem, None]:
    """What a rule says in place of an answer, and the call that hands over.

    Args:
        rule: That has something to say.
        decision: Why it holds.
        request: That it is said to.
    """
    request.observe(Answering(NAME))
    request.observe(Routed(rule.then, decision.reasons, decision.score))
    yield rule.say
    offered = request.tools.choice != "none" and any(
        tool.name == rule.tool for tool in request.tools.tools
    )
    if rule.tool and offered:
        why = json.dumps({"reason": decision.reasons[0]})
        yield ToolCall(f"call_{uuid.uuid4().hex[:24]}", rule.tool, why)
