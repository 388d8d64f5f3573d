"""Rules before all that answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from voiceserver.config import RouterConfig, RouterRule
from voiceserver.engines.base import Message, TextItem, TextRequest
from voiceserver.engines.notes import Answering, Note, Routed
from voiceserver.engines.providers.tiers import router_weights
from voiceserver.engines.ruled import NAME, Ruled
from voiceserver.routing.router import Router
from voiceserver.tools import Tool, ToolCall, ToolUse

OVER = RouterRule(
    "hand_over", "person", "speak * person", say="One moment.", tool="transfer"
)
CARE = RouterRule("refuse", "care", topic="selfharm", say="Please call 112.")
USE = ToolUse((Tool("transfer", "", {}),))


class Model:
    """Answers all."""

    name = version = "model"

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        yield "Well."


def ask(
    *messages: Message, tools: ToolUse | None = None
) -> tuple[list[TextItem], list[Note]]:
    notes: list[Note] = []
    router = Router(RouterConfig(rule=(OVER, CARE)), router_weights())
    ruled = Ruled(router, Model())
    assert (ruled.name, ruled.version) == ("model", "model")
    request = TextRequest(messages, tools=tools or ToolUse(), observe=notes.append)

    async def run() -> list[TextItem]:
        async with aclosing(ruled.reply(request)) as items:
            return [item async for item in items]

    return asyncio.run(run()), notes


def test_a_rule_refuses_in_its_words() -> None:
    """No model is asked, and the ledger says why, without a word of the caller's."""
    items, notes = ask(Message("user", "I want to kill myself."))
    assert items == ["Please call 112."]
    answering, routed = notes
    assert answering == Answering(NAME)
    assert isinstance(routed, Routed)
    assert (routed.tier, routed.reasons) == ("refuse", ("rule: care",))


def test_a_caller_is_handed_over_by_the_clients_function() -> None:
    """Where it offers one; else it is only said."""
    wish = Message("user", "may i speak to a person")
    assert ask(wish)[0] == ["One moment."]
    said, call = ask(wish, tools=USE)[0]
    assert said == "One moment."
    assert isinstance(call, ToolCall) and call.name == "transfer"
    assert json.loads(call.arguments) == {"reason": "rule: person"}
    assert ask(wish, tools=ToolUse(USE.tools, "none"))[0] == ["One moment."]


def test_everything_else_is_the_models() -> None:
    """What was said before, too: only the turn to be answered is looked at."""
    assert ask(Message("user", "hello"))[0] == ["Well."]
    before = Message("user", "may i speak to a person")
    messages = (before, Message("assistant", "No."), Message("user", "okay"))
    assert ask(*messages)[0] == ["Well."]
    result = Message("tool", "done", call_id="1")
    assert ask(before, result, tools=USE)[0] == ["Well."]
    assert ask()[0] == ["Well."]


def test_the_rest_answers_by_its_own_stream() -> None:
    """Nothing stands between the model's words and who reads them."""
    request = TextRequest((Message("user", "hello"),))
    stream = Model().reply(request)

    class Kept(Model):
        def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
            return stream

    router = Router(RouterConfig(rule=(OVER, CARE)), router_weights())
    assert Ruled(router, Kept()).reply(request) is stream
