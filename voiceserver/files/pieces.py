"""Cuts a long recording into pieces for a recogniser of utterances, without its quiet.

Pure. A quiet minute costs a recogniser as much as one of speech, and makes some invent
words. What is quiet is measured against the recording's own loudest, so that a faint
one keeps its words.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import MIC_RATE, Samples, from_int16

Recording = NDArray[np.int16]  # shape (n,), 16 kHz mono

LONGEST_S = 25.0  # of a piece
_FRAME = MIC_RATE // 50  # 20 ms
_PAUSE = MIC_RATE // 4  # a pause between words lasts about so long
_QUIET_DB = (-84.0, -60.0)  # a frame below the first has no words, above the second may
_BELOW_LOUDEST_DB = 30.0  # and so far below the loudest frame it has none either
_LEFT_OUT_S = 1.0  # shorter quiet stays where it is
_KEPT_S = 0.3  # of quiet, before and behind what may be words
_SILENT_DB = -120.0  # of a frame of zeros
_AT_ONCE = 1_000  # frames measured at a time


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a recording.

    Attributes:
        start: Its first sample.
        pcm: Shape ``(n,)``, n >= 1, 16 kHz.
    """

    start: int
    pcm: Recording

    @property
    def end(self) -> int:
        """The sample behind its last."""
        return self.start + len(self.pcm)

    @property
    def samples(self) -> Samples:
        """As recognisers take it."""
        return from_int16(self.pcm)


def pieces(recording: Recording, longest_s: float = LONGEST_S) -> list[Piece]:
    """Cut a recording: quiet is left out, the rest is cut where it is quietest.

    Args:
        recording: The whole.
        longest_s: Longest piece; each is at least half as long, but the last of what
            is between two silences.
    """
    return [
        piece
        for start, end in _loud(recording)
        for piece in _cut(recording[start:end], start, longest_s)
    ]


def _loud(recording: Recording) -> list[tuple[int, int]]:
    """Where there may be words: first sample, and the one behind the last."""
    levels = _levels_db(recording)
    least, most = _QUIET_DB
    quiet_db = float(
        np.clip(levels.max(initial=least) - _BELOW_LOUDEST_DB, least, most)
    )
    loud = np.flatnonzero(levels > quiet_db)
    if not len(loud):
        return []
    gaps = np.flatnonzero(np.diff(loud) > _LEFT_OUT_S * MIC_RATE / _FRAME)
    kept = round(_KEPT_S * MIC_RATE)
    starts = [loud[0], *loud[gaps + 1]]
    ends = [*loud[gaps], loud[-1]]
    return [
        (
            max(0, int(start) * _FRAME - kept),
            min(len(recording), (int(end) + 1) * _FRAME + kept),
        )
        for start, end in zip(starts, ends, strict=True)
    ]


def _levels_db(recording: Recording) -> Samples:
    """RMS of each frame; the last may be short."""
    edges = range(0, len(recording), _FRAME * _AT_ONCE)
    return np.concatenate(
        [_block_levels_db(recording[at : at + _FRAME * _AT_ONCE]) for at in edges]
        or [np.zeros(0, np.float32)]
    )


def _block_levels_db(block: Recording) -> Samples:
    if not block.any():  # much of it may be silence, which costs next to nothing
        return np.full(-(-len(block) // _FRAME), _SILENT_DB, np.float32)
    padded = np.pad(from_int16(block), (0, -len(block) % _FRAME))
    power = np.square(padded).reshape(-1, _FRAME).mean(axis=1)
    return np.asarray(
        10 * np.log10(np.maximum(power, 10 ** (_SILENT_DB / 10))), np.float32
    )


def _cut(recording: Recording, at: int, longest_s: float) -> list[Piece]:
    longest = int(longest_s * MIC_RATE)
    found = []
    while len(recording) > longest:
        half = recording[longest // 2 : longest]
        sums = np.cumsum(half.astype(np.float64) ** 2)
        quietest = int((sums[_PAUSE:] - sums[:-_PAUSE]).argmin())
        cut = longest // 2 + quietest + _PAUSE // 2
        found.append(Piece(at, recording[:cut]))
        recording, at = recording[cut:], at + cut
    return [*found, Piece(at, recording)]
