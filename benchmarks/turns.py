"""How soon turns are known to be over, and how often a caller is cut off.

``python -m benchmarks.turns`` takes the pauses of the recordings that
``VOICESERVER_DATA`` names and writes ``benchmarks/results/turns.json`` and
``turns.svg``: mean dead air after turns that were over at 5 and 10 % of the holds cut
(the metric of livekit's eot-bench), for silence alone, for smart-turn 3.2 with a
threshold, and for our formula. Every policy's settings are found on nine tenths of the
recordings and judged on the rest, in turn; intervals are a bootstrap over recordings.
"single" are read sentences, commands, coffee orders and turns to an agent; "all" has
meetings and a telephone call as well.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from benchmarks.drawing import plt
from benchmarks.figures import write
from benchmarks.processes import machine
from benchmarks.published import END_OF_TURN
from scripts.turns.pauses import Pause, chosen, stored
from scripts.turns.policies import (
    Policy,
    Waits,
    all_fused,
    all_silences,
    all_thresholds,
    best,
    fused,
    price,
    silence,
)
from scripts.turns.train import FOLDS, find, fit, folds, heard
from voiceserver.config import TurnConfig
from voiceserver.dialects.realtime.vad import SemanticVad
from voiceserver.turns.cues import Completeness, grade

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
TARGETS = (0.05, 0.10)
AIMS_S = {"single": {0.05: 0.50, 0.10: 0.40}, "all": {0.05: 0.75, 0.10: 0.55}}
DRAWS = 1000
EAGERNESS = {
    name: SemanticVad(name).turn(TurnConfig()) for name in ("high", "medium", "low")
}
WORDS_MS = {
    Completeness.COMPLETE: 300.0,
    Completeness.UNCLEAR: 500.0,
    Completeness.INCOMPLETE: 1000.0,
}

Policies = Callable[[Sequence[Pause]], list[Policy]]
FAMILIES: dict[str, Policies] = {
    "silence alone": lambda _: all_silences(),
    "smart-turn alone": lambda _: all_thresholds(),
    "ours": lambda train: all_fused(fit(train)),
}


def by_words(pauses: Sequence[Pause]) -> Waits:
    """What happens without a model: the wait follows from the words alone."""
    return np.array([WORDS_MS[grade(pause.words)] for pause in pauses])


def validated(pauses: Sequence[Pause], family: Policies) -> dict[float, Waits]:
    """Waits of the best policy for each target, found without the fold it judges."""
    number = folds(pauses)
    waits = {target: np.zeros(len(pauses)) for target in TARGETS}
    for fold in range(FOLDS):
        train = [p for p, n in zip(pauses, number, strict=True) if n != fold]
        test = [p for p, n in zip(pauses, number, strict=True) if n == fold]
        policies = family(train)
        for target in TARGETS:
            found = best(train, policies, target)
            waits[target][number == fold] = (found or silence(3000.0))(test)
    return waits


def at_points(pauses: Sequence[Pause]) -> dict[str, Waits]:
    """Waits of our formula at each eagerness, and of the words without a model."""
    number = folds(pauses)
    waits = {name: np.zeros(len(pauses)) for name in EAGERNESS}
    for fold in range(FOLDS):
        weights = fit([p for p, n in zip(pauses, number, strict=True) if n != fold])
        test = [p for p, n in zip(pauses, number, strict=True) if n == fold]
        for name, point in EAGERNESS.items():
            waits[name][number == fold] = fused(weights, point)(test)
    return waits | {"without a model, high": by_words(pauses)}


def told(pauses: Sequence[Pause], waits: Waits) -> dict[str, Any]:
    """Mean wait and cut-ins, each with its 95 % interval over recordings."""
    cost = price(pauses, waits)
    groups: dict[str, list[int]] = {}
    for at, pause in enumerate(pauses):
        groups.setdefault(pause.recording, []).append(at)
    members = [np.array(each) for each in groups.values()]
    random = np.random.default_rng(0)
    ends = np.array([pause.end for pause in pauses])
    cut = np.array([pause.length_ms for pause in pauses]) > waits
    drawn: list[tuple[float, float]] = []
    for _ in range(DRAWS):
        rows = np.concatenate(
            [members[n] for n in random.integers(0, len(members), len(members))]
        )
        holds = ~ends[rows]
        if holds.any() and not holds.all():
            drawn.append(
                (float(waits[rows][~holds].mean()), float(cut[rows][holds].mean()))
            )
    wait, cuts = np.percentile(np.array(drawn), [2.5, 97.5], axis=0).T
    return {
        "wait_s": round(cost.wait_ms / 1000, 3),
        "wait_s_95": [round(float(ms) / 1000, 3) for ms in wait],
        "cut_ins": round(cost.cut_ins, 3),
        "cut_ins_95": [round(float(share), 3) for share in cuts],
    }


def auc(pauses: Sequence[Pause]) -> float:
    """Of smart-turn at 200 ms of silence: ends scored above holds."""
    scored = [pause for pause in pauses if pause.scores]
    ends = np.array([pause.scores[0] for pause in scored if pause.end])
    holds = np.array([pause.scores[0] for pause in scored if not pause.end])
    above: NDArray[np.bool_] = ends[:, None] > holds
    return round(float(above.mean() + (ends[:, None] == holds).mean() / 2), 3)


def measured(pauses: Sequence[Pause]) -> dict[str, Any]:
    """All figures of one set."""
    result: dict[str, Any] = {
        "ends": sum(pause.end for pause in pauses),
        "holds": sum(not pause.end for pause in pauses),
        "recordings": len({pause.recording for pause in pauses}),
        "auc_200_ms": auc(pauses),
    }
    for name, family in FAMILIES.items():
        waits = validated(pauses, family)
        result[name] = {
            f"at {target:.0%}": told(pauses, each) for target, each in waits.items()
        }
        print(name, result[name], flush=True)
    result["eagerness"] = {
        name: told(pauses, waits) for name, waits in at_points(pauses).items()
    }
    return result


def draw(result: dict[str, Any], path: Path) -> None:
    """Draw mean waits at both targets, with intervals and aims."""
    figure, axes = plt.subplots(1, 3, figsize=(14, 3.4), sharey=True)
    _draw_published(axes[2])
    for axis, (kind, aims) in zip(axes, AIMS_S.items(), strict=False):
        for at, name in enumerate(FAMILIES):
            for target, colour in zip(TARGETS, ("#3b6fb6", "#8fb3dd"), strict=True):
                row = result["sets"][kind][name][f"at {target:.0%}"]
                low, high = row["wait_s_95"]
                place = at + (0.2 if target == TARGETS[1] else -0.2)
                spread = [[row["wait_s"] - low], [high - row["wait_s"]]]
                label = f"{target:.0%} aimed at" if at == 0 else None
                axis.bar(
                    place, row["wait_s"], 0.38, yerr=spread, color=colour, label=label
                )
                note = f"{row['cut_ins']:.0%}"
                axis.text(place, 0.02, note, ha="center", fontsize=7, color="white")
        for target, style in zip(TARGETS, ("--", ":"), strict=True):
            axis.axhline(aims[target], color="#c0392b", ls=style, lw=1)
        axis.set_xticks(range(len(FAMILIES)), list(FAMILIES))
        axis.set_title(f"{kind}: holds cut as written in the bars", fontsize=9)
    axes[0].set_ylabel("mean dead air after a turn, s")
    axes[0].legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _draw_published(axis: Axes) -> None:
    for n, (shift, colour) in enumerate(((-0.2, "#777777"), (0.2, "#bbbbbb"))):
        waits = [each[n] for each in END_OF_TURN.values()]
        at = [place + shift for place in range(len(waits))]
        axis.bar(at, waits, 0.38, color=colour)
    axis.set_xticks(range(len(END_OF_TURN)), list(END_OF_TURN), fontsize=6.5)
    axis.set_title(
        "as published by livekit/eot-bench, English, its recordings", fontsize=9
    )


def main() -> None:
    """Measure, print, write."""
    import asyncio

    parser = argparse.ArgumentParser(description="Measure the ends of turns.")
    parser.add_argument("--pauses", type=Path, help="found before, by scripts.turns")
    parser.add_argument("--recogniser", default="whisper", help="whose words count")
    parser.add_argument("--plot", action="store_true", help="what was measured before")
    options = parser.parse_args()
    if options.plot:
        measured_before = json.loads((RESULTS / "turns.json").read_text())
        draw(measured_before, RESULTS / "turns.svg")
        return
    data = Path(os.environ.get("VOICESERVER_DATA", ROOT.parent / "shared" / "data"))
    if options.pauses:
        found = chosen(stored(options.pauses))
    else:
        found = asyncio.run(heard(chosen(find(data)), data, options.recogniser))
    single = [pause for pause in found if pause.kind != "talk"]
    result = {
        "machine": machine(),
        "words_by": options.recogniser,
        "sets": {"single": measured(single), "all": measured(found)},
    }
    write(RESULTS / "turns.json", result)
    draw(result, RESULTS / "turns.svg")


if __name__ == "__main__":
    main()
