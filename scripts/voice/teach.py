"""Have a teacher read prompts: ``python -m scripts.voice.teach TEACHER TEXTS OUT``.

The voice's own front end turns each line of ``TEXTS`` into phones, the teacher says
them, and what is stored in ``OUT`` is a lesson: samples, and for each phone where it
lies. Resumable: what is there is not made again. Knows nothing of networks.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from scripts.voice.prepare import write_whole
from scripts.voice.teachers import (
    F0_UNIT,
    VOICED_HZ,
    Spoken,
    Teacher,
    TeacherError,
    teacher,
    tokens,
)
from voiceserver.voice.networks.features import F0_HIGH_HZ, F0_LOW_HZ, HOP, SAMPLE_RATE
from voiceserver.voice.speaker import load_phonemiser
from voiceserver.voice.words.clause import PLACE_NONE, Clause, Phonemiser
from voiceserver.voice.words.phones import INDEX, MARKS, PAUSE, SYMBOLS

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

LONGEST = 150  # symbols of a lesson; longer sentences are left out
LEAD_FRAMES = 12  # silence kept before the first sound
TAIL_FRAMES = 24  # and after the last
QUIET_DB = -40.0  # relative to the louder frames of a sentence
PAUSE_FRAMES = 8  # silence between two words from which on it is a pause
FASTEST_ST_S = 80.0  # semitones a second; nobody's voice moves faster
EDGE_S = 0.06  # at either edge of a voiced stretch, where F0 may be left out


@dataclass(frozen=True, slots=True)
class Lesson:
    """A sentence that a teacher said; over ``n`` symbols or ``frames`` frames.

    Attributes:
        symbols: Indices into ``phones.SYMBOLS``, ``(n,)``.
        places: Of each in its word, ``(n,)``.
        lengths: Frames of each, ``(n,)``; their sum is ``frames``.
        samples: float32, ``(frames * HOP,)``.
        f0_hz: ``(frames,)``, interpolated where unvoiced.
        voicing: 0 or 1, ``(frames,)``.
    """

    symbols: Ints
    places: Ints
    lengths: Ints
    samples: Floats
    f0_hz: Floats
    voicing: Floats


def sentence(clauses: list[Clause]) -> tuple[list[int], list[int]]:
    """Symbols and places of a text's clauses in one, each with its mark."""
    symbols, places = [INDEX[PAUSE]], [PLACE_NONE]
    for clause in clauses:
        symbols += clause.symbols[1:]
        places += clause.places[1:]
    return symbols, places


def frame_levels(samples: Floats) -> Floats:
    """Level of each frame in dB, relative to the louder ones."""
    frames = len(samples) // HOP
    power = (samples[: frames * HOP].reshape(frames, HOP) ** 2).mean(1)
    level = 10 * np.log10(power + 1e-10)
    return np.asarray(level - np.percentile(level, 95), np.float32)


def trusted(f0_hz: Floats, step_s: float) -> NDArray[np.bool_]:
    """Where a teacher's F0 is one that a speaker means.

    Where its voice sets in or dies away, a teacher's F0 comes up from nothing and falls
    back to it, faster than any larynx moves: a voice changes by some 60 semitones a
    second at most (Xu and Sun, "Maximum speed of pitch change and how it may relate to
    speech", 2002). Learnt as it is, that is heard as a creak round every consonant.

    Args:
        f0_hz: One value every ``step_s``; 0 where there is no voice.
        step_s: In seconds.

    Returns:
        False also where it is below what the vocoder knows, and for at most
        ``EDGE_S`` at either edge of a voiced stretch, of which one value is left.
    """
    good = np.asarray(f0_hz > F0_LOW_HZ)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], good, [False]])))
    fastest, most = FASTEST_ST_S * step_s, round(EDGE_S / step_s)
    semitones = 12 * np.log2(np.maximum(f0_hz, 1.0))
    for first, last in zip(edges[::2], edges[1::2], strict=True):
        a, b = int(first), int(last) - 1
        while a < b and a - first < most and semitones[a + 1] - semitones[a] > fastest:
            good[a] = False
            a += 1
        while b > a and last - 1 - b < most:
            if semitones[b - 1] - semitones[b] <= fastest:
                break
            good[b] = False
            b -= 1
    return good


def pitch_track(f0_hz: Floats, frames: int) -> tuple[Floats, Floats]:
    """A teacher's F0 at our frames, interpolated where unknown, and its voicing."""
    at = np.arange(frames) * HOP
    known = (np.arange(len(f0_hz)) + 0.5) * F0_UNIT
    voicing = np.interp(at, known, (f0_hz > VOICED_HZ).astype(np.float32))
    good = trusted(f0_hz, F0_UNIT / SAMPLE_RATE)
    if not good.any():
        return np.full(frames, 150.0, np.float32), np.zeros(frames, np.float32)
    logs = np.interp(at, known[good], np.log(f0_hz[good]))
    f0 = np.clip(np.exp(logs), F0_LOW_HZ, F0_HIGH_HZ)
    return f0.astype(np.float32), voicing.astype(np.float32)


