"""What a carrier offers to the text model, beside what the client does."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from voiceserver.commands import CallSettings, Command, CreateReply, HangUp
from voiceserver.config import Config
from voiceserver.session.history import Said
from voiceserver.session.own_functions import OwnFunctions
from voiceserver.session.ports import Used
from voiceserver.tools import Tool, ToolCall, ToolUse

SETTINGS = CallSettings.starting(Config())


@dataclass
class Offer:
    """Offers one function; what is called comes to the same."""

    used: Used | None = None
    offered: list[Tool] = field(default_factory=lambda: [Tool("hang_up", "", {})])

    def use(self, call: ToolCall) -> Used | None:
        del call
        return self.used


def named(settings: CallSettings) -> list[str]:
    return [tool.name for tool in settings.tools.tools]


@pytest.mark.parametrize(
    ("theirs", "choice", "shown"),
    [
        ([], "auto", ["hang_up"]),
        (["look"], "auto", ["look", "hang_up"]),
        (["hang_up"], "auto", ["hang_up"]),
        (["look"], "none", ["look"]),
    ],
)
def test_they_stand_beside_the_clients(
    theirs: list[str], choice: str, shown: list[str]
) -> None:
    """Unless the client has one of that name, or wants none called."""
    tools = tuple(Tool(name, "theirs", {}) for name in theirs)
    asked = replace(SETTINGS, tools=ToolUse(tools, choice))
    beside = OwnFunctions(Offer(), lambda _command: None).beside(asked)
    assert named(beside) == shown
    assert beside.tools.tools[: len(tools)] == tools


@pytest.mark.parametrize(
    ("used", "follows"),
    [
        (Used("ok"), []),
        (Used("ok", answers=True), [CreateReply(patient=True)]),
        (Used("ok", HangUp("done")), [HangUp("done")]),
    ],
)
def test_what_came_of_a_call_is_remembered_and_followed(
    used: Used, follows: list[Command]
) -> None:
    """The text model knows it, whatever comes next."""
    told: list[Command] = []
    functions = OwnFunctions(Offer(used), told.append)
    functions.beside(SETTINGS)
    said = functions.use(ToolCall("c1", "hang_up", "{}"))
    assert said == Said("tool", "ok", "", (), "c1")
    assert told == follows


def test_a_function_of_the_clients_is_left_to_it() -> None:
    """Also one by the name of ours."""
    told: list[Command] = []
    functions = OwnFunctions(Offer(Used("ok", answers=True)), told.append)
    theirs = (Tool("hang_up", "theirs", {}),)
    functions.beside(replace(SETTINGS, tools=ToolUse(theirs)))
    assert functions.use(ToolCall("c1", "hang_up", "{}")) is None
    assert OwnFunctions(Offer(), told.append).use(ToolCall("c", "x", "{}")) is None
    assert told == []
