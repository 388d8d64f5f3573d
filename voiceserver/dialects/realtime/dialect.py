"""The OpenAI Realtime protocol (GA) over a session: events out, client events in.

One object per call, called by the session's one writer only. It renders what the
session tells and turns what the client sends into commands; it starts nothing, knows
no clock, no audio and no connection. ``docs/protocol.md`` lists every message.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import assert_never

from voiceserver.budget import TurnRecord
from voiceserver.commands import Attach, Command, Configure, HangUp
from voiceserver.config import Config
from voiceserver.dialects.fields import ID, read_event, required
from voiceserver.dialects.fields import text as string
from voiceserver.dialects.realtime.call import RealtimeCall
from voiceserver.dialects.realtime.client import ClientEvents
from voiceserver.dialects.realtime.input import UserSpeech
from voiceserver.dialects.realtime.items import Conversation
from voiceserver.dialects.realtime.output import Responses
from voiceserver.dialects.realtime.session import SessionRules, SessionSettings
from voiceserver.dialects.realtime.wire import Ids, Wire, wants_extensions
from voiceserver.errors import BadRequest
from voiceserver.events import (
    AudioDelta,
    BargeIn,
    Event,
    Failed,
    FormFilled,
    IdleElapsed,
    KeyPressed,
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
from voiceserver.session.ports import Opened, Opening
from voiceserver.voices import Voices

UPDATE = "session.update"


class RealtimeDialect:
    """Speaks the Realtime protocol with one client.

    Args:
        opening: What it is made of.
        send: Takes one JSON text for the client; must neither block nor raise.
        rules: What the server allows.
        settings: What the client starts with.
    """

    def __init__(
        self,
        opening: Opening,
        send: Callable[[str], None],
        rules: SessionRules,
        settings: SessionSettings,
    ) -> None:
        ids = Ids(opening.call_id)
        self._session_id = ids.new("sess")
        in_events = opening.carrier.in_events
        self._call = RealtimeCall(
            call_id=opening.call_id,
            ids=ids,
            wire=Wire(ids, send, not in_events or wants_extensions(opening.address)),
            conversation=Conversation(ids),
            settings=settings,
            paced=not in_events,
        )
        self._speech = UserSpeech(self._call, opening.config.turn.prefix_ms)
        self._responses = Responses(self._call, ids.new("conv"))
        self._client = ClientEvents(self._call, rules, self._speech, self._responses)
        self._rules = rules

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
                | FormFilled()
                | ReplyDone()
                | Playback()
            ):
                self._responses.notify(event)
            case KeyPressed(key, received_s):
                name = "input_audio_buffer.dtmf_event_received"
                self._call.wire.event(name, event=key, received_at=received_s)
            case MediaReport():
                self._call.wire.event("voiceserver.media", **asdict(event))
            case Failed(stage, message):
                self._call.wire.fault(f"{stage}_failed", message)
            case _:
                assert_never(event)

    def account(self, record: TurnRecord) -> None:
        """Tell the client what a turn cost: ``voiceserver.turn.latency``."""
        self._responses.account(record)

    def receive(self, text: str, sender: int = 0, active: int = 0) -> Iterable[Command]:
        """Answer a message of the client; return what the session should do.

        Whatever comes, the answer is a server event or a refusal that names the
        offending event.
        """
        wire, event_id = self._call.wire, None
        wire.sender = sender
        try:
            fields = read_event(text)
            given = fields.get("event_id")
            if given is not None:
                event_id = ID(given, "event_id")
            name = self._type(fields)
            if name == UPDATE:
                return self._update(fields)
            return self._client.read(name, fields, active)
        except BadRequest as refused:
            wire.refuse(refused, event_id)
            return []
        finally:
            wire.sender = None

    def _type(self, fields: Mapping[str, object]) -> str:
        if "type" not in fields:
            message = "the event has no type"
            raise BadRequest(message, "missing_required_parameter", "type")
        name: str = string()(fields["type"], "type")
        if name == UPDATE or name in self._client.names:
            return name
        known = ", ".join([UPDATE, *self._client.names])
        message = f"unknown event type {name[:64]!r}; known are: {known}"
        raise BadRequest(message, "unknown_event", "type")

    def _update(self, fields: Mapping[str, object]) -> Iterable[Command]:
        """Keep what a client sets and show it; the session is told what it decides."""
        call, rules = self._call, self._rules
        old = call.settings
        new = rules.update(old, required(fields, "session"))
        if new.kind != old.kind:
            message = f"session.type is {old.kind} from the start of the call on"
            raise BadRequest(message, param="session.type")
        call.settings = new
        call.wire.event("session.updated", session=new.rendered(self._session_id))
        settings = rules.call_settings(new)
        return [] if settings == rules.call_settings(old) else [Configure(settings)]

    def attach(self, listener: Attach) -> None:
        """Tell a sideband too, after greeting it; or no more."""
        session = self._call.settings.rendered(self._session_id)
        self._call.wire.attach(listener, session)

    def refused(self, command: Command) -> None:
        """Tell the client that its command could not be carried out."""
        self._client.refused(command)

    def closed(self, end: HangUp) -> None:
        """End what is open and tell why the call is over; may be called again."""
        self._responses.close()
        self._call.wire.event(
            "voiceserver.call.ended", reason=end.reason, code=end.code
        )
        self._call.wire.close()


class Realtime:
    """The Realtime protocol as a row of the table of dialects."""

    def open(self, opening: Opening, send: Callable[[str], None]) -> Opened:
        """Make the dialect of a call; what its session asks for beats its address."""
        rules = SessionRules(opening.config, opening.voices)
        settings = rules.update(rules.starting(), _session_in(opening.address))
        settings = rules.update(settings, dict(opening.session))
        dialect = RealtimeDialect(opening, send, rules, settings)
        return Opened(dialect, rules.call_settings(settings))

    def shown(
        self, config: Config, voices: Voices, session: Mapping[str, object]
    ) -> Mapping[str, object]:
        """Check a session object that a token will carry; return it filled in."""
        rules = SessionRules(config, voices)
        settings = rules.update(rules.starting(), dict(session))
        return settings.rendered(f"sess_{secrets.token_hex(12)}")


def _session_in(address: Mapping[str, str]) -> dict[str, object]:
    """What an address says of the session: ``?model=`` and ``?intent=``."""
    session: dict[str, object] = {}
    if address.get("intent") == "transcription":
        session["type"] = "transcription"
    if (model := address.get("model")) is not None:
        session["model"] = model
    return session
