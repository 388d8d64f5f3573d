"""Services whose streams are JSON with the audio in base64; a row of names for each.

Twilio's Media Streams came first, and the others are near to it. Sources:
twilio.com/docs/voice/media-streams/websocket-messages; developers.telnyx.com, "Media
Streaming over WebSockets"; developer.exotel.com/docs/agentstream/websocket-protocol;
plivo.com/docs/voice/xml/audio-stream; developer.signalwire.com, "Stream".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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
    audio_in,
    form_of,
    inner,
    json_in,
    key_in,
    text_in,
    texts_in,
)
from voiceserver.errors import BadRequest

_MU_LAW = LineForm()
MOST_AHEAD = 5  # chunks that may overtake one before it counts as lost


@dataclass(frozen=True, slots=True)
class JsonStream:
    """How one service names things.

    Attributes:
        stream: The member that names the stream.
        sends_stream: Whether we have to repeat it.
        call: Of ``start``: the call.
        parameters: Of ``start``: what the call's document gave along.
        media_format: Of ``start``.
        rate: Of the media format.
        form: Where the service does not say.
        ordered: Its chunks come in order; otherwise by their numbers.
        plivo: It says ``playAudio``, ``checkpoint`` and ``clearAudio``.
    """

    stream: str = "streamSid"
    sends_stream: bool = True
    call: str = "callSid"
    parameters: str = "customParameters"
    media_format: str = "mediaFormat"
    rate: str = "sampleRate"
    form: LineForm = _MU_LAW
    ordered: bool = True
    plivo: bool = False


TWILIO = JsonStream()
TELNYX = JsonStream(
    stream="stream_id",
    sends_stream=False,
    call="call_control_id",
    parameters="custom_parameters",
    media_format="media_format",
    rate="sample_rate",
    ordered=False,
)
EXOTEL = JsonStream(
    stream="stream_sid",
    call="call_sid",
    parameters="custom_parameters",
    media_format="media_format",
    rate="sample_rate",
    form=LineForm("l16"),
)
PLIVO = JsonStream(stream="streamId", call="callId", plivo=True)


class InOrder:
    """Puts numbered chunks into their order; one that does not come is given up."""

    def __init__(self) -> None:
        self._next: int | None = None
        self._waiting: dict[int, bytes] = {}

    def push(self, number: int, chunk: bytes) -> list[bytes]:
        """Take a chunk; return those whose turn it is. Old and repeated ones go."""
        if self._next is None:
            self._next = number
        if number >= self._next:
            self._waiting[number] = chunk
        if len(self._waiting) > MOST_AHEAD:
            self._next = min(self._waiting)
        ready = []
        while self._next in self._waiting:
            ready.append(self._waiting.pop(self._next))
            self._next += 1
        return ready


class JsonFraming:
    """The messages of one connection.

    Args:
        names: Of the service.
    """

    def __init__(self, names: JsonStream) -> None:
        self._names = names
        self._stream: str | None = None  # once it has begun
        self._order = InOrder()

    def read(self, message: SocketMessage) -> Sequence[Happening]:
        """Read a message; ``connected`` and what is unknown are nothing."""
        fields = json_in(message)
        event = text_in(fields, "event")
        if event == "start":
            return [self._start(fields)]
        if event in ("media", "dtmf") and self._stream is None:
            raise BadRequest(f"{event} came before start", "out_of_order")
        match event:
            case "media":
                return [Heard(chunk) for chunk in self._media(inner(fields, "media"))]
            case "dtmf":
                pressed = inner(fields, "dtmf") or fields
                key = key_in(pressed, "digit")
                return [] if key is None else [Pressed(key)]
            case "mark":
                return [Returned(text_in(inner(fields, "mark"), "name"))]
            case "playedStream":
                return [Returned(text_in(fields, "name"))]
            case "stop":
                return [Stopped()]
            case _:
                return []

    def begin(self) -> Sequence[SocketMessage]:
        """Nothing: the service waits for nothing."""
        return ()

    def audio(self, payload: bytes) -> Sequence[SocketMessage]:
        """One message, of any length."""
        media: dict[str, Any] = {"payload": base64.b64encode(payload).decode()}
        if not self._names.plivo:
            return [self._said("media", media=media)]
        form = self._form
        kind = {"pcmu": "audio/x-mulaw", "pcma": "audio/x-alaw", "l16": "audio/x-l16"}
        media = {"contentType": kind[form.codec], "sampleRate": form.rate, **media}
        return [self._said("playAudio", media=media)]

    def mark(self, name: str) -> Sequence[SocketMessage]:
        """One message."""
        if self._names.plivo:
            return [self._said("checkpoint", name=name)]
        return [self._said("mark", mark={"name": name})]

    def clear(self) -> Sequence[SocketMessage]:
        """One message; marks that wait return at once."""
        return [self._said("clearAudio" if self._names.plivo else "clear")]

    def hang_up(self) -> Sequence[SocketMessage]:
        """Nothing: the call's document ends with the stream."""
        return ()

    def _said(self, event: str, **fields: object) -> str:
        names = self._names
        said: dict[str, object] = {"event": event}
        if names.sends_stream:
            said[names.stream] = self._stream
        return json.dumps(said | fields, separators=(",", ":"))

    def _start(self, fields: Mapping[str, Any]) -> Started:
        if self._stream is not None:
            raise BadRequest("start came twice", "out_of_order")
        names, start = self._names, inner(fields, "start")
        stream = text_in(fields, names.stream) or text_in(start, names.stream)
        if not stream:
            message = f"start has no {names.stream}"
            raise BadRequest(message, "missing_required_parameter")
        said = inner(start, names.media_format)
        form = names.form
        encoding, rate = text_in(said, "encoding"), text_in(said, names.rate)
        if encoding or rate:
            form = form_of(encoding or form.codec, rate or str(form.rate))
        self._stream, self._form = stream, form
        given = texts_in(inner(start, names.parameters) or _given(fields))
        return Started(
            stream,
            text_in(start, names.call),
            text_in(start, "from") or given.get("from", ""),
            text_in(start, "to") or given.get("to", ""),
            form,
            given,
        )

    def _media(self, media: Mapping[str, Any]) -> list[bytes]:
        if text_in(media, "track") in ("outbound", "outbound_track"):
            return []  # our own voice, where somebody asked for both tracks
        audio, number = audio_in(media), text_in(media, "chunk")
        if self._names.ordered or not (number.isascii() and number.isdigit()):
            return [audio]
        return self._order.push(int(number[:15]), audio)


def _given(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    """Plivo's extra headers: an object, or a text ``{a: b,c: d}``."""
    found = fields.get("extra_headers")
    if isinstance(found, dict):
        return found
    if not isinstance(found, str):
        return {}
    try:
        return json_in(found)
    except BadRequest:
        pairs = (pair.partition(":") for pair in found.strip("{} ").split(","))
        return {name.strip(): value.strip() for name, _, value in pairs}
