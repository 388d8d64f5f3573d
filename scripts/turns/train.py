"""Trains the weights of ``turns.ending``: ``python -m scripts.turns.train``.

    python -m scripts.turns.train                 # pauses, scores, words, weights
    python -m scripts.turns.train --keep FILE     # the same; what is found is kept
    python -m scripts.turns.train --pauses FILE   # again, from pauses found before
    python -m scripts.turns.train --pauses FILE --recogniser whisper  # with its words

Recordings are those of ``VOICESERVER_DATA``; the turn-end model is the one fetched by
``voiceserver models get smart-turn``, and the words are those of the recogniser that
``--recogniser`` names. ``benchmarks.turns`` judges them, by folds of whole recordings.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import os
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from scripts.turns.pauses import (
    SCORED_MS,
    Pause,
    Talk,
    audio,
    chosen,
    pauses,
    recordings,
    store,
    stored,
    talk_of,
)
from scripts.turns.policies import evidence
from voiceserver.audio import MIC_RATE, to_int16
from voiceserver.config import Config, EnginesConfig
from voiceserver.engines.base import Recogniser
from voiceserver.engines.opening import open_engines
from voiceserver.metrics import Metrics
from voiceserver.turns.ending import FEATURES, VERSION, EndWeights, features

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT / "models" / "turns" / "ending.json"
NAME = "smart-turn 3.2, 2"
PENALTY = 3.0  # on the squares of weights: there are some hundred pauses
RECOGNISER = "whisper"  # that words come from, where they are not given
FOLDS = 10
BEFORE = 300 * MIC_RATE // 1000  # samples before a turn's first voice


def fit(found: Sequence[Pause], penalty: float = PENALTY) -> EndWeights:
    """Return the weights that make recorded pauses most probable.

    What is known at the first score is weighed by how the pause went on. How the odds
    of an end grow with the silence after it follows from the holds alone: by as much
    as fewer of them last so long. (Ends last for ever, so to weigh them again at each
    silence teaches nothing but that there are ends.)

    Args:
        found: Pauses with scores.
        penalty: On the squares of the weights but the bias.
    """
    lasting = [pause for pause in found if pause.scores]
    rows = np.array([features(evidence(each, 1), SCORED_MS[0]) for each in lasting])
    over = np.array([each.end for each in lasting])
    free = np.array([name not in ("bias", "silence") for name in FEATURES])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        sums = rows @ weights
        chance = 1 / (1 + np.exp(-sums))
        value = np.logaddexp(0, -np.where(over, sums, -sums)).sum()
        value += penalty / 2 * float((weights[free] ** 2).sum())
        slope = rows.T @ (chance - over) + penalty * weights * free
        return float(value), slope

    # Few pauses must not teach that a dangling word ends a turn.
    known = {"sound": (0.0, None), "complete": (0.0, None), "incomplete": (None, 0.0)}
    bounds = [known.get(name, (None, None)) for name in FEATURES]
    start = np.zeros(len(FEATURES))
    made = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds)
    weights = dict(zip(FEATURES, map(float, made.x), strict=True))
    weights["silence"] = _growth([each for each in lasting if not each.end])
    named = {name: round(weight, 4) for name, weight in weights.items()}
    return EndWeights(NAME, {name: weight for name, weight in named.items() if weight})


def _growth(holds: Sequence[Pause]) -> float:
    """By how much log-odds grow with the logarithm of the silence.

    The exponent of the power law that the lengths of holds follow, most probably
    (Hill's estimator).
    """
    logs = [math.log(each.length_ms / SCORED_MS[0]) for each in holds]
    return len(logs) / sum(logs)


def folds(found: Sequence[Pause], n_folds: int = FOLDS) -> NDArray[np.int64]:
    """Number every pause's fold; recordings are whole, kinds spread evenly."""
    number: dict[str, int] = {}
    for pause in sorted(found, key=lambda each: (each.kind, each.recording)):
        number.setdefault(pause.recording, len(number) % n_folds)
    return np.array([number[pause.recording] for pause in found])


def find(data: Path) -> list[Pause]:
    """Find and score the pauses of all recordings; a while."""
    from voiceserver.engines.acoustic.smart_turn import load

    core = load({})
    found: list[Pause] = []
    for kind, name in recordings(data):
        samples = audio(data / name)
        pcm = to_int16(samples)
        talk = talk_of(data, name) if kind == "talk" else Talk()
        for pause in pauses(samples, kind, name, talk):
            scores = []
            for scored_ms in SCORED_MS:
                if scored_ms >= pause.length_ms:
                    break
                now = pause.at + scored_ms * MIC_RATE // 1000
                scores.append(core.probability(pcm[max(0, pause.began - BEFORE) : now]))
            found.append(replace(pause, scores=tuple(scores)))
        print(f"{name}: {len(found)} pauses so far", file=sys.stderr, flush=True)
    return found


def found_again(path: Path | None, keep: Path | None, data: Path) -> list[Pause]:
    """Take pauses that were kept, or find them and keep them.

    They are kept before anybody writes down their words: that may fail, and finding
    them takes long.
    """
    found = stored(path) if path else find(data)
    if keep:
        store(found, keep)
    return found


async def heard(found: Sequence[Pause], data: Path, recogniser: str) -> list[Pause]:
    """Have a recogniser write down each turn up to its pause."""
    rest = {"vad": "stub", "text": "stub", "speech": "stub", "turns": "none"}
    engines = EnginesConfig(recogniser=recogniser, **rest)  # type: ignore[arg-type]
    with_words = []
    async with open_engines(Config(engines=engines), Metrics()) as opened:
        for pause in found:
            words = ""
            if pause.scores:
                words = await _words(
                    opened.recogniser, audio(data / pause.recording), pause
                )
            with_words.append(replace(pause, words=words))
    return with_words


async def _words(
    recogniser: Recogniser, samples: NDArray[np.float32], pause: Pause
) -> str:
    utterance = recogniser.open()
    try:
        now = pause.at + SCORED_MS[0] * MIC_RATE // 1000
        utterance.push(samples[max(0, pause.began - BEFORE) : now])
        return (await utterance.final()).words
    finally:
        utterance.close()


def main() -> None:
    """Find pauses where they are not given, train, write."""
    parser = argparse.ArgumentParser(description="Train the score of a turn's end.")
    parser.add_argument("--pauses", type=Path, help="found before")
    parser.add_argument("--keep", type=Path, help="where to keep those that are found")
    parser.add_argument("--recogniser", help="who writes the words of all turns down")
    parser.add_argument("--write", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    data = Path(os.environ.get("VOICESERVER_DATA", ROOT.parent / "shared" / "data"))
    found = chosen(found_again(options.pauses, options.keep, data))
    recogniser = options.recogniser or ("" if options.pauses else RECOGNISER)
    if recogniser:
        found = asyncio.run(heard(found, data, recogniser))
        if options.keep:
            store(found, options.keep)
    weights = fit(found)
    written = {
        "version": VERSION,
        "name": weights.name,
        "trained": {
            "ends": sum(pause.end for pause in found),
            "holds": sum(not pause.end for pause in found),
            "recordings": len({pause.recording for pause in found}),
        },
        "weights": dict(weights.weights),
    }
    options.write.write_text(json.dumps(written, indent=1) + "\n")
    print(json.dumps(written, indent=1))


if __name__ == "__main__":
    main()
