"""Function tools as a client sets them, checked, and what the model gets of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from voiceserver.dialects.fields import choice, mapping, opaque, text
from voiceserver.errors import BadRequest
from voiceserver.tools import Tool, ToolUse

MAX_TOOLS = 128
MAX_NAME = 64
# OpenAI's reference of the Chat Completions API, ``FunctionObject.name``. Services
# answer a whole request with 400 for one name beyond it.
_NAME = re.compile(r"[A-Za-z0-9_-]+")
ROUTE = choice("simple", "complex")
_CHOICES = ("auto", "none", "required")


def check_tools(value: object, path: str) -> list[dict[str, Any]]:
    """A list of functions; other tools are refused."""
    if not isinstance(value, list) or len(value) > MAX_TOOLS:
        message = f"{path} must be a list of at most {MAX_TOOLS} tools"
        raise BadRequest(message, "invalid_type", path)
    return [_tool(each, f"{path}[{index}]") for index, each in enumerate(value)]


def _tool(value: object, path: str) -> dict[str, Any]:
    fields = mapping(value, path)
    if fields.get("type", "") not in ("function", None):
        message = f"{path}.type must be function; other tools are not supported"
        raise BadRequest(message, "unsupported_value", f"{path}.type")
    name = _function_name(fields.get("name"), f"{path}.name")
    schema = fields.get("parameters")
    schema = {} if schema is None else mapping(schema, f"{path}.parameters")
    description = fields.get("description")
    if description is None:
        description = ""
    tool = {
        "type": "function",
        "name": name,
        "description": text()(description, f"{path}.description"),
        "parameters": opaque(schema, f"{path}.parameters"),
    }
    if fields.get("route") is not None:  # our own: told back to who gave it
        tool["route"] = ROUTE(fields["route"], f"{path}.route")
    return tool


def _function_name(value: object, path: str) -> str:
    name = text(MAX_NAME)(value, path)
    if not _NAME.fullmatch(name):
        message = f"{path} must be of the characters a-z, A-Z, 0-9, _ and -"
        raise BadRequest(message, param=path)
    return name


def check_choice(value: object, path: str) -> object:
    """``auto``, ``none``, ``required``, or one function."""
    if isinstance(value, dict) and value.get("type") == "function":
        return {
            "type": "function",
            "name": _function_name(value.get("name"), f"{path}.name"),
        }
    if not isinstance(value, str) or value not in _CHOICES:
        message = f"{path} must be one of: {', '.join(_CHOICES)}, or a function"
        raise BadRequest(message, param=path)
    return value


def tool_use(tools: Sequence[Mapping[str, Any]], chosen: object) -> ToolUse:
    """What the text model may call, from members that were checked."""
    wanted = f"={chosen['name']}" if isinstance(chosen, dict) else str(chosen)
    offered = tuple(
        Tool(
            tool["name"],
            tool["description"],
            tool["parameters"],
            tool.get("route", ""),
        )
        for tool in tools
    )
    return ToolUse(offered, wanted)
