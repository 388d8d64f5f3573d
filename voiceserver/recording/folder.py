"""The folder of one recorded call, being written: for its owner's eyes only.

Blocks, so it is called by the recorder's own thread. What lies there is readable at
every moment but for the last second: a process that is killed leaves a recording that
was cut off, not a damaged one.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import wave
from pathlib import Path

from voiceserver.audio import MIC_RATE, SPEECH_RATE
from voiceserver.recording.layout import CALLER, EVENTS, REPLY, Header, Line, encoded

_SILENCE = bytes(2 * SPEECH_RATE)  # a second


def _opened(path: Path) -> int:
    """A new file, readable and writable by its owner alone whatever the umask."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.fchmod(descriptor, 0o600)
    return descriptor


class CallFolder:
    """Writes one call.

    Args:
        path: That must not be there yet.
        header: What is known of the call.

    Raises:
        OSError: By any method, if it cannot be written.
    """

    def __init__(self, path: Path, header: Header) -> None:
        self.path = path
        path.mkdir(mode=0o700)
        self._events = os.fdopen(_opened(path / EVENTS), "w", encoding="utf-8")
        self._files = {
            name: os.fdopen(_opened(path / name), "wb") for name in (CALLER, REPLY)
        }
        self._tracks: dict[str, wave.Wave_write] = {}
        self._closed = False
        for name, rate in ((CALLER, MIC_RATE), (REPLY, SPEECH_RATE)):
            track = self._tracks[name] = wave.Wave_write(self._files[name])
            track.setnchannels(1)
            track.setsampwidth(2)
            track.setframerate(rate)
            track.writeframes(b"")
        self._events.write(encoded(header.line()))
        self.flush()

    def line(self, line: Line) -> None:
        """Add a line of events."""
        self._events.write(encoded(line))

    def caller(self, pcm: bytes) -> None:
        """Add audio of the caller."""
        self._tracks[CALLER].writeframesraw(pcm)

    def reply(self, silence: int, pcm: bytes) -> None:
        """Add audio of the reply, after so many samples of silence."""
        track = self._tracks[REPLY]
        for at in range(0, 2 * silence, len(_SILENCE)):
            track.writeframesraw(_SILENCE[: 2 * silence - at])
        track.writeframesraw(pcm)

    def flush(self) -> None:
        """Make what was added readable: the files' lengths are in their heads.

        Of files that were let go nothing is to be done.
        """
        if self._closed:
            return
        for name, track in self._tracks.items():
            track.writeframes(b"")
            self._files[name].flush()
        self._events.flush()

    def close(self) -> None:
        """All is written; may be called again."""
        if self._closed:
            return
        try:
            self.flush()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Let go of the files, whatever of them was written."""
        self._closed = True
        closing = [one.close for one in self._tracks.values()]
        closing += [self._events.close, *(one.close for one in self._files.values())]
        for close in closing:
            # A full disk fails again as the buffer is written: it is closed all the
            # same.
            with contextlib.suppress(OSError, ValueError):
                close()

    def remove(self) -> None:
        """Remove the call."""
        self.abandon()
        shutil.rmtree(self.path, ignore_errors=True)
