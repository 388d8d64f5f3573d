"""Sound files at the HTTP and command-line edges: bytes to samples and back.

Everything here is synchronous and may take longer than a millisecond: callers on the
event loop use ``asyncio.to_thread``. Knows soundfile, and for what browsers and phones
record PyAV, but no HTTP and no engines.
"""

from __future__ import annotations

import io
import math
import struct
import threading
from collections.abc import Iterator
from typing import BinaryIO, Literal

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Resampler, Samples, to_int16
from voiceserver.errors import BadAudio

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
_EBML = b"\x1a\x45\xdf\xa3"  # begins WebM and Matroska (RFC 8794)
LONGEST_S = 600.0  # of a recording to transcribe
RATES = (4_000, 192_000)  # Hz; outside, a header is damaged
MOST_CHANNELS = 8  # each costs as much to decode as the first
_BLOCKS_PER_S = 4  # decoded at a time
# Constant bitrate: without the header that is written last, libsndfile and others
# guess the length of a variable one wrongly. 0.6 is 64 kb/s.
_MP3 = {"bitrate_mode": "CONSTANT", "compression_level": 0.6}
_OGG_PAGE_MS = 100.0  # of sound; libsndfile's 1000 would be the delay of a stream
_SET_OGG_PAGE_LATENCY = 0x1302  # SFC_SET_OGG_PAGE_LATENCY_MS of sndfile.h
_OTHERS = (RuntimeError, OSError, ValueError)  # that libraries raise for bad files
_UNKNOWN_FRAMES = 2**62  # libsndfile gives 2**63 - 1 for a streamed FLAC
_WAV_HEAD = 65_536  # bytes in which the sound of a WAV begins
_FLAC = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
_OGG = (b"OggS\x00\x02" + bytes(8), b"OggS\x00\x03" + bytes(8))
_MP3_LENGTHS = (b"Xing", b"Info")
_MP3_SIDE = (13, 21, 36)  # bytes from a frame to that, by version and channels
_UNKNOWN_SIZE = 0xFFFF_FFFF  # a streamed WAV says this where its length would be


def decode(content: bytes | BinaryIO, longest_s: float = LONGEST_S) -> Samples:
    """Read a sound file of any format that libsndfile knows, or MP4 or WebM.

    Channels are averaged and the rate converted, so 8 kHz or stereo is fine.

    Args:
        content: The file.
        longest_s: Refuse more, in seconds.

    Returns:
        Shape ``(n,)``, n >= 1, 16 kHz mono, in [-1, 1].

    Raises:
        BadAudio: If it is no sound file, damaged, empty, too long or not finite.
    """
    stream = io.BytesIO(content) if isinstance(content, bytes) else content
    try:
        stream = _with_length(stream)
        if form := _recorder_format(stream):
            blocks = list(_recorded(stream, form, longest_s))
        else:
            if isinstance(content, bytes):
                _refuse_joined(content)
            with _ForwardFile(stream) as file:
                blocks = list(_blocks(file, longest_s))
    except (av.FFmpegError, soundfile.SoundFileError, *_OTHERS) as error:
        kinds = "WAV, FLAC, MP3, OGG, MP4 or WebM"
        raise BadAudio(f"not a sound file that can be read; send {kinds}") from error
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    if len(samples) == 0:
        raise BadAudio("the recording is empty")
    return samples


def _with_length(stream: BinaryIO) -> BinaryIO:
    """A WAV whose sound is 0 bytes long, with bytes behind that, as one of any length.

    So writes who cannot go back to the header: it means "not known".
    """
    if not stream.seekable():
        return stream
    head = bytearray(stream.read(_WAV_HEAD))
    stream.seek(0)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return stream
    at = 12
    while at + 8 <= len(head) and head[at : at + 4] != b"data":
        at += 8 + int.from_bytes(head[at + 4 : at + 8], "little")
        at += at % 2
    if at + 8 >= len(head) or any(head[at + 4 : at + 8]):
        return stream
    head[at + 4 : at + 8] = struct.pack("<I", _UNKNOWN_SIZE)
    head[4:8] = struct.pack("<I", _UNKNOWN_SIZE)
    rest = stream.read()[len(head) :]
    return io.BytesIO(bytes(head) + rest)


def _refuse_joined(content: bytes) -> None:
    """Refuse several files in one, of which only the first would be heard.

    Raises:
        BadAudio: If it is more than one.
    """
    if _joined(content):
        raise BadAudio("the recording is several files in one; send each by itself")


def _joined(content: bytes) -> bool:
    match content[:4]:
        case b"RIFF":
            size = int.from_bytes(content[4:8], "little") + 8
            return content[size : size + 5].lstrip(b"\0")[:4] == b"RIFF"
        case b"fLaC":
            return any(content.find(begin, 4) > 0 for begin in _FLAC)
        case b"OggS":
            # Streams that sound together all begin before anything else.
            return any(
                not content[content.rfind(b"OggS", 0, at) + 5] & 2
                for begin in _OGG
                for at in _places(content, begin)
            )
    if content[:3] != b"ID3" and content[:1] != b"\xff":
        return False
    lengths = [
        at
        for name in _MP3_LENGTHS
        for at in _places(content, name)
        if any(
            content[at - n] == 255 and content[at - n + 1] >= 224
            for n in _MP3_SIDE
            if at >= n
        )
    ]
    return len(lengths) > 1


