"""The codecs of a call, each with the same two faces; Opus is libopus by ctypes.

A decoder turns payloads into 16 kHz mono and makes up what is missing; an encoder turns
the reply's frames into payloads. Of libopus this has what PyAV does not offer: decoding
straight to the recogniser's rate, recovery of a lost packet from its successor,
concealment, and settings of a running encoder. The library is the one in PyAV's wheel,
which is installed with aiortc, else the system's. Knows nothing of packets' order or
time.

Source: RFC 6716; opus_defines.h of libopus 1.6 for the numbers of requests.
"""

from __future__ import annotations

import ctypes
import functools
import weakref
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np

from voiceserver.audio import MIC_RATE, PTIME_MS, SPEECH_FRAME, SPEECH_RATE, Samples
from voiceserver.errors import BadAudio, VoiceServerError
from voiceserver.media.g711 import G711Decoder, G711Encoder, Law
from voiceserver.media.g722 import G722Decoder, G722Encoder

OPUS_CLOCK = 48_000  # Hz of RTP timestamps, always (RFC 7587)
BIT_RATE = 32_000  # bit/s
# Of 10, with error correction and without. Measured on recorded speech against 5: with
# correction 2 is the least that keeps 8 to 12 kHz of the voice; without it 1 keeps them
# too, at half the cost of 2 and the same PESQ (4.1). docs/media.md has the table.
CORRECTING, PLAIN = 2, 1
EXPECTED_LOSS = 10  # percent; until somebody knows better
MAX_PACKET = 1_275  # bytes of one frame (RFC 6716, section 3.2.1)
LONGEST = MIC_RATE * 120 // 1000  # samples of the longest packet

_VOIP = 2048
_SET_BITRATE, _SET_COMPLEXITY = 4002, 4010
_SET_INBAND_FEC, _SET_LOSS_PERCENT = 4012, 4014
# Shortest concealment that libopus makes, and the unit of longer ones: 2.5 ms.
_UNIT = MIC_RATE // 400
# Frame durations in units of 2.5 ms by the configuration in the first byte, RFC 6716,
# table 2: SILK 10-60 ms, hybrid 10-20 ms, CELT 2.5-20 ms.
_SILK, _HYBRID, _CELT = (4, 8, 16, 24), (4, 8), (1, 2, 4, 8)
_UNITS = (*_SILK * 3, *_HYBRID * 2, *_CELT * 4)
_FIRST_CELT = 16


