"""Tools as a client sets them."""

from __future__ import annotations

import pytest

from voiceserver.dialects.realtime.tools import check_choice, check_tools, tool_use
from voiceserver.errors import BadRequest
from voiceserver.tools import Tool, ToolUse

LOOK = {"type": "function", "name": "look"}


def test_defaults_are_filled_in() -> None:
    """Description and parameters may be left out."""
    [tool] = check_tools([LOOK], "tools")
    assert tool == {**LOOK, "description": "", "parameters": {}}


def test_the_model_gets_what_the_client_set() -> None:
    """A choice of one function too."""
    tools = check_tools([LOOK], "tools")
    choice = check_choice({"type": "function", "name": "look"}, "choice")
    assert tool_use(tools, choice) == ToolUse((Tool("look", "", {}),), "=look")


@pytest.mark.parametrize(
    "tools",
    [{}, [{}], [{"type": "mcp"}], [{**LOOK, "name": ""}], [LOOK] * 129, ["look"]],
)
def test_other_tools_are_refused(tools: object) -> None:
    """No list, no type, not of ours, no name, too many, no object."""
    with pytest.raises(BadRequest):
        check_tools(tools, "tools")


@pytest.mark.parametrize("name", ["get the weather", "a.b", "caf\u00e9", "", "x" * 65])
def test_a_name_that_services_refuse_is_refused_here(name: str) -> None:
    """With its path: passed on, it would cost every reply of the call."""
    with pytest.raises(BadRequest) as refused:
        check_tools([LOOK, {**LOOK, "name": name}], "session.tools")
    assert refused.value.param == "session.tools[1].name"
    with pytest.raises(BadRequest) as refused:
        check_choice({"type": "function", "name": name}, "session.tool_choice")
    assert refused.value.param == "session.tool_choice.name"


@pytest.mark.parametrize("name", ["look", "Look_2-b", "x" * 64])
def test_other_names_are_taken(name: str) -> None:
    """As they are."""
    [tool] = check_tools([{**LOOK, "name": name}], "tools")
    assert tool["name"] == name


def test_a_function_may_say_who_speaks_of_its_result() -> None:
    """Our own member, told back only to who gave it."""
    [tool] = check_tools([{**LOOK, "route": "complex"}], "tools")
    assert tool["route"] == "complex"
    assert tool_use([tool], "auto").tools[0].route == "complex"
    with pytest.raises(BadRequest, match=r"tools\[0\].route"):
        check_tools([{**LOOK, "route": "dear"}], "tools")
