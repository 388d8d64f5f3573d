"""The OpenAI Realtime protocol (GA) over a session: events out, client events in.

One object per call, called by the session's one writer only. It renders what the
session tells and turns what the client sends into commands; it starts nothing, knows
no clock, no audio and no connection. ``docs/protocol.md`` lists every message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Literal, assert_never

from voiceserver.budget import TurnRecord
from voiceserver.commands import Attach, Command
from voiceserver.config import Config
from voiceserver.dialects.realtime.call import Call
from voiceserver.dialects.realtime.client import ClientEvents
from voiceserver.dialects.realtime.input import UserSpeech
from voiceserver.dialects.realtime.items import Conversation
from voiceserver.dialects.realtime.output import Responses
from voiceserver.dialects.realtime.session import SessionRules, SessionSettings
from voiceserver.dialects.realtime.wire import Ids, Wire
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Event,
    Failed,
    IdleElapsed,
    MediaReport,
    Playback,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    ToolCalled,
    Transcript,
    UserTurn,
)
from voiceserver.voices import Voices

Carrier = Literal["webrtc", "websocket", "stream"]


class RealtimeDialect:
    """Speaks the Realtime protocol with one client.

    Args:
        call_id: Unique per call; all identifiers derive from it.
        config: Settings of the server.
        send: Takes one JSON text for the client; must neither block nor raise.
        session: The client's session object from before the call, if it gave one.
        voices: The synthesizer's voices; empty accepts OpenAI's names as they are.
        carrier: How audio moves.
        extensions: Send events of our own, which some clients take for errors.

    Attributes:
        config: ``config`` with the client's starting settings laid over it: what the
            call's ``Session`` must be made with.
        starting: What the call's ``Session`` must be told before anything else.

    Raises:
        BadRequest: If ``session`` cannot be used; the message says why.
    """

    def __init__(
        self,
        call_id: str,
        config: Config,
        send: Callable[[str], None],
        session: Mapping[str, object] | None = None,
        voices: Sequence[str] = (),
        carrier: Carrier = "webrtc",
        extensions: bool = True,
    ) -> None:
        rules = SessionRules(config, Voices(voices, config.speech.voice))
        settings = SessionSettings.starting(config)
        if session is not None:
            settings = rules.update(settings, dict(session))
        self.config = rules.starting_config(settings)
        self.starting = rules.configure(settings)
        ids = Ids(call_id)
        self._session_id = ids.new("sess")
        self._call = Call(
            call_id=call_id,
            ids=ids,
            wire=Wire(ids, send, extensions),
            conversation=Conversation(ids),
            settings=settings,
            paced=carrier != "websocket",
        )
        self._speech = UserSpeech(self._call, config.turn.prefix_ms)
        self._responses = Responses(self._call, ids.new("conv"))
        self._client = ClientEvents(
            self._call, rules, self._speech, self._responses, self._session_id
        )

    def opened(self) -> None:
        """Greet the client with ``session.created``."""
        session = self._call.settings.rendered(self._session_id)
        self._call.wire.event("session.created", session=session)

    def notify(self, event: Event) -> None:
        """Tell the client of an event; one out of order is logged and ignored."""
        match event:
            case (
                SpeechStarted()
                | SpeechStopped()
                | BargeIn()
                | Transcript()
                | UserTurn()
                | IdleElapsed()
            ):
                self._speech.notify(event)
            case (
                ReplyStarted()
                | TextDelta()
                | AudioDelta()
                | ToolCalled()
                | ReplyDone()
                | Playback()
            ):
                self._responses.notify(event)
            case MediaReport():
                self._call.wire.event("voiceserver.media", **asdict(event))
            case Failed(stage, message):
                self._call.wire.fault(f"{stage}_failed", message)
            case _:
                assert_never(event)

    def account(self, record: TurnRecord) -> None:
        """Tell the client what a turn cost: ``voiceserver.turn.latency``."""
        self._responses.account(record)

    def receive(self, text: str, sender: int = 0) -> Sequence[Command]:
        """Answer a message of the client; return what the session should do."""
        self._call.wire.sender = sender
        try:
            return self._client.receive(text)
        finally:
            self._call.wire.sender = None

    def attach(self, listener: Attach) -> None:
        """Tell a sideband too, after greeting it; or no more."""
        session = self._call.settings.rendered(self._session_id)
        self._call.wire.attach(listener, session)

    def refused(self, command: Command) -> None:
        """Tell the client that its command could not be carried out."""
        self._client.refused(command)

    def closed(self, reason: str) -> None:
        """End what is open and tell why the call is over; may be called again."""
        self._responses.close()
        self._call.wire.event("voiceserver.call.ended", reason=reason)
        self._call.wire.close()