def _places(content: bytes, what: bytes) -> Iterator[int]:
    """Where it stands, but for the very beginning; the first thousand."""
    at = 3
    for _ in range(1_000):
        at = content.find(what, at + 1)
        if at < 0:
            return
        yield at


def _recorder_format(stream: BinaryIO) -> str:
    """Tell what browsers and phones record, as FFmpeg names it, from the rest ("")."""
    if not stream.seekable():
        return ""
    head = stream.read(12)
    stream.seek(0)
    if head.startswith(_EBML):
        return "matroska"
    return "mov" if head[4:8] == b"ftyp" else ""


def _recorded(stream: BinaryIO, form: str, longest_s: float) -> Iterator[Samples]:
    """Decode the first sound track; a broken end is an end."""
    left = int(longest_s * MIC_RATE)
    resampler = av.AudioResampler("flt", "mono", MIC_RATE)
    n_decoded = 0
    # The format is named, so that FFmpeg guesses none of its many others.
    with av.open(stream, "r", format=form) as container:
        if not container.streams.audio:
            raise BadAudio("the recording has no sound")
        try:
            for frame in container.decode(audio=0):
                if not RATES[0] <= frame.sample_rate <= RATES[1]:
                    rate = frame.sample_rate
                    raise BadAudio(f"a sample rate of {rate} Hz is not taken")
                # Channels are added up at -3 dB each; two that agree would clip.
                gain = 1 / math.sqrt(len(frame.layout.channels))
                frame.pts = None  # a gap is not filled
                n_decoded += 1
                for part in resampler.resample(frame):
                    samples = np.nan_to_num(part.to_ndarray()[0]) * np.float32(gain)
                    left -= len(samples)
                    if left < 0:
                        raise _too_long(longest_s)
                    yield np.clip(samples, -1.0, 1.0)
        except av.FFmpegError:
            if not n_decoded:
                raise


def _too_long(longest_s: float) -> BadAudio:
    return BadAudio(f"the recording is longer than {longest_s:.0f} seconds")


class _ForwardFile(soundfile.SoundFile):  # type: ignore[misc]
    """A file read from front to back.

    soundfile seeks to where it already is after every read of a seekable file. That
    makes libmpg123 begin anew in mid-stream and complain on standard error, and fails
    at the end of a FLAC that does not know its length.
    """

    def seekable(self) -> bool:
        """Say that it cannot be sought in."""
        return False


def _blocks(file: soundfile.SoundFile, longest_s: float) -> Iterator[Samples]:
    rate = int(file.samplerate)
    if not RATES[0] <= rate <= RATES[1]:
        raise BadAudio(f"a sample rate of {rate} Hz is not taken")
    if file.channels > MOST_CHANNELS:
        raise BadAudio(f"a recording of {file.channels} channels is not taken")
    converter = Resampler(rate, MIC_RATE)
    left = int(longest_s * rate)
    if left < file.frames < _UNKNOWN_FRAMES:
        raise _too_long(longest_s)
    # And by blocks, because the header may lie or not know.
    while len(block := _block(file, rate // _BLOCKS_PER_S)):
        left -= len(block)
        if left < 0:
            raise _too_long(longest_s)
        if not np.isfinite(block).all():
            raise BadAudio("the recording holds values that are not numbers")
        # Float files may go beyond full scale.
        mono = np.clip(block.mean(axis=1, dtype=np.float32), -1.0, 1.0)
        yield converter.push(np.ascontiguousarray(mono))
    yield converter.flush()


def _block(file: soundfile.SoundFile, n_samples: int) -> NDArray[np.float32]:
    """Read the next samples, shape (n, channels); a broken end is an end."""
    try:
        block = file.read(n_samples, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        # So end some files that were cut off.
        block = np.zeros((0, file.channels), np.float32)
    return np.asarray(block, np.float32)


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


def segments(samples: Samples, longest_s: float = 25.0) -> list[Samples]:
    """Cut a long recording where it is quietest, for a recogniser of utterances.

    Args:
        samples: Shape ``(n,)``, 16 kHz.
        longest_s: Longest piece; each is at least half as long, but the last.
    """
    longest = int(longest_s * MIC_RATE)
    window = MIC_RATE // 4  # a pause between words lasts about so long
    pieces = []
    while len(samples) > longest:
        half = samples[longest // 2 : longest]
        sums = np.cumsum(half.astype(np.float64) ** 2)
        quietest = int((sums[window:] - sums[:-window]).argmin())
        cut = longest // 2 + quietest + window // 2
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [*pieces, samples]