class Decoder(Protocol):
    """Decodes one stream to 16 kHz mono."""

    clock_rate: int

    def duration_ticks(self, payload: bytes) -> int:
        """Duration of a packet in ticks of ``clock_rate``; 0 if it is none."""

    def repairs(self, payload: bytes) -> bool:
        """Whether it carries a copy of the packet before it."""

    def pauses(self, payload: bytes) -> bool:
        """Whether its sender may leave out what follows."""

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet.

        Raises:
            BadAudio: If it cannot be decoded.
        """

    def recover(self, successor: bytes, n_samples: int) -> Samples:
        """Decode what was lost from the packet after it.

        Raises:
            BadAudio: If it cannot be decoded.
        """

    def conceal(self, n_samples: int) -> Samples:
        """Make up what is not there."""


class Encoder(Protocol):
    """Encodes the reply, 20 ms at a time."""

    ticks: int

    def encode(self, samples: Samples) -> bytes:
        """Encode 480 samples at 24 kHz."""

    def expect_loss(self, percent: int) -> None:
        """Spend on error correction what a line is worth that loses so much."""

    def settled(self) -> None:
        """Learn that only silence was encoded for long."""


class NoLibopus(VoiceServerError):
    """libopus is not to be found."""


def _candidates() -> list[str]:
    """Where the library may be, best first."""
    package = Path(av.__file__).parent
    # Where wheels are repaired: auditwheel, delocate, delvewheel.
    folders = (package.parent / "av.libs", package / ".dylibs")
    found = [
        str(path)
        for folder in folders
        for pattern in ("libopus[-.]*", "opus*.dll")
        for path in sorted(folder.glob(pattern))
    ]
    return [*found, "libopus.so.0", "libopus.0.dylib", "libopus.dylib"]


@functools.cache
def library() -> Any:
    """Load libopus, once.

    Raises:
        NoLibopus: If there is none.
    """
    for name in _candidates():
        try:
            return _typed(ctypes.CDLL(name))
        except (OSError, AttributeError):
            continue
    raise NoLibopus(
        "libopus was not found: install PyAV's wheel (pip install av) or the "
        "system's library (on Debian: apt install libopus0)."
    )


def _typed(lib: Any) -> Any:
    pointer, number = ctypes.c_void_p, ctypes.c_int
    lib.opus_get_version_string.restype = ctypes.c_char_p
    lib.opus_decoder_create.restype = pointer
    lib.opus_decoder_create.argtypes = [ctypes.c_int32, number, pointer]
    lib.opus_decoder_destroy.argtypes = [pointer]
    lib.opus_decode_float.argtypes = [
        *(pointer, ctypes.c_char_p, ctypes.c_int32),
        *(pointer, number, number),
    ]
    lib.opus_encoder_create.restype = pointer
    lib.opus_encoder_create.argtypes = [ctypes.c_int32, number, number, pointer]
    lib.opus_encoder_destroy.argtypes = [pointer]
    # Two of its arguments: the rest is variadic, which arm64 passes another way.
    lib.opus_encoder_ctl.argtypes = [pointer, number]
    lib.opus_encode_float.argtypes = [
        *(pointer, pointer, number, pointer, ctypes.c_int32),
    ]
    return lib


def version() -> str:
    """What the library calls itself."""
    name: bytes = library().opus_get_version_string()
    return name.decode()


def duration_ticks(payload: bytes) -> int:
    """Return the duration of a packet, in ticks of 48 kHz; 0 if it is no packet."""
    if not payload:
        return 0
    code = payload[0] & 3
    if code == 3:
        n_frames = payload[1] & 63 if len(payload) > 1 else 0
    else:
        n_frames = 1 if code == 0 else 2
    n_units = n_frames * _UNITS[payload[0] >> 3]
    return n_units * OPUS_CLOCK // 400 if n_units <= 48 else 0


def repairs(payload: bytes) -> bool:
    """Whether a packet carries a copy of the one before it (in-band FEC).

    In the SILK layer voice flags and then the copy's flag open the frame, a bit each
    (RFC 6716, section 4.2.3), which need no decoding as their odds are even.
    """
    config = payload[0] >> 3 if payload else _FIRST_CELT
    if config >= _FIRST_CELT or payload[0] & 3 or len(payload) < 2:
        return False
    n_frames = max(1, _UNITS[config] // 8)  # SILK frames of 20 ms
    return bool(payload[1] & (0x80 >> n_frames))


def pauses(payload: bytes) -> bool:
    """Whether the sender may leave out what follows: a frame of no content (DTX)."""
    return len(payload) <= 2


class OpusDecoder:
    """Decodes one stream to 16 kHz mono; holds 18 KiB."""

    clock_rate = OPUS_CLOCK
    duration_ticks = staticmethod(duration_ticks)
    repairs = staticmethod(repairs)
    pauses = staticmethod(pauses)

    def __init__(self) -> None:
        lib = library()
        failed = ctypes.c_int()
        self._state = lib.opus_decoder_create(MIC_RATE, 1, ctypes.byref(failed))
        if failed.value:
            raise MemoryError("libopus could not make a decoder")
        self._decode = lib.opus_decode_float
        self._out = np.zeros(LONGEST, np.float32)
        self._address = self._out.ctypes.data
        weakref.finalize(self, lib.opus_decoder_destroy, self._state)

    def decode(self, payload: bytes) -> Samples:
        """Decode a packet.

        Raises:
            BadAudio: If it is no Opus packet.
        """
        if not payload:
            raise BadAudio("an empty packet")
        return self._run(payload, LONGEST, 0)

    def recover(self, successor: bytes, n_samples: int) -> Samples:
        """Decode what was lost from the copy in the packet after it.

        Args:
            successor: The packet that follows what was lost.
            n_samples: Length of what was lost, at 16 kHz.

        Raises:
            BadAudio: If the successor is no Opus packet.
        """
        return self._run(successor, _whole(n_samples), 1)

    def conceal(self, n_samples: int) -> Samples:
        """Make up what is not there: the sound goes on and fades."""
        return self._run(None, _whole(n_samples), 0)

    def _run(self, payload: bytes | None, n_samples: int, recover: int) -> Samples:
        size = len(payload) if payload is not None else 0
        n = self._decode(self._state, payload, size, self._address, n_samples, recover)
        if n < 0:
            raise BadAudio(f"libopus: error {n}")
        return self._out[:n].copy()


def _whole(n_samples: int) -> int:
    return min(LONGEST, max(_UNIT, n_samples // _UNIT * _UNIT))


class OpusEncoder:
    """Encodes the reply, 20 ms at a time; holds 25 KiB.

    With error correction, until told that it is for nothing.
    """

    ticks = OPUS_CLOCK * PTIME_MS // 1000

    def __init__(self) -> None:
        lib = library()
        failed = ctypes.c_int()
        self._state = lib.opus_encoder_create(
            SPEECH_RATE, 1, _VOIP, ctypes.byref(failed)
        )
        if failed.value:
            raise MemoryError("libopus could not make an encoder")
        self._encode = lib.opus_encode_float
        self._out = ctypes.create_string_buffer(MAX_PACKET)
        self._pcm = np.zeros(SPEECH_FRAME, np.float32)
        self._address = self._pcm.ctypes.data
        self._expected: int | None = None
        weakref.finalize(self, lib.opus_encoder_destroy, self._state)
        self._set(_SET_BITRATE, BIT_RATE)
        self._set(_SET_INBAND_FEC, 1)
        self.expect_loss(EXPECTED_LOSS)

    def expect_loss(self, percent: int) -> None:
        """Spend on error correction what the line is worth.

        Args:
            percent: Of packets that will be lost; with 0 there is no correction.
        """
        if percent != self._expected:
            self._expected = percent
            self._set(_SET_LOSS_PERCENT, percent)
            self._set(_SET_COMPLEXITY, CORRECTING if percent else PLAIN)

    def encode(self, samples: Samples) -> bytes:
        """Encode one frame.

        Args:
            samples: 480 samples at 24 kHz.

        Raises:
            ValueError: If it is another number of samples.
        """
        if len(samples) != SPEECH_FRAME:
            raise ValueError(f"a frame is {PTIME_MS} ms, not {len(samples)} samples")
        self._pcm[:] = samples  # asking numpy for an address costs more than copying
        size = SPEECH_FRAME
        n = self._encode(self._state, self._address, size, self._out, MAX_PACKET)
        if n < 0:
            raise BadAudio(f"libopus: error {n}")
        return ctypes.string_at(self._out, n)

    def settled(self) -> None:
        """That changes nothing."""

    def _set(self, request: int, value: int) -> None:
        library().opus_encoder_ctl(self._state, request, ctypes.c_int(value))


_LAWS = {"audio/pcmu": Law.MU, "audio/pcma": Law.A}
G722 = "audio/g722"
SPOKEN = frozenset({"audio/opus", *_LAWS})  # MIME types of WebRTC, in lower case


def decoder_for(mime_type: str) -> Decoder | None:
    """Make a decoder; None for what is no audio, such as telephone events."""
    if mime_type.lower() == "audio/opus":
        return OpusDecoder()
    if mime_type.lower() == G722:
        return G722Decoder()
    law = _LAWS.get(mime_type.lower())
    return None if law is None else G711Decoder(law)


def encoder_for(mime_type: str) -> Encoder | None:
    """Make an encoder; None for what is no audio."""
    if mime_type.lower() == "audio/opus":
        return OpusEncoder()
    if mime_type.lower() == G722:
        return G722Encoder()
    law = _LAWS.get(mime_type.lower())
    return None if law is None else G711Encoder(law)
