"""Put a speaker's lessons into one file: ``python -m scripts.voice.pack LESSONS OUT``.

One gain brings all of a speaker to -23 LUFS, so that speakers are equally loud. With
``--opus`` the samples are written beside it as Ogg Opus, a tenth of the size, for a
journey to the machine that trains. Knows nothing of teachers or networks.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from scripts.voice.prepare import TARGET_LUFS, limit, loudness_lufs, write_whole
from voiceserver.voice.networks.features import SAMPLE_RATE

MEASURED = 60  # lessons whose loudness is taken
CARRIED = ("f0_hz", "voicing", "symbols", "places", "lengths")


def gain_of(waves: list[NDArray[np.int16]]) -> float:
    """Factor that brings the median of some lessons to ``TARGET_LUFS``."""
    step = max(1, len(waves) // MEASURED)
    loud = [
        loudness_lufs(w.astype(np.float32) / np.float32(32767)) for w in waves[::step]
    ]
    return float(10 ** ((TARGET_LUFS - float(np.median(loud))) / 20))


def pack(lessons: list[Path], out: Path, opus: bool) -> float:
    """Write ``out`` (``.npz``); returns seconds of speech."""
    rows: dict[str, list[NDArray[np.generic]]] = {k: [] for k in CARRIED}
    waves: list[NDArray[np.int16]] = []
    for path in lessons:
        with np.load(path) as z:
            for kind, found in rows.items():
                found.append(z[kind])
            waves.append(z["samples"])
    gain = gain_of(waves)
    loud = [
        limit(w.astype(np.float32) / np.float32(32767) * np.float32(gain))
        for w in waves
    ]
    samples = np.rint(np.clip(np.concatenate(loud), -1, 1) * 32767).astype(np.int16)
    arrays = {kind: np.concatenate(found) for kind, found in rows.items()}
    arrays["counts"] = np.array([len(s) for s in rows["symbols"]], np.uint16)
    if opus:
        with soundfile.SoundFile(
            out.with_suffix(".opus"),
            "w",
            SAMPLE_RATE,
            1,
            "OPUS",
            format="OGG",
            compression_level=OPUS_LEVEL,
        ) as f:
            for first in range(0, len(samples), SAMPLE_RATE):
                f.write(samples[first : first + SAMPLE_RATE])
    else:
        arrays["samples"] = samples
    write_whole(out, arrays)
    return len(samples) / SAMPLE_RATE


OPUS_LEVEL = 0.75  # of libsndfile: 0 is 256 kbit/s a channel, 1 is 6


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("lessons", type=Path, help="folder of a speaker's lessons")
    parser.add_argument("out", type=Path, help="file; its name is the speaker's")
    parser.add_argument("--opus", action="store_true")
    parser.add_argument("--limit", type=int, default=0, help="first N only")
    a = parser.parse_args(argv)
    a.out.parent.mkdir(parents=True, exist_ok=True)
    found = sorted(a.lessons.glob("*.npz"))
    seconds = pack(found[: a.limit] if a.limit else found, a.out, a.opus)
    print(f"{a.out}: {seconds:.0f} s of speech")
    return 0


if __name__ == "__main__":
    sys.exit(main())
