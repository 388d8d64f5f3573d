"""What the parts of the Realtime dialect share about one call."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from voiceserver.audio import MIC_RATE
from voiceserver.dialects.realtime.items import Conversation, Item
from voiceserver.dialects.realtime.session import SessionSettings
from voiceserver.dialects.realtime.wire import Ids, Wire
from voiceserver.events import Event

log = logging.getLogger(__name__)

REMEMBERED = 16  # utterances and responses that late events may still belong to


@dataclass(slots=True)
class RealtimeCall:
    """One call.

    Attributes:
        call_id: For log lines.
        ids: New identifiers.
        wire: To the client.
        conversation: Its items.
        settings: What the client has set; replaced, never changed.
        paced: Audio leaves at the speed of speech by a carrier that knows what was
            played (WebRTC), so the playing is told with ``output_audio_buffer.*``.
        user_audio_ms: Audio of the user that no response has answered yet.
    """

    call_id: str
    ids: Ids
    wire: Wire
    conversation: Conversation
    settings: SessionSettings
    paced: bool
    user_audio_ms: int = 0

    def added(self, item: Item, previous: str | None) -> None:
        """Tell that an item is in the conversation."""
        self._item_event("conversation.item.added", item, previous)

    def done(self, item: Item, previous: str | None) -> None:
        """Tell that an item will not change by itself any more."""
        self._item_event("conversation.item.done", item, previous)

    def truncated(self, item: Item, audio_end_ms: int) -> None:
        """Tell that a reply was cut to what was heard."""
        self.wire.event(
            "conversation.item.truncated",
            item_id=item.id,
            content_index=0,
            audio_end_ms=audio_end_ms,
        )

    def _item_event(self, name: str, item: Item, previous: str | None) -> None:
        self.wire.event(name, previous_item_id=previous, item=item.rendered())

    def out_of_order(self, event: Event) -> None:
        """Note that an event came which the order of events forbids."""
        log.warning(
            "event out of order ignored",
            extra={"call": self.call_id, "event": type(event).__name__},
        )


def milliseconds(position: int) -> int:
    """A position of the microphone, in whole milliseconds."""
    return position * 1000 // MIC_RATE
