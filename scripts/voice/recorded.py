"""Lessons from recordings: ``python -m scripts.voice.recorded CACHE OUT``.

Turns what ``prepare`` and ``align`` left in ``CACHE`` into lessons like a teacher's,
so that recorded and synthetic speakers are learnt alike. Recordings that are kept back
for judging are left out. Knows nothing of networks.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from scripts.voice.align import Phone, load_alignments
from scripts.voice.features import Utterance, load_utterances
from scripts.voice.sentences import symbol_rows
from scripts.voice.teach import Lesson, store
from voiceserver.voice.words.phones import INDEX


def lesson_of(u: Utterance, phones: list[Phone]) -> Lesson:
    """A recording and its alignment as a lesson."""
    symbols, places, lengths = zip(*symbol_rows(phones, u.text), strict=True)
    return Lesson(
        np.array([INDEX[s] for s in symbols]),
        np.array(places),
        np.array(lengths),
        u.wave(0, u.frames).numpy(),
        u.f0_hz.numpy(),
        u.voicing.numpy(),
    )


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    a = parser.parse_args(argv)
    a.out.mkdir(parents=True, exist_ok=True)
    alignments = load_alignments(a.cache)
    for u in load_utterances(a.cache, validation=False):
        if u.name in alignments:
            store(a.out / f"{u.name}.npz", lesson_of(u, alignments[u.name]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
