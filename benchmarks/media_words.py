"""What is understood of speech that lost 5 % of its packets: clean, ours, stock.

Recordings are encoded as a browser would (Opus, in-band correction), sent through a
simulated network, received and decoded; the embedded recogniser writes down what it
hears. The same packets are lost for both receivers.
"""

from __future__ import annotations

import csv
import random
import re
from pathlib import Path

import numpy as np

from benchmarks.media_networks import RECEIVERS, Network, Played, arrivals
from benchmarks.recordings import data_folder, read
from voiceserver.audio import MIC_FRAME, SPEECH_FRAME, SPEECH_RATE, Samples, to_int16
from voiceserver.carriers import libopus
from voiceserver.engines.sphinx.decoder import Decoder, load
from voiceserver.jitter import Origin

NETWORK = Network("40±10 ms, 5 % lost", loss=0.05, jitter_ms=10)
SEED = 7
RESAMPLES = 2_000


def words(n_recordings: int) -> dict[str, object]:
    """Recognise recordings three ways; return word error rates and differences.

    Args:
        n_recordings: How many, spread over all.
    """
    folder = data_folder() / "kathleen"
    with (folder / "transcripts.tsv").open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    chosen = rows[:: max(1, len(rows) // n_recordings)][:n_recordings]
    decoder = load({})
    errors: dict[str, list[int]] = {"clean": [], "ours": [], "stock": []}
    n_words = []
    for index, row in enumerate(chosen):
        said = _plain(row["text"])
        payloads = _encoded(Path("kathleen") / row["file"])
        n_words.append(len(said))
        for way, samples in _received(payloads, SEED + index).items():
            errors[way].append(_distance(said, _recognised(decoder, samples)))
    rates = {way: 100 * sum(e) / sum(n_words) for way, e in errors.items()}
    return {
        "recordings": len(chosen),
        "words": sum(n_words),
        "wer_percent": {way: round(rate, 2) for way, rate in rates.items()},
        "ours_less_clean": _difference(errors["ours"], errors["clean"], n_words),
        "stock_less_ours": _difference(errors["stock"], errors["ours"], n_words),
    }


def _plain(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def _encoded(path: Path) -> list[bytes]:
    samples = read(str(path), SPEECH_RATE).samples
    encoder = libopus.OpusEncoder()
    whole = len(samples) // SPEECH_FRAME * SPEECH_FRAME
    return [
        encoder.encode(frame) for frame in samples[:whole].reshape(-1, SPEECH_FRAME)
    ]


def _received(payloads: list[bytes], seed: int) -> dict[str, Samples]:
    every = [Played(0, Origin.RECEIVED, number) for number in range(len(payloads))]
    found = {"clean": _decoded(payloads, every)}
    arriving = arrivals(NETWORK, len(payloads), seed)
    repairs = [libopus.repairs(payload) for payload in payloads]
    for name, receiver in RECEIVERS.items():
        played = receiver(arriving, lambda number: repairs[number])
        found[name] = _decoded(payloads, played)
    return found


def _decoded(payloads: list[bytes], played: list[Played]) -> Samples:
    decoder, parts = libopus.OpusDecoder(), [np.zeros(0, np.float32)]
    for one in played:
        if one.origin is Origin.RECEIVED:
            parts.append(decoder.decode(payloads[one.number]))
        elif one.origin is Origin.RECOVERED:
            parts.append(decoder.recover(payloads[one.number], MIC_FRAME))
        else:
            parts.append(decoder.conceal(MIC_FRAME))
    return np.concatenate(parts)


def _recognised(decoder: Decoder, samples: Samples) -> list[str]:
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
    one: list[int], other: list[int], n_words: list[int]
) -> dict[str, float]:
    """Difference of two word error rates in points, with its 95 % interval.

    A paired bootstrap over recordings.
    """
    rng = random.Random(1)
    pairs = list(zip(one, other, n_words, strict=True))

    def rate(drawn: list[tuple[int, int, int]]) -> float:
        return 100 * sum(a - b for a, b, _ in drawn) / sum(n for _, _, n in drawn)

    drawn = sorted(rate(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES))
    return {
        "points": round(rate(pairs), 2),
        "low": round(drawn[round(RESAMPLES * 0.025)], 2),
        "high": round(drawn[round(RESAMPLES * 0.975)], 2),
    }
