"""Functions that a carrier itself offers, beside those of the client.

A telephone call can be transferred, whoever writes the client: the text model is shown
such functions with the client's, and what it calls of them is carried out at once. A
name that the client has given is the client's. Knows no history and no reply.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from voiceserver.commands import CallSettings, Command, CreateReply
from voiceserver.session.history import Said
from voiceserver.session.ports import OwnTools
from voiceserver.tools import ToolCall


class OwnFunctions:
    """Those of one call.

    Args:
        tools: The carrier's.
        command: Takes what follows from a call of one of them.
    """

    def __init__(self, tools: OwnTools, command: Callable[[Command], None]) -> None:
        self._tools = tools
        self._command = command
        self._theirs = frozenset[str]()  # names of the client's functions

    def beside(self, settings: CallSettings) -> CallSettings:
        """The settings of a reply, with these functions among its own."""
        use = settings.tools
        self._theirs = frozenset(tool.name for tool in use.tools)
        own = [one for one in self._tools.offered if one.name not in self._theirs]
        if not own or use.choice == "none":
            return settings
        return replace(settings, tools=replace(use, tools=(*use.tools, *own)))

    def use(self, call: ToolCall) -> Said | None:
        """Carry a call out.

        Returns:
            What came of it, to be remembered; None if the function is the client's.
        """
        used = None if call.name in self._theirs else self._tools.use(call)
        if used is None:
            return None
        if used.then is not None:
            self._command(used.then)
        elif used.answers:
            self._command(CreateReply(patient=True))
        return Said("tool", used.result, "", (), call.call_id)
