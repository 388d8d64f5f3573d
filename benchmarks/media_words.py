"""What is understood of speech that lost 5 % of its packets: clean, ours, stock.

Recordings are encoded as a browser would (Opus, in-band correction), sent through a
simulated network, received and decoded; the embedded recogniser writes down what it
hears, and PESQ (wideband) says how it sounds beside the recording. The same packets
are lost for both receivers.

PESQ is left out where it is not installed: pip install 'pesq>=0.0.4,<0.1'. With all
300 recordings it takes eight minutes on two cores.

    python -m benchmarks.media_words [--recordings 300] [--jobs 2]
"""

from __future__ import annotations

import argparse
import csv
import importlib
import importlib.util
import json
import os
import random
import re
import statistics
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from benchmarks import plots
from benchmarks.figures import RESULTS, write
from benchmarks.media_networks import RECEIVERS, Network, Played, arrivals
from benchmarks.processes import machine
from benchmarks.recordings import data_folder, read
from voiceserver.audio import (
    MIC_FRAME,
    MIC_RATE,
    SPEECH_FRAME,
    SPEECH_RATE,
    Samples,
    to_int16,
)
from voiceserver.engines.sphinx.decoder import SphinxDecoder, load
from voiceserver.media import codecs
from voiceserver.media.jitter import Origin

NETWORK = Network("40±10 ms, 5 % lost", loss=0.05, jitter_ms=10)
WAYS = ("clean", *RECEIVERS)
SEED = 7
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Heard:
    """One recording.

    Attributes:
        n_words: In it.
        errors: Words wrong, missing or made up, by way.
        pesq: Score from 1 to 4.64, by way; empty without PESQ.
    """

    n_words: int
    errors: dict[str, int]
    pesq: dict[str, float]


def words(n_recordings: int, jobs: int = 1) -> dict[str, object]:
    """Recognise recordings three ways; return word error rates and differences.

    Args:
        n_recordings: How many, spread over all.
        jobs: Processes to do it in.
    """
    with (data_folder() / "kathleen" / "transcripts.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    chosen = rows[:: max(1, len(rows) // n_recordings)][:n_recordings]
    files, texts = [row["file"] for row in chosen], [row["text"] for row in chosen]
    with ProcessPoolExecutor(jobs) as pool:
        heard = list(pool.map(_listened, files, texts, range(len(chosen))))
    n_words = [one.n_words for one in heard]
    errors = {way: [one.errors[way] for one in heard] for way in WAYS}
    rates = {way: 100 * sum(e) / sum(n_words) for way, e in errors.items()}
    result: dict[str, object] = {
        "network": NETWORK.name,
        "recordings": len(chosen),
        "words": sum(n_words),
        "wer_percent": {way: round(rate, 2) for way, rate in rates.items()},
        "ours_less_clean": _difference(errors["ours"], errors["clean"], n_words),
        "stock_less_ours": _difference(errors["stock"], errors["ours"], n_words),
    }
    scored = [one.pesq for one in heard if len(one.pesq) == len(WAYS)]
    if scored:
        result["pesq_wb"] = {
            way: round(statistics.mean(one[way] for one in scored), 3) for way in WAYS
        }
        scores = {way: [one[way] for one in scored] for way in WAYS}
        ones = [1] * len(scored)
        gain = _difference(scores["ours"], scores["stock"], ones, percent=1)
        result["pesq_ours_less_stock"] = gain
    return result


def _listened(file: str, text: str, index: int) -> Heard:
    said = _plain(text)
    path = Path("kathleen") / file
    errors: dict[str, int] = {}
    scores: dict[str, float] = {}
    for way, samples in _received(_encoded(path), SEED + index).items():
        errors[way] = _distance(said, _recognised(_decoder(), samples))
        score = _pesq(read(str(path), MIC_RATE).samples, samples)
        scores |= {} if score is None else {way: score}
    return Heard(len(said), errors, scores)


@cache
def _decoder() -> SphinxDecoder:
    return load({})


def _pesq(truth: Samples, heard: Samples) -> float | None:
    if importlib.util.find_spec("pesq") is None:
        return None
    pesq = importlib.import_module("pesq")
    try:
        return float(pesq.pesq(MIC_RATE, truth, heard, "wb"))
    except pesq.PesqError:
        return None  # next to nothing was left of it to judge


def _plain(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def _encoded(path: Path) -> list[bytes]:
    samples = read(str(path), SPEECH_RATE).samples
    encoder = codecs.OpusEncoder()
    whole = len(samples) // SPEECH_FRAME * SPEECH_FRAME
    return [
        encoder.encode(frame) for frame in samples[:whole].reshape(-1, SPEECH_FRAME)
    ]


def _received(payloads: list[bytes], seed: int) -> dict[str, Samples]:
    every = [Played(0, Origin.RECEIVED, number) for number in range(len(payloads))]
    found = {"clean": _decoded(payloads, every)}
    arriving = arrivals(NETWORK, len(payloads), seed)
    repairs = [codecs.repairs(payload) for payload in payloads]
    for name, receiver in RECEIVERS.items():
        played = receiver(arriving, lambda number: repairs[number])
        found[name] = _decoded(payloads, played)
    return found


def _decoded(payloads: list[bytes], played: list[Played]) -> Samples:
    decoder, parts = codecs.OpusDecoder(), [np.zeros(0, np.float32)]
    for one in played:
        if one.origin is Origin.RECEIVED:
            parts.append(decoder.decode(payloads[one.number]))
        elif one.origin is Origin.RECOVERED:
            parts.append(decoder.recover(payloads[one.number], MIC_FRAME))
        else:
            parts.append(decoder.conceal(MIC_FRAME))
    return np.concatenate(parts)


def _recognised(decoder: SphinxDecoder, samples: Samples) -> list[str]:
    decoder.start()
    decoder.push(to_int16(samples))
    return _plain(decoder.finish().text)


def _distance(said: list[str], heard: list[str]) -> int:
    """Words inserted, deleted or replaced."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            best = min(row[j] + 1, row[j - 1] + 1, diagonal + (word != other))
            diagonal, row[j] = row[j], best
    return row[-1]


def _difference(
    one: Sequence[float],
    other: Sequence[float],
    n_words: Sequence[int],
    percent: float = 100,
) -> dict[str, float]:
    """Difference of two word error rates in points, with its 95 % interval.

    A paired bootstrap over recordings.
    """
    rng = random.Random(1)
    pairs = list(zip(one, other, n_words, strict=True))

    def rate(drawn: list[tuple[float, float, int]]) -> float:
        return percent * sum(a - b for a, b, _ in drawn) / sum(n for _, _, n in drawn)

    drawn = sorted(rate(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return {
        "points": round(rate(pairs), 2),
        "low": round(drawn[round(RESAMPLES * 0.025)], 2),
        "high": round(drawn[round(RESAMPLES * 0.975)], 2),
    }


def main() -> None:
    """Measure and write the table and the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    results = RESULTS / "media_words.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    result = {"machine": machine(), **words(args.recordings, args.jobs)}
    print(json.dumps(result, indent=1))
    write(args.output, result)
    plots.words(result, args.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
