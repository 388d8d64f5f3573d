"""Stops made sharp again where the networks leave them soft.

A stop is a closure in which nothing is heard, and a release that is there at once. Mel
spectra are seen through windows of 43 ms, and the decoder gives what is likely: the
closure fills up, and the release comes up slowly. So in the frames of a stop each band
is moved away from its mean over three frames. Arithmetic on spectra: knows nothing of
words, nor of how a spectrum was made.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from voiceserver.voice.words.phones import SYMBOLS

REACH = 1  # frames on either side that a frame depends on
# How far a band is moved, in its own distance from the mean. Chosen by the rise of 3 to
# 8 kHz at stops, where P.808 does not fall (docs/voice.md).
SHARPNESS = 3.0
MOST = 2.5  # of log magnitude; 22 dB
_STOPS = torch.tensor([s in "P T K B D G CH JH".split() for s in SYMBOLS])


def stop_frames(symbols: Tensor, lengths: Tensor) -> Tensor:
    """1 in the frames of stops and one to each side, else 0, ``(frames,)``.

    The first frame of a clause and the last have no neighbours, and are none.

    Args:
        symbols: Indices into ``phones.SYMBOLS``, ``(n,)``.
        lengths: Frames of each, ``(n,)``.
    """
    own = _STOPS[symbols].repeat_interleave(lengths).float()
    wider = functional.max_pool1d(own[None, None], 3, 1, 1)[0, 0]
    wider[:1] = wider[-1:] = 0
    return wider


def sharpened(mel: Tensor, stops: Tensor) -> Tensor:
    """Spectra with sharper stops: the frames that have both neighbours.

    Args:
        mel: Log mel magnitudes, ``(batch, frames, N_MELS)``.
        stops: As of `stop_frames`, ``(batch, frames, 1)``.

    Returns:
        ``(batch, frames - 2 * REACH, N_MELS)``.
    """
    here = mel[:, 1:-1]
    away = (2 * here - mel[:, :-2] - mel[:, 2:]) / 3
    moved = (SHARPNESS * away).clamp(-MOST, MOST)
    sharp: Tensor = here + moved * stops[:, 1:-1]
    return sharp
