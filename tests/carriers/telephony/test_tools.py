"""What the server offers the text model on a telephone."""

from __future__ import annotations

from voiceserver.carriers.telephony.tools import HANG_UP, PhoneTools
from voiceserver.tools import ToolCall


def test_only_what_the_number_names_is_offered() -> None:
    """And only that is carried out."""
    call = ToolCall("c", "hang_up", "{}")
    assert PhoneTools(()).offered == []
    assert PhoneTools(()).use(call) is None
    tools = PhoneTools(("hang_up",))
    assert tools.offered == [HANG_UP]
    assert tools.use(ToolCall("c", "look_up", "{}")) is None


def test_hanging_up_waits_for_what_sounds() -> None:
    """The goodbye is part of the answer."""
    used = PhoneTools(("hang_up",)).use(ToolCall("c", "hang_up", "not JSON"))
    assert used is not None
    assert used.then is not None
    assert used.then.farewell == ""
