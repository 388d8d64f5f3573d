"""Sound files become samples, within bounds of seconds, rate and channels.

What a small file may cost to take apart is not bounded here: whoever did not write the
file has it done by ``decoder``, in a process that is. Knows soundfile, and for what
browsers and phones record PyAV, but no HTTP and no engines.
"""

from __future__ import annotations

import io
import math
import mmap
import struct
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, Resampler, Samples
from voiceserver.errors import BadAudio
from voiceserver.files.joined import Content, is_joined, mp3_length_s

_EBML = b"\x1a\x45\xdf\xa3"  # begins WebM and Matroska (RFC 8794)
LONGEST_S = 1800.0  # of a recording to transcribe; 58 MB as 16-bit samples
RATES = (4_000, 192_000)  # Hz; outside, a header is damaged
MOST_CHANNELS = 8  # each costs as much to decode as the first
_BLOCKS_PER_S = 4  # decoded at a time
_OTHERS = (RuntimeError, OSError, ValueError)  # that libraries raise for bad files
_UNKNOWN_FRAMES = 2**62  # libsndfile gives 2**63 - 1 for a streamed FLAC
_UNHEARD_S = 0.5  # of an MP3's frames: what encoders add at both ends is less
_WAV_HEAD = 65_536  # bytes in which the sound of a WAV begins
_UNKNOWN_SIZE = 0xFFFF_FFFF  # what a streamed WAV says


def decode(content: Content, longest_s: float = LONGEST_S) -> Samples:
    """Read a whole sound file; arguments and errors as ``decoded``.

    Returns:
        Shape ``(n,)``, n >= 1, 16 kHz mono, in [-1, 1].
    """
    return np.concatenate(list(decoded(content, longest_s)))


def decoded(content: Content, longest_s: float = LONGEST_S) -> Iterator[Samples]:
    """Read a sound file of any format that libsndfile knows, or MP4 or WebM.

    Channels are averaged and the rate converted, so 8 kHz or stereo is fine. What was
    given is good only if nothing is raised to the end.

    Args:
        content: The file.
        longest_s: Refuse more, in seconds.

    Yields:
        Shape ``(n,)``, 16 kHz mono, in [-1, 1].

    Raises:
        BadAudio: If it is no sound file, damaged, empty, too long or not finite, or
            several files in one.
    """
    n_samples = 0
    try:
        if is_joined(content):
            raise _several()
        for samples in _read(_with_length(content), longest_s):
            n_samples += len(samples)
            yield samples
    except MemoryError as error:  # PyAV's is one too
        raise BadAudio("the recording takes too much memory to decode") from error
    except (av.FFmpegError, soundfile.SoundFileError, *_OTHERS) as error:
        kinds = "WAV, FLAC, MP3, OGG, MP4 or WebM"
        raise BadAudio(f"not a sound file that can be read; send {kinds}") from error
    if not n_samples:
        raise BadAudio("the recording is empty")


def _several() -> BadAudio:
    return BadAudio("the recording is several files in one; send each by itself")


def _read(content: Content, longest_s: float) -> Iterator[Samples]:
    stream: Any = content if isinstance(content, mmap.mmap) else io.BytesIO(content)
    if form := _recorder_format(content):
        yield from _recorded(stream, form, longest_s)
        return
    n_samples = 0
    with _ForwardFile(stream) as file:
        for samples in _blocks(file, longest_s):
            n_samples += len(samples)
            yield samples
        is_mp3 = file.format == "MP3"
    if is_mp3 and mp3_length_s(content) - n_samples / MIC_RATE > _UNHEARD_S:
        raise _several()


def _with_length(content: Content) -> Content:
    """A WAV whose sound is 0 bytes long, with bytes behind that, as one of any length.

    So writes who cannot go back to the header: it means "not known".
    """
    head = bytearray(content[:_WAV_HEAD])
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        return content
    at = 12
    while at + 8 <= len(head) and head[at : at + 4] != b"data":
        at += 8 + int.from_bytes(head[at + 4 : at + 8], "little")
        at += at % 2
    if at + 8 >= len(head) or any(head[at + 4 : at + 8]):
        return content
    head[at + 4 : at + 8] = struct.pack("<I", _UNKNOWN_SIZE)
    head[4:8] = struct.pack("<I", _UNKNOWN_SIZE)
    return bytes(head) + content[len(head) :]


def _recorder_format(content: Content) -> str:
    """Tell what browsers and phones record, as FFmpeg names it, from the rest ("")."""
    if content[:4] == _EBML:
        return "matroska"
    return "mov" if content[4:8] == b"ftyp" else ""


def _recorded(stream: Any, form: str, longest_s: float) -> Iterator[Samples]:
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
