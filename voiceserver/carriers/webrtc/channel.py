"""The data channel ``oai-events`` of a call: text out, bounded, and text in, checked.

Text sent before the channel is open waits for it. Knows nothing of what is said.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

LABEL = "oai-events"
MAX_MESSAGE_BYTES = 131_072  # instructions of any sensible length fit
MAX_WAITING_BYTES = 1_048_576  # not yet taken by the client; beyond it the call ends


class EventChannel:
    """One call's channel; whichever side creates it.

    Args:
        receive: Takes a text of the client.
        end: Ends the call, given the reason.
    """

    def __init__(
        self, receive: Callable[[str], None], end: Callable[[str], None]
    ) -> None:
        self._receive = receive
        self._end = end
        self._channel: Any = None
        self._waiting: deque[tuple[str, int]] = deque()
        self._waiting_bytes = 0

    def attach(self, channel: Any) -> None:
        """Take a channel of the peer connection; others than the first are ignored."""
        if self._channel is not None or channel.label != LABEL:
            return
        self._channel = channel
        channel.on("message", self._message)
        channel.on("open", self._flush)
        self._flush()

    def send(self, text: str) -> None:
        """Send, or keep until the channel is open; never raises."""
        size = _n_bytes(text)
        if self._waiting_bytes + self._buffered() + size > MAX_WAITING_BYTES:
            # A client without a channel does not want events; one with a channel
            # that takes none is gone or hostile.
            if self._channel is not None:
                self._end("The client does not read its events.")
            return
        self._waiting.append((text, size))
        self._waiting_bytes += size
        self._flush()

    @property
    def idle(self) -> bool:
        """Whether everything was handed to the network."""
        return not self._open() or self._buffered() == 0

    def _open(self) -> bool:
        return self._channel is not None and self._channel.readyState == "open"

    def _buffered(self) -> int:
        return self._channel.bufferedAmount if self._channel is not None else 0

    def _flush(self) -> None:
        while self._waiting and self._open():
            text, size = self._waiting.popleft()
            self._waiting_bytes -= size
            try:
                self._channel.send(text)
            except ValueError:
                # Above what the client's offer says that it takes (RFC 8841).
                self._end("An event is larger than the client's offer allows.")
                return

    def _message(self, message: object) -> None:
        if not isinstance(message, str):
            self._end("The event channel takes text only.")
        elif _n_bytes(message) > MAX_MESSAGE_BYTES:
            self._end(f"An event is larger than {MAX_MESSAGE_BYTES // 1024} KiB.")
        else:
            self._receive(message)


def _n_bytes(text: str) -> int:
    """Size on the wire; a letter is up to four bytes."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
