"""Asterisk's ``chan_websocket``: binary audio, control in plain text or in JSON.

docs.asterisk.org/Configuration/Channel-Drivers/WebSocket. Which of the two forms of
control it is, the first message tells. All versions tell when their queue is empty,
so only the end of a reply is marked; a mark is asked for again after each.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from voiceserver.carriers.telephony.messages import (
    Happening,
    Heard,
    LineForm,
    Pressed,
    Returned,
    SocketMessage,
    Started,
    Stopped,
)
from voiceserver.carriers.telephony.reading import (
    inner,
    json_in,
    key_in,
    text_in,
    texts_in,
)
from voiceserver.errors import BadRequest

LONGEST = 60_000  # bytes of a message; above 65,500 Asterisk hangs up
_SLIN = "slin"
_FORMS = {
    "ulaw": LineForm("pcmu"),
    "alaw": LineForm("pcma"),
    _SLIN: LineForm("l16", 8_000),
    "slin12": LineForm("l16", 12_000),
    "slin16": LineForm("l16", 16_000),
    "slin24": LineForm("l16", 24_000),
    "slin32": LineForm("l16", 32_000),
    "slin44": LineForm("l16", 44_100),
    "slin48": LineForm("l16", 48_000),
}


class AsteriskFraming:
    """The messages of one connection."""

    def __init__(self) -> None:
        self._form: LineForm | None = None
        self._speaks_json = False
        self._mark = ""

    def read(self, message: SocketMessage) -> Sequence[Happening]:
        """Read a message; what is unknown is nothing."""
        if isinstance(message, bytes):
            if self._form is None:
                raise BadRequest("audio came before MEDIA_START", "out_of_order")
            return [Heard(message)]
        event, fields = self._control(message)
        match event:
            case "MEDIA_START":
                return [self._start(fields)]
            case "DTMF_END":
                key = key_in(fields, "digit")
                return [] if key is None else [Pressed(key)]
            case "QUEUE_DRAINED":
                return [Returned(self._mark)]
            case "HANGUP":
                return [Stopped()]
            case _:
                return []

    def begin(self) -> Sequence[SocketMessage]:
        """Answer the channel, where the dial string left that to us."""
        return [self._command("ANSWER")]

    def audio(self, payload: bytes) -> Sequence[SocketMessage]:
        """Messages below the size at which Asterisk hangs up."""
        return [payload[at : at + LONGEST] for at in range(0, len(payload), LONGEST)]

    def mark(self, name: str) -> Sequence[SocketMessage]:
        """Told when the queue is empty."""
        self._mark = name
        return [self._command("REPORT_QUEUE_DRAINED")]

    def clear(self) -> Sequence[SocketMessage]:
        """One message."""
        return [self._command("FLUSH_MEDIA")]

    def hang_up(self) -> Sequence[SocketMessage]:
        """One message."""
        return [self._command("HANGUP")]

    def _command(self, name: str) -> str:
        return json.dumps({"command": name}) if self._speaks_json else name

    def _control(self, message: str) -> tuple[str, Mapping[str, object]]:
        if message.lstrip().startswith("{"):
            fields = json_in(message)
            return text_in(fields, "event"), fields
        event, *rest = message[:4096].split() or [""]
        pairs = (word.partition(":") for word in rest)
        return event, {name: value for name, _, value in pairs}

    def _start(self, fields: Mapping[str, object]) -> Started:
        if self._form is not None:
            raise BadRequest("MEDIA_START came twice", "out_of_order")
        name = text_in(fields, "format")
        if name not in _FORMS:
            message = (
                f"the channel's format {name[:20]!r} is not supported; dial with "
                f"c(FORMAT), one of: {', '.join(_FORMS)}"
            )
            raise BadRequest(message, "unsupported_format")
        self._form = _FORMS[name]
        self._speaks_json = "event" in fields
        variables = texts_in(inner(fields, "channel_variables"))
        return Started(
            text_in(fields, "connection_id"),
            text_in(fields, "channel_id", "channel"),
            variables.get("from", ""),
            variables.get("to", ""),
            self._form,
            variables,
        )
