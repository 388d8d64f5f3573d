"""Functions that a client offers to the text model, and the calls of them.

Pure types: the client carries a call out, nothing here does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call.

    Attributes:
        name: What it is called by.
        description: When to use it, for the model.
        parameters: JSON Schema of its arguments.
        route: ``"simple"`` or ``"complex"``: the tier of the text model that speaks of
            its result; ``""`` leaves it to the server.
    """

    name: str
    description: str
    parameters: Mapping[str, Any]
    route: str = ""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """The model wants a function called.

    Attributes:
        call_id: Ties the result to it.
        name: Of the function.
        arguments: A JSON text, as the model wrote it.
    """

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    """What the model may call.

    Attributes:
        tools: The functions.
        choice: ``"auto"``, ``"none"``, ``"required"``, or ``"="`` and the name of
            the one function that must be called.
    """

    tools: tuple[Tool, ...] = ()
    choice: str = "auto"

    @property
    def forced(self) -> str:
        """Name of the one function that must be called, or ``""``."""
        return self.choice[1:] if self.choice.startswith("=") else ""


NO_TOOLS = ToolUse()
