"""Services whose audio is binary, 16-bit PCM, beside control messages of JSON.

Vonage (developer.vonage.com/voice/voice-api/concepts/websockets) and jambonz
(docs.jambonz.org/verbs/verbs/listen). Marks of jambonz are written as its media server
reads them; where one never returns the clock stands in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from voiceserver.carriers.telephony.messages import (
    Happening,
    Heard,
    LineForm,
    Pressed,
    Returned,
    SocketMessage,
    Started,
)
from voiceserver.carriers.telephony.reading import (
    content_type_form,
    form_of,
    inner,
    json_in,
    key_in,
    text_in,
    texts_in,
)
from voiceserver.errors import BadRequest

FRAME_MS = 20  # of each message that Vonage is sent, exactly


class VonageFraming:
    """The messages of one connection of Vonage's Voice API."""

    def __init__(self) -> None:
        self._form: LineForm | None = None

    def read(self, message: SocketMessage) -> Sequence[Happening]:
        """Read a message; what is unknown is nothing."""
        if isinstance(message, bytes):
            return [_heard(message, self._form)]
        fields = json_in(message)
        match text_in(fields, "event"):
            case "websocket:connected":
                return [self._start(fields)]
            case "websocket:dtmf":
                key = key_in(fields, "digit") or key_in(inner(fields, "dtmf"), "digit")
                return [] if key is None else [Pressed(key)]
            case "websocket:notify":
                return [Returned(text_in(inner(fields, "payload"), "name"))]
            case _:
                return []

    def begin(self) -> Sequence[SocketMessage]:
        """Nothing."""
        return ()

    def audio(self, payload: bytes) -> Sequence[SocketMessage]:
        """Messages of exactly one frame."""
        assert self._form is not None
        size = self._form.rate * FRAME_MS // 1000 * 2
        return [payload[at : at + size] for at in range(0, len(payload), size)]

    def mark(self, name: str) -> Sequence[SocketMessage]:
        """One message."""
        return [_json({"action": "notify", "payload": {"name": name}})]

    def clear(self) -> Sequence[SocketMessage]:
        """One message."""
        return [_json({"action": "clear"})]

    def hang_up(self) -> Sequence[SocketMessage]:
        """Nothing: the call ends with the socket."""
        return ()

    def _start(self, fields: Mapping[str, Any]) -> Started:
        if self._form is not None:
            raise BadRequest("websocket:connected came twice", "out_of_order")
        form = content_type_form(text_in(fields, "content-type"))
        self._form = form
        given = texts_in(fields)
        call = given.get("uuid", "")
        return Started(
            "", call, given.get("from", ""), given.get("to", ""), form, given
        )


class JambonzFraming:
    """The messages of one connection of jambonz' ``listen``."""

    def __init__(self) -> None:
        self._form: LineForm | None = None

    def read(self, message: SocketMessage) -> Sequence[Happening]:
        """Read a message; the first text describes the call."""
        if isinstance(message, bytes):
            return [_heard(message, self._form)]
        fields = json_in(message)
        if self._form is None:
            return [self._start(fields)]
        if text_in(fields, "event") == "dtmf":
            key = key_in(fields, "dtmf", "digit")
            return [] if key is None else [Pressed(key)]
        if text_in(fields, "type") == "mark":
            return [Returned(text_in(inner(fields, "data"), "name"))]
        return []

    def begin(self) -> Sequence[SocketMessage]:
        """Nothing."""
        return ()

    def audio(self, payload: bytes) -> Sequence[SocketMessage]:
        """One message, of any length."""
        return [payload]

    def mark(self, name: str) -> Sequence[SocketMessage]:
        """One message."""
        return [_json({"type": "mark", "data": {"name": name}})]

    def clear(self) -> Sequence[SocketMessage]:
        """One message."""
        return [_json({"type": "killAudio"})]

    def hang_up(self) -> Sequence[SocketMessage]:
        """One message: ``listen`` ends, and with it the call."""
        return [_json({"type": "disconnect"})]

    def _start(self, fields: Mapping[str, Any]) -> Started:
        if text_in(fields, "mixType") == "stereo":
            message = "'mixType' must be mono: only the caller is listened to"
            raise BadRequest(message, "unsupported_format")
        form = form_of("l16", text_in(fields, "sampleRate") or "8000")
        self._form = form
        given = texts_in(fields) | texts_in(inner(fields, "metadata"))
        call = given.get("callSid", "")
        return Started(
            "", call, given.get("from", ""), given.get("to", ""), form, given
        )


def _started(call: str, form: LineForm, given: Mapping[str, str]) -> Started:
    return Started("", call, given.get("from", ""), given.get("to", ""), form, given)


def _heard(message: bytes, form: LineForm | None) -> Heard:
    if form is None:
        raise BadRequest("audio came before the call's description", "out_of_order")
    return Heard(message)


def _json(said: object) -> str:
    return json.dumps(said, separators=(",", ":"))
