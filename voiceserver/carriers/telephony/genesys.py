"""Genesys Cloud's Audio Connector: AudioHook, version 2, audio beside JSON.

Source: developer.genesys.cloud/devapps/audiohook, and the types and tests of Genesys'
own sample service (github.com/purecloudlabs/audiohook-reference-implementation). Its
connection probe, a conversation of zeros, is opened and closed without a call. Of what
is offered the first that can be used is taken: the caller alone, in mu-law or L16,
little-endian (``audioframe.ts`` of that service), at 8 kHz, which is all there is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from voiceserver.carriers.telephony.messages import (
    Answered,
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

VERSION = "2"
FRAME_MS = 200  # five messages a second: more are refused in the long run (error 429)
PROBE = "00000000-0000-0000-0000-000000000000"
MEDIA = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
_FORMS: Mapping[str, LineForm] = {"PCMU": LineForm(), "L16": LineForm("l16")}


class GenesysFraming:
    """The messages of one connection."""

    def __init__(self) -> None:
        self._id = ""  # of the session, once it is open
        self._n_theirs = 0
        self._n_ours = 0
        self._mark = ""
        self._media: Mapping[str, Any] = MEDIA

    def read(self, message: SocketMessage) -> Sequence[Happening]:
        """Read a message; what is unknown is nothing."""
        if isinstance(message, bytes):
            if not self._id:
                raise BadRequest("audio came before open", "out_of_order")
            return [Heard(message)]
        fields = json_in(message)
        kind, parameters = text_in(fields, "type"), inner(fields, "parameters")
        if not self._id and kind != "open":
            raise BadRequest(f"{kind[:20] or 'a message'} came before open")
        number = text_in(fields, "seq")
        if number.isascii() and number.isdigit():
            self._n_theirs = int(number[:15])
        if kind == "open":
            return self._open(fields, parameters)
        return self._happened(kind, parameters)

    def begin(self) -> Sequence[SocketMessage]:
        """The session is open; audio comes from now on."""
        return [self._opened()]

    def audio(self, payload: bytes) -> Sequence[SocketMessage]:
        """One message."""
        return [payload]

    def mark(self, name: str) -> Sequence[SocketMessage]:
        """Nothing: it tells by itself when all has been played."""
        self._mark = name
        return ()

    def clear(self) -> Sequence[SocketMessage]:
        """One message."""
        self._mark = ""
        entity = {"type": "barge_in", "data": {}}
        return [self._said("event", entities=[entity])]

    def hang_up(self) -> Sequence[SocketMessage]:
        """One message: the flow goes on after its action."""
        return [self._said("disconnect", reason="completed")]

    def _happened(
        self, kind: str, parameters: Mapping[str, Any]
    ) -> Sequence[Happening]:
        match kind:
            case "ping":
                return [Answered([self._said("pong")])]
            case "update":  # of the language: it is the session's
                return [Answered([self._said("updated")])]
            case "close":
                return [Answered([self._said("closed")]), Stopped()]
            case "dtmf":
                key = key_in(parameters, "digit")
                return [] if key is None else [Pressed(key)]
            case "playback_completed" if self._mark:
                name, self._mark = self._mark, ""
                return [Returned(name)]
            case _:  # paused, resumed, discarded: audio stops, and the clock goes on
                return []

    def _open(
        self, fields: Mapping[str, Any], parameters: Mapping[str, Any]
    ) -> Sequence[Happening]:
        if self._id:
            raise BadRequest("open came twice", "out_of_order")
        self._id = text_in(fields, "id")
        if not self._id:
            raise BadRequest("open has no id", "missing_required_parameter")
        self._media = _chosen(parameters.get("media"))
        call = text_in(parameters, "conversationId")
        if call == PROBE:
            return [Answered([self._opened()])]
        who = inner(parameters, "participant")
        given = texts_in(inner(parameters, "inputVariables"))
        caller, called = _number(who, "ani"), _number(who, "dnis")
        form = _FORMS[self._media["format"]]
        return [Started(self._id, call, caller, called, form, given)]

    def _opened(self) -> str:
        return self._said("opened", startPaused=False, media=[self._media])

    def _said(self, kind: str, **parameters: object) -> str:
        self._n_ours += 1
        said = {
            "version": VERSION,
            "type": kind,
            "seq": self._n_ours,
            "clientseq": self._n_theirs,
            "id": self._id,
            "parameters": parameters,
        }
        return json.dumps(said, separators=(",", ":"))


def _chosen(offered: object) -> Mapping[str, Any]:
    """The first form that can be used.

    Raises:
        BadRequest: If there is none; says which would do.
    """
    usable = [{**MEDIA, "format": name} for name in _FORMS]
    for each in offered if isinstance(offered, list) else ():
        if each in usable:
            return {**MEDIA, "format": each["format"]}
    message = f"'media' has no {json.dumps(MEDIA)}, nor that in L16: have it offered"
    raise BadRequest(message, "unsupported_format")


def _number(who: Mapping[str, Any], name: str) -> str:
    """``tel:+15550101`` or ``sip:100@…`` as its number."""
    return (
        text_in(who, name).removeprefix("tel:").removeprefix("sip:").partition("@")[0]
    )
