"""Speech becomes a sound file, as it comes: samples to bytes.

Synchronous, and may take longer than a millisecond: callers on the event loop use
``asyncio.to_thread``. Knows soundfile, but no HTTP and no engines.
"""

from __future__ import annotations

import io
import struct
import threading
from typing import Literal

import numpy as np
import soundfile

from voiceserver.audio import SPEECH_RATE, Samples, to_int16

Format = Literal["wav", "pcm", "flac", "mp3", "opus"]
MEDIA_TYPES: dict[Format, str] = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}
_CONTAINERS = {
    "flac": ("FLAC", "PCM_16"),
    "mp3": ("MP3", "MPEG_LAYER_III"),
    "opus": ("OGG", "OPUS"),
}
# Constant bitrate: without the header that is written last, libsndfile and others
# guess the length of a variable one wrongly. 0.6 is 64 kb/s.
_MP3 = {"bitrate_mode": "CONSTANT", "compression_level": 0.6}
_OGG_PAGE_MS = 100.0  # of sound; libsndfile's 1000 would be the delay of a stream
_SET_OGG_PAGE_LATENCY = 0x1302  # SFC_SET_OGG_PAGE_LATENCY_MS of sndfile.h
_UNKNOWN_SIZE = 0xFFFF_FFFF  # a streamed WAV says this where its length would be


class SoundEncoder:
    """Encodes speech as it comes; one object per stream.

    Args:
        format: The format wanted.
        streamed: The bytes leave before the length is known. If false, ``push``
            gives nothing and ``finish`` the whole file, with right lengths. FLAC is
            never streamed: many programs cannot read one that lacks its length.
    """

    def __init__(self, format: Format, streamed: bool = True) -> None:
        self._format = format
        self._streamed = streamed and format != "flac"
        self._sent = 0
        # A thread whose waiter was cancelled goes on writing; libsndfile would crash
        # if the file were closed under it.
        self._lock = threading.Lock()
        self._pcm = bytearray()
        self._sink = io.BytesIO()
        self._file: soundfile.SoundFile | None = None
        if format in _CONTAINERS:
            container, subtype = _CONTAINERS[format]
            self._file = soundfile.SoundFile(
                self._sink,
                "w",
                SPEECH_RATE,
                1,
                subtype,
                format=container,
                **(_MP3 if format == "mp3" else {}),
            )
            if format == "opus":
                _shorten_pages(self._file)
        elif format == "wav" and streamed:
            self._pcm += wav_header(None)

    def push(self, samples: Samples) -> bytes:
        """Encode audio, 24 kHz; return the bytes that are ready."""
        with self._lock:
            if self._file is None:
                self._pcm += to_int16(samples).tobytes()
            elif not self._file.closed:
                self._file.write(np.clip(samples, -1.0, 1.0))
            return self._ready() if self._streamed else b""

    def finish(self) -> bytes:
        """Return the last bytes; the object is spent afterwards."""
        self.close()
        if self._file is None and self._format == "wav" and not self._streamed:
            self._pcm[:0] = wav_header(len(self._pcm))
        return self._ready()

    def close(self) -> None:
        """Give up what is half encoded; may be called at any time, from any thread."""
        with self._lock:
            if self._file is not None:
                self._file.close()

    def _ready(self) -> bytes:
        """Take what was appended; headers rewritten behind it stay as they were."""
        if self._file is None:
            ready, self._pcm = bytes(self._pcm), bytearray()
            return ready
        ready = self._sink.getbuffer()[self._sent :].tobytes()
        self._sent += len(ready)
        return ready


def _shorten_pages(file: soundfile.SoundFile) -> None:
    """Let an Ogg stream leave as it is made; soundfile has no name for the command."""
    library, memory = soundfile._snd, soundfile._ffi
    value = memory.new("double *", _OGG_PAGE_MS)
    library.sf_command(
        file._file, _SET_OGG_PAGE_LATENCY, value, memory.sizeof("double")
    )


def wav_header(n_bytes: int | None) -> bytes:
    """Return the 44-byte header of a WAV file, 24 kHz mono, 16 bit.

    Args:
        n_bytes: Length of the sound; None if it is not known yet.
    """
    size = _UNKNOWN_SIZE if n_bytes is None else min(n_bytes, _UNKNOWN_SIZE - 36)
    whole = _UNKNOWN_SIZE if n_bytes is None else size + 36
    return b"RIFF" + struct.pack(
        "<I4s4sIHHIIHH4sI",
        whole,
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        SPEECH_RATE,
        SPEECH_RATE * 2,
        2,
        16,
        b"data",
        size,
    )
