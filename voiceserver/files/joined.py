"""Whether a sound file is several, of which a decoder would hear the first alone.

Pure, over the bytes of the file; knows of each format only where one file ends.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator

Content = bytes | bytearray | mmap.mmap

_FLAC = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
_OGG = (b"OggS\x00\x02" + bytes(8), b"OggS\x00\x03" + bytes(8))
_FTYP = b"ftyp"  # begins MP4 (ISO/IEC 14496-12, 4.3)
_MOST_PLACES = 1_000

# MPEG audio, layer III (ISO/IEC 11172-3, 2.4.2.3, and 13818-3): kb/s and Hz by index.
_BIT_RATES = (
    (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),  # MPEG-1
    (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),  # MPEG-2 and 2.5
)
_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000)}
_RATES_2_5 = (11_025, 12_000, 8_000)
_IN_A_ROW = 3  # frames; fewer may be a picture in a tag that looks like them


def is_joined(content: Content) -> bool:
    """Whether another file of the same kind follows the first; not of MP3."""
    match content[:4]:
        case b"RIFF":
            size = int.from_bytes(content[4:8], "little") + 8
            return content[size : size + 5].lstrip(b"\0")[:4] == b"RIFF"
        case b"FORM":
            size = int.from_bytes(content[4:8], "big") + 8
            return content[size : size + 5].lstrip(b"\0")[:4] == b"FORM"
        case b"fLaC":
            return any(content.find(begin, 4) > 0 for begin in _FLAC)
        case b"OggS":
            # Streams that sound together all begin before anything else.
            return any(
                not content[content.rfind(b"OggS", 0, at) + 5] & 2
                for begin in _OGG
                for at in _places(content, begin)
            )
    return content[4:8] == _FTYP and _second_head(content)


def mp3_length_s(content: Content) -> float:
    """How long all frames of an MP3 sound, whatever its header says; 0 if it has none.

    A decoder stops where the header of the first file says that it ends, at a change
    of the rate, and at rubbish.
    """
    length_s = 0.0
    at = 0
    while (at := content.find(b"\xff", at)) >= 0:
        run_s, n_frames, end = 0.0, 0, at
        while frame := _frame(content[end : end + 4]):
            n_bytes, n_samples, rate = frame
            run_s += n_samples / rate
            n_frames += 1
            end += n_bytes
        if n_frames >= _IN_A_ROW:
            length_s += run_s
            at = end
        else:
            at += 1
    return length_s


def _frame(head: bytes | bytearray) -> tuple[int, int, int] | None:
    """Bytes, samples and rate (Hz) of a frame that begins so; None if none does."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, bit_rate, rate = (head[1] >> 3) & 3, head[2] >> 4, (head[2] >> 2) & 3
    if version == 1 or bit_rate in (0, 15) or rate == 3:
        return None
    hz = _RATES.get(version, _RATES_2_5)[rate]
    first = version == 3
    n_samples = 1152 if first else 576
    kb_s = _BIT_RATES[0 if first else 1][bit_rate - 1]
    return n_samples // 8 * kb_s * 1000 // hz + (head[2] >> 1 & 1), n_samples, hz


def _second_head(content: Content) -> bool:
    """Whether an MP4 begins twice among its outermost boxes."""
    at = 0
    for _ in range(_MOST_PLACES):
        size = int.from_bytes(content[at : at + 4], "big")
        if size == 1:  # a longer one follows the name
            size = int.from_bytes(content[at + 8 : at + 16], "big")
        if size < 8:
            return False
        at += size
        if content[at + 4 : at + 8] == _FTYP:
            return True
    return False


def _places(content: Content, what: bytes) -> Iterator[int]:
    """Where it stands, but for the very beginning; the first thousand."""
    at = 3
    for _ in range(_MOST_PLACES):
        at = content.find(what, at + 1)
        if at < 0:
            return
        yield at
