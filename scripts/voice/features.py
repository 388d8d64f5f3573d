"""Cached features in memory, and the random numbers of a step.

Reads what ``prepare`` wrote. What a step draws depends on the seed and the step
alone, so a resumed run sees what an uncut one would have seen.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from voiceserver.voice.networks.features import HOP


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
