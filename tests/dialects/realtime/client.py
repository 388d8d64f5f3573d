"""A client of the Realtime dialect: keeps every event, checks its envelope."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from voiceserver.commands import Command
from voiceserver.config import Config
from voiceserver.dialects.realtime.dialect import Realtime
from voiceserver.events import Event, ReplyDone, ReplyStarted
from voiceserver.session.ports import Carrier, Opening
from voiceserver.voices import Voices

EXTENDED = {"extensions": "voiceserver"}


class Client:
    """One call with its dialect and all that was sent.

    Attributes:
        events: Every server event since the call was opened.
        settings: What the conversation starts with.
        active: Turn of the reply that is active, as the session would say.
    """

    def __init__(
        self,
        config: Config | None = None,
        session: dict[str, Any] | None = None,
        voices: Sequence[str] = (),
        carrier: Literal["webrtc", "websocket"] = "webrtc",
        address: Mapping[str, str] | None = None,
        call_id: str = "rtc_test",
    ) -> None:
        self.events: list[dict[str, Any]] = []
        self.active = 0
        config = config or Config()
        opening = Opening(
            call_id,
            config,
            Voices(voices, config.speech.voice),
            Carrier(carrier, in_events=carrier == "websocket"),
            EXTENDED if address is None else address,
            session or {},
        )
        opened = Realtime().open(opening, self._take)
        self.dialect, self.settings = opened.dialect, opened.settings
        self.dialect.opened()

    def _take(self, text: str) -> None:
        event = json.loads(text)
        assert isinstance(event["type"], str)
        assert isinstance(event["event_id"], str)
        self.events.append(event)

    def notify(self, *events: Event) -> list[dict[str, Any]]:
        """Let things happen; return what was sent about them."""
        before = len(self.events)
        for event in events:
            if isinstance(event, ReplyStarted):
                aside = event.asked is not None and event.asked.aside
                self.active = self.active if aside else event.turn
            elif isinstance(event, ReplyDone) and event.turn == self.active:
                self.active = 0
            self.dialect.notify(event)
        return self.events[before:]

    def send(self, name: str, **fields: Any) -> list[Command]:
        """Send a client event; return the commands it led to."""
        message = json.dumps({"type": name, **fields})
        return list(self.dialect.receive(message, active=self.active))

    def answer(self, name: str, **fields: Any) -> list[dict[str, Any]]:
        """Send a client event; return the server events that answer it."""
        before = len(self.events)
        self.send(name, **fields)
        return self.events[before:]

    def refusal(self, name: str, **fields: Any) -> dict[str, Any]:
        """Send a client event that must be refused; return the error."""
        before = len(self.events)
        assert self.send(name, event_id="mine", **fields) == []
        [event] = self.events[before:]
        assert event["type"] == "error"
        assert event["error"]["event_id"] == "mine"
        assert event["error"]["type"] == "invalid_request_error"
        error: dict[str, Any] = event["error"]
        return error

    @property
    def session(self) -> dict[str, Any]:
        """The session object as it was last shown."""
        shown: dict[str, Any] = next(
            e["session"] for e in reversed(self.events) if "session" in e
        )
        return shown


def names(events: Sequence[dict[str, Any]]) -> list[str]:
    """The types of events."""
    return [event["type"] for event in events]
