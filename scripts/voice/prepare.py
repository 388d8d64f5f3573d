"""Turn a corpus folder into features: ``python -m scripts.voice.prepare CORPUS CACHE``.

Each recording is high-passed at 60 Hz, mildly denoised against the corpus' own noise
floor, brought to -23 LUFS with **one** gain for the whole corpus (a limiter catches
the few loud ones), and stored with its pitch and mel spectrum. Resumable: what is
there is not made again. Knows nothing of networks or phones.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import scipy.ndimage
import scipy.signal
import soundfile
import torch
from numpy.typing import NDArray

from scripts.voice.corpus import CONSENT, Recording, read_corpus, validation_names
from scripts.voice.pitch import track_pitch
from voiceserver.voice.networks.features import HOP, SAMPLE_RATE, log_mel

Floats = NDArray[np.float32]

HIGH_PASS_HZ = 60
TARGET_LUFS = -23.0
PEAK = 0.9  # the limiter's ceiling
DENOISE_FLOOR = 0.1  # -20 dB: never gates a bin shut
DENOISE_FFT, DENOISE_HOP = 1024, 256


@dataclass(frozen=True, slots=True)
class Levels:
    """What is measured once over the corpus and applied to every recording alike.

    Attributes:
        gain: Factor that brings the corpus to ``TARGET_LUFS``.
        noise: Power of the noise floor in each bin of the denoiser.
    """

    gain: float
    noise: list[float]


def read_recording(path: Path) -> Floats:
    """Read as 24 kHz mono float32 without what lies below 60 Hz."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    if rate != SAMPLE_RATE:
        mono = scipy.signal.resample_poly(mono, SAMPLE_RATE, rate)
    sos = scipy.signal.butter(4, HIGH_PASS_HZ, "highpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(scipy.signal.sosfiltfilt(sos, mono), dtype=np.float32)


def _shelf_and_high_pass() -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """K-weighting of ITU-R BS.1770 at 24 kHz, as two second-order sections.

    The analogue prototypes' frequencies are those that give the standard's table at
    48 kHz under the bilinear transform.
    """
    k = np.tan(np.pi * 1681.974450955533 / SAMPLE_RATE)
    q, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    scale = 1 + k / q + k * k
    b = np.array(
        [high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k]
    )
    a = np.array([scale, 2 * (k * k - 1), 1 - k / q + k * k])
    k = np.tan(np.pi * 38.13547087602444 / SAMPLE_RATE)
    q = 0.5003270373238773
    scale2 = 1 + k / q + k * k
    a2 = np.array([1.0, 2 * (k * k - 1) / scale2, (1 - k / q + k * k) / scale2])
    return [(b / scale, a / scale), (np.array([1.0, -2.0, 1.0]), a2)]


def loudness_lufs(samples: Floats) -> float:
    """Integrated loudness by ITU-R BS.1770-4: 400 ms blocks, both gates."""
    x = samples.astype(np.float64)
    for b, a in _shelf_and_high_pass():
        x = scipy.signal.lfilter(b, a, x)
    width, hop = int(0.4 * SAMPLE_RATE), int(0.1 * SAMPLE_RATE)
    if len(x) < width:
        x = np.pad(x, (0, width - len(x)))
    power = np.lib.stride_tricks.sliding_window_view(x**2, width)[::hop].mean(1)
    level = -0.691 + 10 * np.log10(power + 1e-12)
    power = power[level > -70]
    if len(power) == 0:
        return -70.0
    gate = -0.691 + 10 * np.log10(power.mean()) - 10
    kept = power[-0.691 + 10 * np.log10(power) > gate]
    return float(-0.691 + 10 * np.log10(kept.mean()))


def _power_spectrum(samples: Floats) -> tuple[NDArray[np.complex128], Floats]:
    _, _, z = scipy.signal.stft(
        samples, nperseg=DENOISE_FFT, noverlap=DENOISE_FFT - DENOISE_HOP
    )
    return z, (np.abs(z) ** 2).astype(np.float32)


def measure_levels(recordings: list[Recording]) -> Levels:
    """Loudness and noise floor of the corpus, from every fourth recording."""
    loud, floors = [], []
    for r in recordings[::4] or recordings:
        x = read_recording(r.path)
        loud.append(loudness_lufs(x))
        power = _power_spectrum(x)[1][:, 2:-2]
        quiet = np.argsort(power.sum(0))[: max(2, power.shape[1] // 20)]
        floors.append(power[:, quiet].mean(1))
    gain = 10 ** ((TARGET_LUFS - float(np.median(loud))) / 20)
    return Levels(gain, [float(v) for v in np.median(floors, 0)])


def denoise(samples: Floats, levels: Levels) -> Floats:
    """Wiener filter with a floor, gains smoothed over time and frequency."""
    z, power = _power_spectrum(samples)
    noise = np.asarray(levels.noise, dtype=np.float32)[:, None]
    smooth = scipy.signal.convolve2d(power, np.full((3, 3), 1 / 9), "same", "symm")
    gain = np.maximum(DENOISE_FLOOR, 1 - noise / np.maximum(smooth, 1e-14))
    gain = scipy.signal.convolve2d(gain, np.full((1, 3), 1 / 3), "same", "symm")
    _, x = scipy.signal.istft(
        z * gain, nperseg=DENOISE_FFT, noverlap=DENOISE_FFT - DENOISE_HOP
    )
    return np.asarray(x[: len(samples)], dtype=np.float32)


def limit(samples: Floats) -> Floats:
    """Bend what would pass the ceiling: the gain dips for 10 ms around a peak."""
    over = np.maximum(np.abs(samples) / PEAK, 1.0)
    if over.max() <= 1:
        return samples
    width = SAMPLE_RATE // 100
    held = scipy.ndimage.maximum_filter1d(over, 2 * width + 1)
    smooth = scipy.ndimage.uniform_filter1d(held, width)
    return np.asarray(samples / np.maximum(smooth, 1.0), dtype=np.float32)


def write_whole(path: Path, arrays: dict[str, NDArray[np.generic]]) -> None:
    """Write an ``.npz`` so that a half-written one is never seen under its name."""
    partial = path.with_suffix(".part")
    with partial.open("wb") as f:
        np.savez(f, allow_pickle=False, **arrays)
    os.replace(partial, path)


def prepare_recording(recording: Recording, levels: Levels, out: Path) -> None:
    """Make and store the features of one recording.

    Stores ``samples`` (int16, ``frames * HOP``), ``mel`` (float32, ``(N_MELS,
    frames)``), ``f0_hz`` and ``voicing`` (float32, ``(frames,)``).
    """
    x = limit(denoise(read_recording(recording.path), levels) * levels.gain)
    x = x[: len(x) // HOP * HOP]
    pitch = track_pitch(x)
    pcm = np.rint(np.clip(x, -1, 1) * 32767).astype(np.int16)
    mel = log_mel(torch.from_numpy(pcm.astype(np.float32) / 32767)).numpy()
    write_whole(
        out,
        {"samples": pcm, "mel": mel, "f0_hz": pitch.f0_hz, "voicing": pitch.voicing},
    )


def load_levels(path: Path, recordings: list[Recording]) -> Levels:
    """Levels of the corpus, measured on the first run and read back afterwards."""
    if path.is_file():
        return Levels(**json.loads(path.read_text(encoding="utf-8")))
    levels = measure_levels(recordings)
    path.write_text(json.dumps(asdict(levels)), encoding="utf-8")
    return levels


def write_index(recordings: list[Recording], cache: Path) -> None:
    """Write ``index.json``: name, text and split of every recording."""
    kept = validation_names(recordings)
    rows = [
        {"name": r.name, "text": r.text, "validation": r.name in kept}
        for r in recordings
    ]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    listing = {"sha256": digest, "recordings": rows}
    (cache / "index.json").write_text(json.dumps(listing, indent=1), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("corpus", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--limit", type=int, default=0, help="first N recordings only")
    parser.add_argument(
        "--share", default="0/1", help="I/N: do only every Nth, from the Ith on"
    )
    parser.add_argument(
        "--kept-only",
        action="store_true",
        help="only recordings kept back, which are all that judges need",
    )
    parser.add_argument(
        "--consent", required=True, help="who speaks and what they agreed to"
    )
    a = parser.parse_args(argv)
    torch.set_num_threads(1)
    features = a.cache / "features"
    features.mkdir(parents=True, exist_ok=True)
    (a.cache / CONSENT).write_text(a.consent + "\n", encoding="utf-8")
    recordings = read_corpus(a.corpus)
    recordings = recordings[: a.limit] if a.limit else recordings
    write_index(recordings, a.cache)
    levels = load_levels(a.cache / "levels.json", recordings)
    if a.kept_only:
        kept = validation_names(recordings)
        recordings = [r for r in recordings if r.name in kept]
    part, of = (int(v) for v in a.share.split("/"))
    start = time.perf_counter()
    for i, r in enumerate(recordings[part::of]):
        out = features / f"{r.name}.npz"
        if not out.is_file():
            prepare_recording(r, levels, out)
        if i % 50 == 0:
            print(i * of, r.name, f"{time.perf_counter() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
