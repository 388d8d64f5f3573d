"""What every server event of the Realtime protocol shares: envelope, ids, refusals.

Knows nothing of conversations or sessions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from hashlib import blake2s

from voiceserver.commands import Attach
from voiceserver.errors import BadRequest

_encode = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode


OWN = "voiceserver."  # begins the names of events of our own
AUDIO = "response.output_audio.delta"  # not for sidebands


def wants_extensions(address: Mapping[str, str]) -> bool:
    """Whether a client on a WebSocket wants ``voiceserver.*`` events.

    Only if its address says so: openai-agents reports every event that it does not
    know as an error.
    """
    return address.get("extensions") == "voiceserver"


class Ids:
    """Identifiers of one call: unique, and the same on every run for a call id.

    Args:
        call_id: Distinguishes calls.
    """

    def __init__(self, call_id: str) -> None:
        digest = blake2s(call_id.encode("utf-8", "replace"), digest_size=6)
        self._stem = digest.hexdigest()
        self._count = 0

    def new(self, kind: str) -> str:
        """Return a new id such as ``item_5d41402abc4b00001f``."""
        self._count += 1
        return f"{kind}_{self._stem}{self._count:06x}"


class Wire:
    """Writes server events, one JSON text each, until it is closed.

    Args:
        ids: Gives every event its ``event_id``.
        send: Takes the text; must not raise.
        extensions: Send the client events of our own too.

    Attributes:
        sender: Who is being answered: 0 the client, a sideband's number, or None. A
            refusal goes to that one alone, everything else to all.
    """

    def __init__(
        self, ids: Ids, send: Callable[[str], None], extensions: bool = True
    ) -> None:
        self._ids = ids
        self._send = send
        self._extensions = extensions
        self._open = True
        self._others: dict[int, Attach] = {}
        self.sender: int | None = None

    def event(self, name: str, /, **fields: object) -> None:
        """Send an event of type ``name``; ``fields`` are JSON values."""
        if not self._open:
            return
        text = self._text(name, fields)
        own = name.startswith(OWN)
        if self._extensions or not own:
            self._send(text)
        if name != AUDIO:
            for other in self._others.values():
                if other.send is not None and (
                    not own or wants_extensions(other.address)
                ):
                    other.send(text)

    def attach(self, other: Attach, session: object) -> None:
        """Send events to somebody else too, greeted with the session; or no more."""
        self._others.pop(other.sender, None)
        if other.send is not None and self._open:
            self._others[other.sender] = other
            other.send(self._text("session.created", {"session": session}))

    def _text(self, name: str, fields: dict[str, object]) -> str:
        envelope = {"type": name, "event_id": self._ids.new("event")}
        return _encode(envelope | fields)

    def refuse(self, refused: BadRequest, event_id: str | None) -> None:
        """Tell the client that its event ``event_id`` was not carried out."""
        error = {
            "type": "invalid_request_error",
            "code": refused.code,
            "message": str(refused),
            "param": refused.param,
            "event_id": event_id,
        }
        other = self._others.get(self.sender or 0)
        if self._open and other is not None and other.send is not None:
            other.send(self._text("error", {"error": error}))
        elif self.sender is None or self.sender == 0:
            self.event("error", error=error)

    def fault(self, code: str, message: str) -> None:
        """Tell the client of a fault of the server."""
        error = {
            "type": "server_error",
            "code": code,
            "message": message,
            "param": None,
            "event_id": None,
        }
        self.event("error", error=error)

    def close(self) -> None:
        """Send nothing from now on."""
        self._open = False
        for other in self._others.values():
            other.end()
        self._others.clear()
