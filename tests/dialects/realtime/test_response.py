"""How a response is shown."""

from __future__ import annotations

from voiceserver.config import Config
from voiceserver.dialects.realtime.items import Item, Part
from voiceserver.dialects.realtime.response import Response
from voiceserver.dialects.realtime.session import SessionRules
from voiceserver.events import Outcome, ReplyDone
from voiceserver.voices import Voices


def test_reply_cut_by_its_length_is_incomplete() -> None:
    """With the reason; its items and usage are shown once it is done."""
    settings = SessionRules(Config(), Voices((), "alloy")).starting()
    response = Response("resp_1", 1, settings, {}, 0)
    item = Item("item_1", "assistant", Part.OUTPUT_AUDIO, "Hello there.")
    response.output.append(item)
    response.message = item
    assert response.rendered("conv_1")["output"] == []
    response.end(ReplyDone(1, "Hello there.", Outcome.SHORTENED))
    shown = response.rendered("conv_1")
    assert shown["status"] == "incomplete"
    details = {"type": "incomplete", "reason": "max_output_tokens"}
    assert shown["status_details"] == details
    assert shown["output"] == [item.rendered()]
    assert response.place(item) == 0
