"""Speak a text to a file: ``python -m voiceserver.voice TEXT -o out.wav``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import soundfile

from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import load_voice
from voiceserver.voice.weights import WeightsError

MODELS = Path(__file__).resolve().parent.parent.parent / "models" / "voice"


def main() -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m voiceserver.voice")
    parser.add_argument("text")
    parser.add_argument("-o", "--out", type=Path, required=True, help="WAV to write")
    parser.add_argument("--models", type=Path, default=MODELS)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--speed", type=float, default=1.0)
    parser.add_argument("--pitch", type=float, default=0.0, help="semitones")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--texture", type=float, default=0.3)
    a = parser.parse_args()
    try:
        manner = Manner(
            seed=a.seed,
            speed=a.speed,
            pitch=a.pitch,
            temperature=a.temperature,
            texture=a.texture,
        )
        voice = load_voice(a.models)
    except (ValueError, WeightsError) as e:
        parser.error(str(e))
    start = time.perf_counter()
    samples = voice.speak_all(a.text, manner)
    if len(samples) == 0:
        print("nothing to say", file=sys.stderr)
        return 1
    took = time.perf_counter() - start
    soundfile.write(a.out, samples, voice.sample_rate, subtype="PCM_16")
    print(f"{len(samples) / voice.sample_rate:.2f} s of speech in {took:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
