"""What the server itself offers the text model on a telephone.

Which of them, the number that was called says. A client's function of the same name
goes before it.
"""

from __future__ import annotations

from collections.abc import Sequence

from voiceserver.commands import HangUp
from voiceserver.session.ports import Used
from voiceserver.tools import Tool, ToolCall

NOTHING = {"type": "object", "properties": {}}
HANG_UP = Tool(
    "hang_up",
    "End the telephone call. Call it when the caller has said goodbye or wants nothing "
    "more; say goodbye in the same answer.",
    NOTHING,
)


class PhoneTools:
    """Those of one call.

    Args:
        names: Which are offered.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.offered: Sequence[Tool] = [HANG_UP] if HANG_UP.name in names else []

    def use(self, call: ToolCall) -> Used | None:
        """Carry a call out."""
        if call.name not in {tool.name for tool in self.offered}:
            return None
        end = HangUp("The assistant ended the call.", farewell="")
        return Used("The call ends once this has been heard.", end)
