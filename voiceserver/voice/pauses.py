"""How long the silence at a mark is: within a clause, at its end and before the next.

The voice draws the length of a mark as it draws a phone's, and now and then draws none
at all, or half a second. Here is what may come of it. Knows symbols and frames;
nothing of text or audio.

The limits are set by hand, about where brief pauses of readers end and medium ones
begin: 0.2 s (Campione and Veronis, "A large-scale multilingual study of silent pause
duration", 2002).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from voiceserver.voice.networks.features import HOP
from voiceserver.voice.words.phones import MARKS, SYMBOLS

# Frames of 10 ms that a mark within a clause lasts. What is heard as silence is a
# little less: the sounds on both sides die away into it and come up from it.
INNER = {",": (14, 26), "-": (14, 40)}
SHORTEST = 10  # frames at any speed: what is shorter is no pause to an ear
# Frames that a comma at the end of a clause may last; the next clause's lead adds.
LAST = 17
# Silence after a clause by the mark that ended it, in frames of 10 ms. The corpus has
# single sentences only, so these are set by hand.
AFTER = {".": 38, "?": 40, "!": 38, ";": 28, ":": 28, "-": 20, ",": 14}


# Frames of a clause's last mark in which its last sound dies away, to -60 dB and less.
# Networks that learnt from connected speech may let the first sound of whatever comes
# next come up at the end of the mark: clicks of up to -28 dB, after one clause of ten.
DYING = 8
HUSHING = 2  # frames in which the rest falls silent


def within_limits(lengths: Tensor, symbols: Sequence[int], speed: float) -> Tensor:
    """Lengths whose marks are as long as an ear expects.

    Args:
        lengths: Frames of each symbol of a clause, ``(n,)``, int64.
        symbols: Indices into ``phones.SYMBOLS``, ``n``.
        speed: 1 as trained, 2 twice as fast.

    Returns:
        A copy; phones are as they were, and the sum may have become odd.
    """
    out = lengths.clone()
    for i, symbol in enumerate(symbols[:-1]):
        least, most = INNER.get(SYMBOLS[symbol], (0, 0))
        if most:
            low = max(SHORTEST, round(least / speed))
            out[i] = min(max(int(out[i]), low), max(low, round(most / speed)))
    if SYMBOLS[symbols[-1]] == ",":
        out[-1] = torch.clamp(out[-1], max=round(LAST / speed))
    return out


def silent_from(lengths: Tensor, speed: float) -> int:
    """First frame of a clause in which nothing of it is heard any more.

    Args:
        lengths: Frames of each symbol, the clause's last mark among them, ``(n,)``.
        speed: 1 as trained, 2 twice as fast.
    """
    rest = int(lengths[-1]) - round(DYING / speed)
    return int(lengths.sum()) - max(0, rest)


def hushed(samples: Tensor, silent: Tensor, first: int = 0) -> Tensor:
    """Speech without what comes up after it has died away.

    Args:
        samples: Of clauses, ``(..., frames * HOP)``.
        silent: First silent frame of each, ``(...)``.
        first: Which frame of the clauses the samples begin with.

    Nothing is read back from the device: the arithmetic may be part of a CUDA graph.
    """
    at = torch.arange(samples.shape[-1], device=samples.device) + first * HOP
    gone = (at - silent[..., None] * HOP) / (HUSHING * HOP)
    return samples * (1 - gone).clamp(0, 1)


def after(ending: int, speed: float) -> int:
    """Frames of silence between a clause and the next.

    Args:
        ending: Index into ``phones.MARKS`` of the mark that ended the clause.
        speed: 1 as trained, 2 twice as fast.
    """
    mark = MARKS[ending]
    least = SHORTEST if mark == "," else 0
    return max(least, round(AFTER[mark] / speed))
