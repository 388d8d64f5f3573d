"""Answers begun in a pause and held until the turn is over: what they save and waste.

Takes pauses that ``python -m scripts.turns.train --keep`` found, with their scores and
words. An answer is begun once the words are known (``KNOWN_MS`` after the last voice)
and the turn is over with some certainty; it is a hit if the turn was, in vain if the
speaker goes on. Weights are those trained without the recording's fold.

    python -m benchmarks.held_answers --pauses FILE
"""

from __future__ import annotations

import argparse
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from scripts.turns.pauses import Pause, chosen, stored
from scripts.turns.policies import fused
from scripts.turns.train import fit, folds
from voiceserver.config import TurnConfig
from voiceserver.dialects.realtime.vad import SemanticVad
from voiceserver.turns.cues import Completeness, grade

KNOWN_MS = 280.0  # 180 ms of silence, and a decode of 100 ms
LEASTS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
# Ends as the eagerness has them, and what else is worth asking of an end.
ENDS = {name: SemanticVad(name).turn(TurnConfig()) for name in ("high", "medium")}
FOREVER_MS = 1_000_000
UNLIMITED = TurnConfig(unclear_ms=10_000, max_unclear_ms=10_000, cap_ms=FOREVER_MS)
Begins = Callable[[int], float]  # of a pause by its number: ms after the last voice


def fate(
    pauses: Sequence[Pause], commits_ms: Sequence[float], begins: Begins
) -> dict[str, float]:
    """What comes of answers begun so; infinity begins none."""
    hits = in_vain = 0
    saved_ms = 0.0
    for n, (pause, commit_ms) in enumerate(zip(pauses, commits_ms, strict=True)):
        at_ms = max(begins(n), KNOWN_MS)
        if not pause.words or at_ms >= min(commit_ms, pause.length_ms):
            continue
        if pause.end:
            hits += 1
            saved_ms += commit_ms - at_ms
        elif pause.length_ms < commit_ms:
            in_vain += 1
    ends = sum(pause.end for pause in pauses)
    return {
        "hit": round(hits / ends, 3),
        "in_vain": round(in_vain / max(1, hits + in_vain), 3),
        "saved_ms_a_turn": round(saved_ms / ends),
    }


def curve(pauses: Sequence[Pause], end: TurnConfig) -> dict[str, Any]:
    """All thresholds, and the words alone."""
    number = folds(pauses)
    trained = {
        fold: fit([p for p, n in zip(pauses, number, strict=True) if n != fold])
        for fold in set(number.tolist())
    }

    def waits(config: TurnConfig) -> list[float]:
        return [
            float(fused(trained[int(n)], config)([pause])[0])
            for pause, n in zip(pauses, number, strict=True)
        ]

    commits_ms = waits(end)

    def by_words(n: int) -> float:
        unfinished = grade(pauses[n].words) is Completeness.INCOMPLETE
        return math.inf if unfinished else KNOWN_MS

    rows = {"words alone": fate(pauses, commits_ms, by_words)}
    for least in LEASTS:
        begins_ms = waits(replace(UNLIMITED, certainty=least))
        rows[str(least)] = fate(pauses, commits_ms, begins_ms.__getitem__)
    return rows


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description="Measure held answers.")
    parser.add_argument("--pauses", type=Path, required=True)
    found = chosen(stored(parser.parse_args().pauses))
    sets = {"single": [p for p in found if p.kind != "talk"], "all": found}
    result = {
        "machine": machine(),
        "sets": {
            name: {
                "pauses": len(some),
                "by_eagerness": {name: curve(some, end) for name, end in ENDS.items()},
            }
            for name, some in sets.items()
        },
    }
    write(RESULTS / "held_answers.json", result)
    print(json.dumps(result["sets"], indent=1))


if __name__ == "__main__":
    main()
