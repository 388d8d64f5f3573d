"""Server-sent events from bytes: a parser without I/O.

Follows the WHATWG HTML standard, section 9.2.6 (interpreting an event stream), for
any cutting of the bytes into chunks. Ids and reconnection times are passed over. What
the events mean is the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass

from voiceserver.errors import EngineFailed

MAX_EVENT_BYTES = 256 * 1024
_LINE_FEED = 0x0A


@dataclass(frozen=True, slots=True)
class ServerSentEvent:
    """One event.

    Attributes:
        data: Its data lines, joined by line feeds.
        event: Its type; ``"message"`` if none was named.
    """

    data: str
    event: str = "message"


class SseParser:
    """Takes bytes as they arrive and gives whole events; one object per stream.

    Args:
        source: Who sends, for the error message.
        max_event_bytes: Bound of a line and of one event's data.
    """

    def __init__(self, source: str, max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self._source = source
        self._max = max_event_bytes
        self._rest = bytearray()  # of a line that has not ended
        self._skip_line_feed = False  # the last byte was a carriage return
        self._first_line = True
        self._data: list[str] = []
        self._data_bytes = 0
        self._event = ""

    def feed(self, chunk: bytes) -> list[ServerSentEvent]:
        """Add bytes; return the events they complete.

        An event that the stream breaks off in is not returned, as the standard says.

        Raises:
            EngineFailed: If a line or an event exceeds the bound.
        """
        if not chunk:
            return []
        if self._skip_line_feed and chunk[0] == _LINE_FEED:
            chunk = chunk[1:]
        self._skip_line_feed = chunk.endswith(b"\r")
        plain = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        lines = plain.split(b"\n")
        events = []
        for line in lines[:-1]:
            self._grow(line)
            whole, self._rest = bytes(self._rest), bytearray()
            event = self._line(whole)
            if event is not None:
                events.append(event)
        self._grow(lines[-1])
        return events

    def finish(self) -> list[ServerSentEvent]:
        """The stream has ended; return an event that lacks only its empty line.

        The standard drops it. Some services leave that line out at their end; whether
        the event is whole its reader has to see.

        Raises:
            EngineFailed: If the event exceeds the bound.
        """
        rest, self._rest = bytes(self._rest), bytearray()
        if rest:
            self._line(rest)
        event = self._dispatch()
        return [event] if event is not None else []

    def _grow(self, piece: bytes) -> None:
        if len(self._rest) + len(piece) > self._max:
            raise EngineFailed(self._source, "sent a line that is too long")
        self._rest += piece

    def _line(self, line: bytes) -> ServerSentEvent | None:
        text = line.decode(errors="replace")
        if self._first_line:
            self._first_line = False
            text = text.removeprefix("\ufeff")
        if not text:
            return self._dispatch()
        name, _, value = text.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data_bytes += len(line)
            if self._data_bytes > self._max:
                raise EngineFailed(self._source, "sent an event that is too long")
            self._data.append(value)
        elif name == "event":
            self._event = value
        return None

    def _dispatch(self) -> ServerSentEvent | None:
        data, name = self._data, self._event or "message"
        self._data, self._data_bytes, self._event = [], 0, ""
        return ServerSentEvent("\n".join(data), name) if data else None
