"""Copy synthesis: a recording through the vocoder alone, and scores of that.

Knows nothing of training.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from scripts.voice.features import Utterance
from scripts.voice.losses import plain_distance
from voiceserver.voice.networks.features import SYNTHESIS_BINS, log_mel
from voiceserver.voice.networks.source import NOISE_LEVEL
from voiceserver.voice.networks.vocoder import VocoderNet, excite


@torch.no_grad()
def copy_synthesis(net: VocoderNet, u: Utterance) -> Tensor:
    """A recording made again from its own features, shape ``(frames * HOP,)``."""
    f0, voicing = u.f0_hz[None], u.voicing[None]
    rng = torch.Generator().manual_seed(7)
    drawn = torch.randn((1, SYNTHESIS_BINS, u.frames, 2), generator=rng)
    noise = torch.view_as_complex(drawn * NOISE_LEVEL)
    filters = net(u.mel[None], f0, voicing)
    return excite(f0, voicing, filters, [noise])[0][0]


def _copy_scores(real: Tensor, made: Tensor) -> dict[str, float]:
    try:
        from scripts.voice.scores import copy_scores
    except ImportError:  # they have to be compiled; training needs neither
        return {}
    return copy_scores(real.numpy(), made.numpy())


def score(net: VocoderNet, utterances: list[Utterance]) -> dict[str, float]:
    """Mean PESQ, STOI, mel L1 and spectral distance of copy synthesis.

    Without the first two where their packages are not installed.
    """
    rows = []
    for u in utterances:
        real, made = u.wave(0, u.frames), copy_synthesis(net, u)
        scores = _copy_scores(real, made)
        scores["mel_l1"] = (log_mel(made) - u.mel).abs().mean().item()
        scores["spectral"] = plain_distance(real[None], made[None]).item()
        rows.append(scores)
    return {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}
