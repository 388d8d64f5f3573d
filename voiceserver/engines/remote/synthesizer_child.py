"""Speech jobs inside an engine's process: text in, chunks of audio out, by credit.

Steps of several jobs take turns. A job that has given nothing yet goes before those
that have, the earliest first: somebody waits in silence for it, while the others
already have audio to play. Then the one that has given the least audio.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from voiceserver.audio import SPEECH_RATE
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.remote.cores import SpeechCore
from voiceserver.processes.ipc import Kind, Meta

MAX_CHUNK = 12_000  # samples, half a second: 48,000 bytes of float32
MAX_MARKS = 60  # of one message; an entry is some 30 bytes of JSON

_Item = tuple[Meta, bytes]


class SpeechJobs:
    """The speech engine of a child.

    Args:
        core: A ``SpeechCore``.
    """

    def __init__(self, core: object) -> None:
        self._core = cast(SpeechCore, core)

    @property
    def about(self) -> Meta:
        """The names of its voices."""
        return {"voices": list(self._core.voices)}

    def open(self, meta: Meta) -> SpeechJob:
        """Begin a phrase; ``meta`` has voice, speed and credit, its text is pushed."""
        return SpeechJob(self._core, meta)


class SpeechJob:
    """One phrase being spoken."""

    def __init__(self, core: SpeechCore, meta: Meta) -> None:
        self._core = core
        self._request = SpeechRequest(
            "",
            str(meta["voice"]),
            float(cast(float, meta["speed"])),
            float(cast(float, meta.get("pitch", 0.0))),
            str(meta.get("style", "")),
            paced=bool(meta.get("paced", True)),
        )
        self._credit = int(cast(int, meta["credit"]))
        self._text = b""
        self._chunks: Iterator[SpeechChunk] | None = None
        self._items: deque[_Item] = deque()  # of the chunk in hand
        self._given = 0  # samples

    @property
    def urgency(self) -> float | None:
        """Seconds of audio given."""
        if self._chunks is None or self._credit <= 0:
            return None
        return self._given / SPEECH_RATE

    def push(self, body: bytes) -> None:
        """Take text, UTF-8; a character may be cut by the end of a message."""
        self._text += body

    def note(self, meta: Meta) -> None:
        """It makes no difference here."""

    def finish(self) -> None:
        """The text is complete: begin to speak."""
        text = self._text.decode("utf-8", "replace")
        self._chunks = self._core.speak(replace(self._request, text=text))

    def credit(self, items: int) -> None:
        """Take leave to give more items."""
        self._credit += items

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Give the next piece of audio, or the end."""
        assert self._chunks is not None
        while not self._items:
            chunk = next(self._chunks, None)
            if chunk is None:
                return Kind.END, {}, b""
            self._items.extend(_items(chunk))
        self._credit -= 1
        meta, body = self._items.popleft()
        self._given += len(body) // 4
        return Kind.ITEM, meta, body

    def close(self) -> None:
        """Stop the voice's work."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def _items(chunk: SpeechChunk) -> Iterator[_Item]:
    """Cut a chunk to what a message holds; marks go with the first pieces."""
    marks = [[w.start, w.end, w.pts, w.pts_end] for w in chunk.words]
    samples = chunk.samples
    at = 0
    while at < len(samples):
        # A rest of marks that needs more messages than the audio gets short pieces.
        size = MAX_CHUNK if len(marks) <= MAX_MARKS else max(1, len(samples) // 64)
        some, marks = marks[:MAX_MARKS], marks[MAX_MARKS:]
        piece = samples[at : at + size].astype("<f4", copy=False)
        yield ({"words": some} if some else {}), piece.tobytes()
        at += size
