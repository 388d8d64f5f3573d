"""Cached features in memory, and segments drawn from them in a fixed order.

Reads what ``prepare`` wrote. The segments of a step depend on the seed and the
step alone, so a resumed run sees what an uncut one would have seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voiceserver.voice.features import HOP


@dataclass(frozen=True, slots=True)
class Utterance:
    """Features of one recording; see ``prepare.prepare_recording``.

    Attributes:
        name: Of the recording.
        text: What is read.
        samples: int16, ``(frames * HOP,)``.
        mel: float32, ``(N_MELS, frames)``.
        f0_hz: float32, ``(frames,)``.
        voicing: float32, ``(frames,)``.
    """

    name: str
    text: str
    samples: Tensor
    mel: Tensor
    f0_hz: Tensor
    voicing: Tensor

    @property
    def frames(self) -> int:
        """Length in frames."""
        return self.mel.shape[1]

    def wave(self, first: int, frames: int) -> Tensor:
        """Samples of a run of frames as float32 in [-1, 1)."""
        return self.samples[first * HOP : (first + frames) * HOP].float() / 32767


@dataclass(frozen=True, slots=True)
class Batch:
    """Segments of equal length: ``(batch, ...)`` each, shapes as in `Utterance`."""

    wave: Tensor
    mel: Tensor
    f0_hz: Tensor
    voicing: Tensor


def load_utterances(cache: Path, validation: bool) -> list[Utterance]:
    """Load one side of the split, ordered by name.

    Raises:
        FileNotFoundError: If a recording of the index has no features yet.
    """
    rows = json.loads((cache / "index.json").read_text(encoding="utf-8"))["recordings"]
    out = []
    for row in rows:
        if row["validation"] != validation:
            continue
        with np.load(cache / "features" / f"{row['name']}.npz") as z:
            tensors = {
                key: torch.from_numpy(z[key])
                for key in ("samples", "mel", "f0_hz", "voicing")
            }
        out.append(Utterance(row["name"], row["text"], **tensors))
    return out


def step_generator(seed: int, step: int) -> np.random.Generator:
    """Random numbers of one training step, the same however the run was cut."""
    return np.random.Generator(np.random.Philox(key=[seed, step]))


def draw_segments(
    utterances: list[Utterance],
    lengths: NDArray[np.int64],
    rng: np.random.Generator,
    batch: int,
    frames: int,
) -> Batch:
    """Cut random segments; long recordings are drawn more often.

    Args:
        utterances: To draw from.
        lengths: Their lengths in frames.
        rng: Of this step.
        batch: Number of segments.
        frames: Length of each.
    """
    room = np.maximum(lengths - frames, 0)
    ends = np.cumsum(room)
    places = rng.integers(0, ends[-1], batch)
    chosen = np.searchsorted(ends, places, side="right")
    parts = []
    for place, which in zip(places, chosen, strict=True):
        u, at = utterances[which], int(place - (ends[which] - room[which]))
        span = slice(at, at + frames)
        parts.append(
            (u.wave(at, frames), u.mel[:, span], u.f0_hz[span], u.voicing[span])
        )
    return Batch(*(torch.stack(column) for column in zip(*parts, strict=True)))