def _with_pauses(
    owners: Ints, bounds: Ints, symbols: Ints, places: Ints, quiet: NDArray[np.bool_]
) -> tuple[Ints, Ints, Ints]:
    """Symbols, places and lengths; silent spaces are pauses, others shared out."""
    out_symbols: list[int] = []
    out_places: list[int] = []
    lengths: list[int] = []
    last, carried = -2, 0
    for owner, a, b in zip(owners, bounds[:-1], bounds[1:], strict=True):
        n = int(b - a)
        if owner < 0:
            if n >= PAUSE_FRAMES and quiet[a:b].mean() > 0.6:
                out_symbols.append(INDEX[PAUSE])
                out_places.append(PLACE_NONE)
                lengths.append(n)
            else:
                lengths[-1] += n // 2
                carried = n - n // 2
            continue
        if owner == last:
            lengths[-1] += n
        else:
            out_symbols.append(int(symbols[owner]))
            out_places.append(int(places[owner]))
            lengths.append(n + carried)
            carried = 0
        last = int(owner)
    return np.array(out_symbols), np.array(out_places), np.array(lengths)


def _silence_to_marks(symbols: Ints, lengths: Ints, quiet: NDArray[np.bool_]) -> None:
    """Give marks the silence that the teacher counts to the phone before them."""
    ends = np.cumsum(lengths)
    for i in range(1, len(symbols)):
        silent = SYMBOLS[symbols[i]] in (*MARKS, PAUSE)
        if not silent or SYMBOLS[symbols[i - 1]] in (*MARKS, PAUSE):
            continue
        end, first = int(ends[i - 1]), int(ends[i - 1] - lengths[i - 1])
        cut = end
        while cut > first + 2 and quiet[cut - 1]:
            cut -= 1
        lengths[i - 1] -= end - cut
        lengths[i] += end - cut


def lesson(symbols: list[int], places: list[int], by: Teacher) -> Lesson | None:
    """Have a sentence said; None if the teacher left out a phone."""
    read = tokens(symbols, places)
    spoken: Spoken = by.say([token.text for token in read])
    frames = len(spoken.samples) // HOP
    level = frame_levels(spoken.samples)
    quiet = level < QUIET_DB
    bounds = np.concatenate([[0], np.round(spoken.ends / HOP).astype(np.int64)])
    bounds = np.minimum(bounds, frames)
    owners = np.array([token.symbol for token in read])
    own, place, lengths = _with_pauses(
        owners, bounds, np.array(symbols), np.array(places), quiet
    )
    _silence_to_marks(own, lengths, quiet)
    sounding = np.flatnonzero(~quiet)
    first = min(max(0, int(sounding[0]) - LEAD_FRAMES), max(0, int(lengths[0])))
    spare = frames - min(frames, int(sounding[-1]) + TAIL_FRAMES)
    spare = min(spare, int(lengths[-1]))
    lengths[0] -= first
    lengths[-1] -= spare
    phones = np.array([SYMBOLS[s] not in (*MARKS, PAUSE) for s in own])
    if (lengths[phones] < 1).any() or int(lengths.sum()) != frames - first - spare:
        return None
    f0, voicing = pitch_track(spoken.f0_hz, frames)
    kept = slice(first, frames - spare)
    samples = spoken.samples[first * HOP : (frames - spare) * HOP]
    return Lesson(own, place, lengths, samples, f0[kept], voicing[kept])


def store(path: Path, made: Lesson) -> None:
    """Write a lesson; samples as int16, at the teacher's own level."""
    pcm = np.rint(np.clip(made.samples, -1, 1) * 32767).astype(np.int16)
    write_whole(
        path,
        {
            "symbols": made.symbols.astype(np.uint8),
            "places": made.places.astype(np.uint8),
            "lengths": made.lengths.astype(np.uint16),
            "samples": pcm,
            "f0_hz": made.f0_hz.astype(np.float16),
            "voicing": np.rint(made.voicing * 255).astype(np.uint8),
        },
    )


def read_aloud(
    texts: list[str], phonemiser: Phonemiser, by: Teacher, out: Path
) -> None:
    """Have all texts read that are not there yet."""
    seconds, start = 0.0, time.perf_counter()
    for i, text in enumerate(texts):
        path = out / f"{zlib.crc32(text.encode()):08x}.npz"
        if path.is_file():
            continue
        symbols, places = sentence(phonemiser.phonemise(text))
        if not 4 <= len(symbols) <= LONGEST:
            continue
        made = lesson(symbols, places, by)
        if made is None:
            continue
        store(path, made)
        seconds += len(made.samples) / SAMPLE_RATE
        if i % 50 == 0:
            print(
                i, f"{seconds:.0f} s in {time.perf_counter() - start:.0f} s", flush=True
            )


def read_by_many(
    texts: list[str], voice: Path, name: str, out: Path, processes: int
) -> None:
    """Have the texts read by several processes, each a part of them."""
    phonemiser = load_phonemiser(voice)
    teacher(name)  # is it there?

    def part(number: int) -> None:
        torch.set_num_threads(1)
        read_aloud(texts[number::processes], phonemiser, teacher(name), out)

    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=part, args=(i,)) for i in range(processes)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    if any(child.exitcode for child in children):
        raise RuntimeError("a process of the teacher's ended early")


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("teacher", help="hibari, or a style of Kokoro")
    parser.add_argument("texts", type=Path, help="one sentence a line")
    parser.add_argument("out", type=Path)
    parser.add_argument("--voice", type=Path, default=Path("models/voice"))
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--limit", type=int, default=0, help="first N lines only")
    a = parser.parse_args(argv)
    a.out.mkdir(parents=True, exist_ok=True)
    texts = a.texts.read_text("utf-8").splitlines()
    texts = texts[: a.limit] if a.limit else texts
    try:
        read_by_many(texts, a.voice, a.teacher, a.out, a.processes)
    except TeacherError as error:
        print(f"teach: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
