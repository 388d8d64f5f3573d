"""Human utterances for benchmarks, with the place of their speech.

*Last voiced sample*: end of the last 10 ms frame within 30 dB of the recording's
loudest frame, labelled here, offline.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from voiceserver.audio import Samples, resample

ROOT = Path(__file__).resolve().parent.parent
VOICED_RANGE_DB = 30.0


@dataclass(frozen=True, slots=True)
class Utterance:
    """A recording and where its speech begins and ends.

    Attributes:
        name: Path below the data folder.
        samples: Shape ``(n,)``, float32.
        sample_rate: Hz.
        voiced_from: First voiced sample.
        voiced_until: Sample after the last voiced one.
    """

    name: str
    samples: Samples
    sample_rate: int
    voiced_from: int
    voiced_until: int


def data_folder() -> Path:
    """Folder of the recordings.

    Raises:
        SystemExit: If there is none; the message says how to name it.
    """
    named = os.environ.get("VOICESERVER_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        raise SystemExit(f"no recordings at {folder}: set VOICESERVER_DATA")
    return folder


def voiced_range(samples: Samples, sample_rate: int) -> tuple[int, int]:
    """Return the first voiced sample and the one after the last."""
    size = sample_rate // 100
    frames = samples[: len(samples) // size * size].reshape(-1, size)
    levels = 10 * np.log10((frames**2).mean(axis=1) + 1e-12)
    voiced = np.flatnonzero(levels >= levels.max() - VOICED_RANGE_DB)
    return int(voiced[0]) * size, (int(voiced[-1]) + 1) * size


def read(name: str, sample_rate: int = 48_000, peak: float = 0.5) -> Utterance:
    """Read a recording, brought to a common peak.

    Args:
        name: Path below the data folder.
        sample_rate: Hz wanted.
        peak: Largest magnitude wanted.
    """
    raw, rate = soundfile.read(data_folder() / name, dtype="float32", always_2d=True)
    mono = np.ascontiguousarray(raw.mean(axis=1), dtype=np.float32)
    samples = resample(mono, rate, sample_rate)
    samples = (samples * (peak / float(np.abs(samples).max()))).astype(np.float32)
    return Utterance(name, samples, sample_rate, *voiced_range(samples, sample_rate))
