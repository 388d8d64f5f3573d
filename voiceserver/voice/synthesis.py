"""Synthesis: a planned clause in, chunks of audio out that are exactly the whole.

Knows nothing of text; `speaker` joins this with the front end.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from voiceserver.voice.acoustic import AcousticModel
from voiceserver.voice.flow import Flow
from voiceserver.voice.plan import Plan
from voiceserver.voice.vocoder import AFTER, BEFORE, VocoderNet, overlap_add

Samples = NDArray[np.float32]

FIRST_CHUNKS = (16, 32, 64, 128)  # frames; small at first: speech begins early
LATER_CHUNK = 200  # frames


def chunk_sizes() -> Iterator[int]:
    """The usual lengths of chunks in frames, without end."""
    return itertools.chain(FIRST_CHUNKS, itertools.repeat(LATER_CHUNK))


@torch.no_grad()
def stream(
    model: AcousticModel,
    net: VocoderNet,
    plan: Plan,
    sizes: Iterable[int] | None = None,
) -> Iterator[Samples]:
    """Speak a planned clause in chunks.

    Args:
        model: In evaluation mode.
        net: In evaluation mode.
        plan: Of the clause.
        sizes: Frames of each chunk, at least 1; the last one rules the rest.

    Yields:
        float32 at 24 kHz, in [-1, 1]; together ``plan.n_frames * HOP`` samples.
    """
    total, done, size = plan.n_frames, 0, 1
    wanted = iter(chunk_sizes() if sizes is None else sizes)
    flow = Flow(model, net, plan)
    while done < total:
        size = max(1, next(wanted, size))
        end = min(total, done + size)
        first, last = max(0, done - BEFORE), min(total, end + AFTER)
        edges = (first - (done - BEFORE), end + AFTER - last)
        spectra = functional.pad(flow.spectra(first, last), edges)
        yield overlap_add(spectra)[0].clamp(-1, 1).numpy()
        done = end


def speak_whole(model: AcousticModel, net: VocoderNet, plan: Plan) -> Samples:
    """The clause in one piece, shape ``(plan.n_frames * HOP,)``."""
    return np.concatenate(list(stream(model, net, plan, [plan.n_frames])))
