"""Real human recordings for tests: found by ``VOICESERVER_DATA``, never committed.

Where they are absent a test is skipped with the reason; under ``CI=true`` it fails.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from voiceserver.audio import MIC_RATE, Samples, resample

MICROPHONE_RATE = 48_000  # a browser's
ROOT = Path(__file__).resolve().parent.parent


def data_folder() -> Path:
    """Folder of the recordings; skips the test (fails it in CI) if there is none."""
    named = os.environ.get("VOICESERVER_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        reason = f"no recordings at {folder}; set VOICESERVER_DATA to their folder"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return folder


def recording(name: str, sample_rate: int = MIC_RATE) -> Samples:
    """Read a recording as mono float32 at ``sample_rate``.

    Args:
        name: Path below the data folder, e.g. ``"speech/command/brooklyn.wav"``.
        sample_rate: Hz wanted.
    """
    samples, rate = soundfile.read(
        data_folder() / name, dtype="float32", always_2d=True
    )
    mono = np.ascontiguousarray(samples.mean(axis=1), dtype=np.float32)
    return resample(mono, rate, sample_rate)


def microphone(folder: Path, *parts: float | str) -> Path:
    """Write a microphone file: seconds of a quiet room, and recordings."""
    rng = np.random.default_rng(0)
    pieces: list[Samples] = []
    for part in parts:
        if isinstance(part, str):
            speech = recording(part, MICROPHONE_RATE)
            pieces.append(speech * np.float32(0.5 / np.abs(speech).max()))
        else:
            noise = rng.standard_normal(round(part * MICROPHONE_RATE)) * 10 ** (
                -62 / 20
            )
            pieces.append(noise.astype(np.float32))
    path = folder / "microphone.wav"
    soundfile.write(path, np.concatenate(pieces), MICROPHONE_RATE, subtype="PCM_16")
    return path
