"""Scores of speech against the recording it copies: PESQ and STOI.

Wraps the published measures at the 16 kHz they are defined for. PESQ was not made for
vocoders: it serves to notice changes, not to judge naturalness.
"""

from __future__ import annotations

import numpy as np
import pesq
import pystoi
import scipy.signal
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SCORE_RATE = 16_000


def copy_scores(real: Floats, made: Floats) -> dict[str, float]:
    """PESQ-WB (1.04 to 4.64) and STOI (0 to 1) of 24 kHz waveforms of equal length."""
    a, b = (scipy.signal.resample_poly(v, 2, 3) for v in (real, made))
    return {
        "pesq": float(pesq.pesq(SCORE_RATE, a, b, "wb")),
        "stoi": float(pystoi.stoi(a, b, SCORE_RATE)),
    }
