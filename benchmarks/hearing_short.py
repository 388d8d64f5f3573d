"""How well Whisper hears a word or two, with more and less silence behind them.

Few recordings of single words are at hand, so that pieces of one or two words are cut
out of read sentences where there are pauses on both sides; which words those are,
Whisper's own times of words say, where it heard the whole sentence right. One speaker;
harder than commands, which are spoken by themselves. Pieces with a word more than was
thought (as the sentence has it beside them) are left out. Names, which nobody could
know, are told apart. What was tuned was tuned on the first sentences; pieces of those
that follow are *further* ones.

    python -m benchmarks.hearing_short [--sentences 110] [--further 110]
"""

from __future__ import annotations

import argparse
import csv
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, write
from benchmarks.hearing import Errors, distance, plain, rate
from benchmarks.processes import machine
from benchmarks.recordings import data_folder, read
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.engines.whisper import model as whisper
from voiceserver.engines.whisper.model import Asked, Decoded, WhisperModel
from voiceserver.weights.place import model_folder

FRAME = MIC_RATE // 100
QUIET_DB = 32.0  # below the loudest frames
PAUSE = round(0.09 * MIC_RATE)
BEFORE, BEHIND = round(0.12 * MIC_RATE), round(0.15 * MIC_RATE)  # kept of the pauses
SHORTEST_S = 0.15
PADS_S = (3.0, 6.0)
_CLAUSE = re.compile(r"[,;:.!?]| - ")
# Spelt otherwise, and no other word.
_ALIKE = {
    "weighted": "waited",
    "17": "seventeen",
    "16": "sixteen",
    "replyed": "replied",
}


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words, and the sentence that they are from; ``named``: one is a name."""

    words: tuple[str, ...]
    samples: Samples
    sentence: tuple[str, ...]
    named: bool = False


def sentences() -> Iterator[tuple[str, Samples]]:
    """Sentences that have a clause of a word or two, each once."""
    folder = data_folder() / "kathleen"
    seen: set[str] = set()
    with (folder / "transcripts.tsv").open() as rows:
        for row in csv.DictReader(rows, delimiter="\t"):
            text = row["text"]
            lengths = [len(part.split()) for part in _CLAUSE.split(text)]
            if text in seen or not {1, 2} & set(lengths):
                continue
            if (folder / row["file"]).is_file():
                seen.add(text)
                yield text, read(f"kathleen/{row['file']}", MIC_RATE).samples


def pauses(samples: Samples) -> list[tuple[int, int]]:
    """Where it is quiet, in samples; both ends of the recording are pauses."""
    n = len(samples) // FRAME
    power = (samples[: n * FRAME].reshape(n, FRAME) ** 2).mean(axis=1)
    level = 10 * np.log10(power + 1e-10)
    quiet = np.concatenate(
        [[False], level < np.percentile(level, 95) - QUIET_DB, [False]]
    )
    edges = np.flatnonzero(np.diff(quiet.astype(int))) * FRAME
    found = [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    end = n * FRAME
    inner = [(a, b) for a, b in found if b - a >= PAUSE or a == 0 or b == end]
    return [(0, 0), *inner, (end, end)]


def pieces(model: WhisperModel, text: str, samples: Samples) -> Iterator[Piece]:
    """The pieces of a sentence that have one or two words."""
    said = plain(text)
    [heard] = model.decode([Asked(samples, timed=True)])
    timed = [
        (word, (each.start_s + each.end_s) / 2)
        for each in heard.timed
        for word in plain(each.text)
    ]
    if tuple(word for word, _ in timed) != said:
        return
    quiet = pauses(samples)
    for before, behind in pairwise(quiet):
        begin, end = before[1], behind[0]
        words = [w for w, at in timed if begin <= at * MIC_RATE <= end]
        letters = sum(max(1.0, len(word) / 4) for word in words)
        least_s = max(SHORTEST_S, 0.12 * letters)
        if 1 <= len(words) <= 2 and end - begin >= least_s * MIC_RATE:
            first = max(begin - BEFORE, sum(before) // 2)
            last = min(end + BEHIND, sum(behind) // 2)
            named = bool(names(text).intersection(words))
            yield Piece(tuple(words), samples[first:last], said, named)


def names(text: str) -> set[str]:
    """Words that have a capital within a sentence."""
    found: set[str] = set()
    for before, word in pairwise(text.split()):
        inside = before[-1] not in ".!?" and word[:1].isupper()
        if inside and word.strip(".,;:!?") != "I" and not word.startswith("I'"):
            found.update(plain(word))
    return found


def _has(words: Sequence[str], some: Sequence[str]) -> bool:
    n = len(some)
    places = range(len(words) - n + 1)
    return any(tuple(words[at : at + n]) == tuple(some) for at in places)


def _cut_wrong(piece: Piece, heard: Decoded) -> bool:
    found = plain(heard.text)
    more = len(found) > len(piece.words)
    return more and _has(piece.sentence, found) and _has(found, piece.words)


def _errors(piece: Piece, heard: Decoded) -> Errors:
    believed = plain(heard.text) if heard.believed else ()
    found = [_ALIKE.get(word, word) for word in believed]
    return Errors(distance(piece.words, found), len(piece.words))


def measure(model: WhisperModel, said: Iterable[tuple[str, Samples]]) -> dict[str, Any]:
    """Word errors by the silence behind a piece."""
    cut = [each for text, s in said for each in pieces(model, text, s)]
    heard: dict[float, list[Decoded]] = {}
    for pad_s in PADS_S:
        whisper.PAD_SHORT_S = pad_s
        heard[pad_s] = [
            model.decode([Asked(each.samples, last=True)])[0] for each in cut
        ]
    good = [
        n
        for n, piece in enumerate(cut)
        if not any(_cut_wrong(piece, found[n]) for found in heard.values())
    ]
    return {
        "pieces": len(good),
        "left_out": len(cut) - len(good),
        "by_silence_s": {
            str(pad_s): rate([_errors(cut[n], found[n]) for n in good])
            for pad_s, found in heard.items()
        },
        "without_names": {
            str(pad_s): rate(
                [_errors(cut[n], found[n]) for n in good if not cut[n].named]
            )
            for pad_s, found in heard.items()
        },
    }


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sentences", type=int, default=110)
    parser.add_argument("--further", type=int, default=110, help="sentences behind")
    parser.add_argument("--model", default="whisper-base")
    asked = parser.parse_args()
    model = WhisperModel(model_folder(asked.model), "cpu")
    said = sentences()
    result = {
        "machine": machine(),
        "model": asked.model,
        **measure(model, islice(said, asked.sentences)),
        "further": measure(model, islice(said, asked.further)),
    }
    write(RESULTS / "hearing_short.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
