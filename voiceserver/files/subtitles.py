"""Recognised words as subtitles: SubRip (``srt``) and WebVTT. Pure.

Where the times of words are known a caption is a line or two of a sentence; else it is
a whole piece of the recording. WebVTT is W3C's; SubRip has no standard, and what
players agree in is written: numbers, commas, blank lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from voiceserver.files.recognised import Segment

LONGEST_CHARACTERS = 84  # of a caption: two lines
LONGEST_S = 7.0  # that it stands
_ENDS = (".", "?", "!")


@dataclass(frozen=True, slots=True)
class Caption:
    """What is shown, and when."""

    start_s: float
    end_s: float
    text: str


def captions(segments: Sequence[Segment]) -> list[Caption]:
    """Cut what was said into captions."""
    return [caption for segment in segments for caption in _of(segment)]


def _of(segment: Segment) -> Iterator[Caption]:
    words = segment.words
    if not words:
        yield Caption(segment.start_s, segment.end_s, segment.text)
        return
    first = 0
    for n, word in enumerate(words):
        text = " ".join(each.text for each in words[first : n + 2])
        full = len(text) > LONGEST_CHARACTERS
        last = n + 1 == len(words)
        long = not last and words[n + 1].end_s - words[first].start_s > LONGEST_S
        if last or full or long or word.text.endswith(_ENDS):
            shown = " ".join(each.text for each in words[first : n + 1])
            yield Caption(words[first].start_s, word.end_s, shown)
            first = n + 1


def srt(segments: Sequence[Segment]) -> str:
    """Write captions as SubRip."""
    blocks = [
        f"{n}\n{_clock(one.start_s, ',')} --> {_clock(one.end_s, ',')}\n{one.text}\n"
        for n, one in enumerate(captions(segments), 1)
    ]
    return "\n".join(blocks)


def vtt(segments: Sequence[Segment]) -> str:
    """Write captions as WebVTT, in which some characters have to be written out."""
    blocks = [
        f"{_clock(each.start_s, '.')} --> {_clock(each.end_s, '.')}\n"
        f"{_escaped(each.text)}\n"
        for each in captions(segments)
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _clock(at_s: float, point: str) -> str:
    ms = round(at_s * 1000)
    hours, ms = divmod(ms, 3_600_000)
    minutes, ms = divmod(ms, 60_000)
    seconds, ms = divmod(ms, 1000)
    return f"{hours:02}:{minutes:02}:{seconds:02}{point}{ms:03}"
