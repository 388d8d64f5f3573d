"""What the gate before the commit point is worth, and what it costs a turn.

``python -m benchmarks.gate`` judges the recorded answers of small models
(``benchmarks/recorded``, made by ``benchmarks.gate_record``) as a server would:
calibration error before and after, AUC, the wrong answers caught by asking a stronger
model for the least sure quarter, and right answers for the money against always asking
the cheap or the strong one. The strong one is an assumption (right in ``STRONG_RIGHT``
of the answers, drawn by question), and for each two recorded models the one that is
more often right, as it answered; prices are the example's. Every chance is of a map
that did not see the answer. What a gate costs a turn is simulated in virtual time: a
provider of 10 ms a token, and strong ones with faults.
Writes ``benchmarks/results/gate.json`` and ``gate.svg``.
"""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, write
from benchmarks.gate_record import RECORDED
from benchmarks.processes import machine
from tests.reply.test_gated_turns import STRONG, gated
from voiceserver.engines.gate.calibration import calibration_error
from voiceserver.engines.gate.confidence import Beginning, raw
from voiceserver.engines.gate.measured import Checked, Worth, measured, unseen

QUARTER = 0.25
DRAWS = 1000
STRONG_RIGHT = 0.95
# USD per million tokens in and out: examples/routing/voiceserver.toml.
CHEAP_USD, STRONG_USD = (0.05, 0.20), (2.0, 8.0)
SHARES = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
TOKEN_S = 0.01
# Its first clause ends early, so that the gate waits as long as it ever does.
TOKENS = tuple("Yes, |it |is |open, |until |nine |this |evening, |as |ever.".split("|"))


@dataclass(frozen=True, slots=True)
class Answer:
    """A recorded answer, and what is assumed or recorded of the strong model's.

    Attributes:
        chance: Of being right, by a map that did not see it.
        right: Whether it is.
        strong_right: Whether the strong model's would be.
        cheap_usd: What it cost.
        strong_usd: What the strong model's would.
    """

    chance: float
    right: bool
    strong_right: bool
    cheap_usd: float
    strong_usd: float


def recorded(path: Path) -> tuple[str, list[dict[str, Any]]]:
    """The model's name, and its answers."""
    content = json.loads(path.read_text("utf-8"))
    return content["model"], content["answers"]


def checked(rows: Sequence[dict[str, Any]]) -> list[Checked]:
    """The recorded answers, as ``calibrate`` has them."""
    return [
        Checked(
            Beginning(row["begins"], row["question"], tuple(row["logprobs"])),
            row["right"],
        )
        for row in rows
    ]


def assumed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What a strong model might have answered: as long, and right in most."""
    rng = random.Random(16)
    return [row | {"right": rng.random() < STRONG_RIGHT} for row in rows]


def answers(
    rows: Sequence[dict[str, Any]], strong: Sequence[dict[str, Any]]
) -> list[Answer]:
    """Each with its chance and both prices.

    Args:
        rows: The cheap model's answers.
        strong: The strong one's to the same questions.
    """
    found = checked(rows)
    raws = [raw(each.beginning) for each in found]
    chances = unseen(raws, [each.right for each in found])
    return [
        Answer(
            chance,
            row["right"],
            other["right"],
            _usd(CHEAP_USD, row),
            _usd(STRONG_USD, other),
        )
        for chance, row, other in zip(chances, rows, strong, strict=True)
    ]


def both(
    one: Sequence[dict[str, Any]], other: Sequence[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The answers of two models to the questions that both were asked."""
    of = {row["question"]: row for row in other}
    same = [row for row in one if row["question"] in of]
    return same, [of[row["question"]] for row in same]


def _usd(prices: tuple[float, float], row: dict[str, Any]) -> float:
    return float(prices[0] * row["tokens_in"] + prices[1] * row["tokens_out"]) / 1e6


def caught(some: Sequence[Answer], share: float = QUARTER) -> float | None:
    """Share of wrong answers among the least sure; None where none is wrong."""
    wrong = [each for each in some if not each.right]
    least = sorted(some, key=lambda each: each.chance)[: round(share * len(some))]
    return sum(not each.right for each in least) / len(wrong) if wrong else None


def bought(some: Sequence[Answer], share: float) -> tuple[float, float]:
    """Right answers and money, of all, where the least sure share escalates."""
    order = sorted(some, key=lambda each: each.chance)
    n = round(share * len(order))
    right = sum(each.strong_right for each in order[:n])
    right += sum(each.right for each in order[n:])
    usd = sum(each.cheap_usd for each in order)
    usd += sum(each.strong_usd for each in order[:n])
    return right / len(order), usd / len(order)


def above_the_line(some: Sequence[Answer], share: float) -> float:
    """How much more often right than a mix of always-cheap and always-strong.

    For the same money: each request drawn to go to one or the other.
    """
    right, usd = bought(some, share)
    cheap = sum(each.right for each in some) / len(some)
    strong = sum(each.strong_right for each in some) / len(some)
    low = sum(each.cheap_usd for each in some) / len(some)
    high = sum(each.strong_usd for each in some) / len(some)
    at = (usd - low) / (high - low)
    return right - cheap - (strong - cheap) * at


def interval(values: Sequence[float]) -> list[float]:
    """The middle 95 % of drawn values."""
    order = sorted(values)
    cut = len(order) // 40
    return [round(order[cut], 3), round(order[-1 - cut], 3)]


def worth(rows: Sequence[dict[str, Any]], draws: int = DRAWS) -> dict[str, Any]:
    """All that is said of recorded answers, with intervals by drawing them anew."""
    some = answers(rows, assumed(rows))
    _, of_map = measured(checked(rows))
    drawn = anew(some, draws)
    found = caught(some) or 0.0
    catches = [each for one in drawn if (each := caught(one)) is not None]
    wrong = sum(not each.right for each in some) / len(some)
    ece = [
        calibration_error([a.chance for a in one], [a.right for a in one])
        for one in drawn
    ]
    return {
        "answers": len(some),
        "right": round(1 - wrong, 3),
        **_of_map(of_map),
        "ece_after_95": interval(ece),
        "caught_at_a_quarter": round(found, 3),
        "caught_95": interval(catches),
        "times_chance": round(found / QUARTER, 2),
        # All of the quarter wrong: more cannot be caught, however good the gate.
        "times_chance_at_most": round(min(1.0, QUARTER / wrong) / QUARTER, 2),
        "caught_of_the_most": round(found / min(1.0, QUARTER / wrong), 3),
        "reliability": [[round(each, 3) for each in one] for one in of_map.reliability],
        "for_the_money": [_money(some, drawn, share) for share in SHARES],
    }


def anew(some: Sequence[Answer], draws: int = DRAWS) -> list[list[Answer]]:
    """The answers drawn again, with replacement, so many times."""
    rng = random.Random(1)
    return [[rng.choice(some) for _ in some] for _ in range(draws)]


def pair(
    cheap: Sequence[dict[str, Any]],
    strong: Sequence[dict[str, Any]],
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Right answers for the money where both tiers are models that were recorded."""
    some = answers(*both(cheap, strong))
    drawn = anew(some, draws)
    return {
        "answers": len(some),
        "cheap_right": round(sum(each.right for each in some) / len(some), 3),
        "strong_right": round(sum(each.strong_right for each in some) / len(some), 3),
        "for_the_money": [_money(some, drawn, share) for share in SHARES],
    }


def _of_map(of_map: Worth) -> dict[str, Any]:
    return {
        "auc": None if of_map.auc is None else round(of_map.auc, 3),
        "auc_95": [round(each, 3) for each in of_map.auc_95 or ()],
        "ece_before": None
        if of_map.ece_before is None
        else round(of_map.ece_before, 3),
        "ece_after": round(of_map.ece_after, 3),
    }


def _money(
    some: Sequence[Answer], drawn: Sequence[Sequence[Answer]], share: float
) -> dict[str, Any]:
    right, usd = bought(some, share)
    return {
        "escalated": share,
        "right": round(right, 3),
        "usd_a_thousand": round(1000 * usd, 4),
        "right_per_usd": round(right / usd),
        "above_the_line": round(above_the_line(some, share), 3),
        "above_95": interval([above_the_line(one, share) for one in drawn]),
    }


def turns() -> dict[str, Any]:
    """What a turn waits for the gate, and when anything sounds, in virtual time."""
    added = {}
    for name, speculations in (("held", 3), ("without", 0)):
        first_ms = []
        for has_gate in (True, False):
            talk = gated("ok", -0.05, speculations)
            cheap = talk.transport.services["a"]
            cheap.gap_s, cheap.deltas = TOKEN_S, TOKENS
            if not has_gate:
                talk.chain._gate = None
            [record] = talk.talk()
            assert record.first_audio_ms is not None
            first_ms.append(record.first_audio_ms)
        added[name] = round(first_ms[0] - first_ms[1], 1)
    any_ms = {}
    for strong in STRONG:
        for speculations in (0, 3):
            [record] = gated(strong, -2.9, speculations).talk()
            assert record.any_audio_ms is not None
            name = f"{strong}, {'guesses' if speculations else 'no guesses'}"
            any_ms[name] = round(record.any_audio_ms, 1)
    return {
        "token_ms": 1000 * TOKEN_S,
        "added_to_first_audio_ms": added,
        "any_audio_ms": any_ms,
        "any_audio_worst_ms": max(any_ms.values()),
    }


def plot(result: dict[str, Any], path: Path) -> None:
    """Reliability of the maps, and right answers against money."""
    panels = [
        (
            f"{_short(model)}, and a strong one\nright in {STRONG_RIGHT:.0%} (assumed)",
            of,
        )
        for model, of in result["recorded"].items()
    ]
    for names, of in result["pairs"].items():
        cheap, strong = map(_short, names.split(" and "))
        panels.append((f"{cheap}, and {strong}\nas it answered", of))
    n_plots = 1 + len(panels)
    figure, (left, *rest) = plt.subplots(1, n_plots, figsize=(4.2 * n_plots, 3.8))
    for model, of in result["recorded"].items():
        chance, share, n = zip(*of["reliability"], strict=True)
        size = [400 * each / of["answers"] for each in n]
        name = f"{_short(model)}: ECE {of['ece_after']:.3f}"
        left.scatter(chance, share, size, alpha=0.6, label=name)
    left.plot([0, 1], [0, 1], color="#999999", lw=0.8)
    left.set(xlabel="chance of being right, by the map", ylabel="share right")
    for handle in left.legend(fontsize=7, loc="upper left").legend_handles:
        handle.set_sizes([30])
    for axis, (title, of) in zip(rest, panels, strict=True):
        _money_plot(axis, of["for_the_money"])
        axis.set_title(title, fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def _short(model: str) -> str:
    """Its name without what was done to it."""
    return model.partition("-Instruct")[0]


def _money_plot(axis: Any, rows: Sequence[dict[str, Any]]) -> None:
    """Right answers against money, and the line between cheap and strong."""
    x = [row["usd_a_thousand"] for row in rows]
    line = [row["right"] - row["above_the_line"] for row in rows]
    low = [b + row["above_95"][0] for b, row in zip(line, rows, strict=True)]
    high = [b + row["above_95"][1] for b, row in zip(line, rows, strict=True)]
    axis.fill_between(x, low, high, alpha=0.2, color="#3b6fb6")
    axis.plot(x, [row["right"] for row in rows], "o-", color="#3b6fb6", label="gate")
    axis.plot(x, line, color="#999999", ls="--", label="drawn by lot, same money")
    axis.set(xlabel="USD a thousand answers", ylabel="share right")
    axis.legend(fontsize=8)


def main() -> None:
    """Judge, simulate, write, draw."""
    result: dict[str, Any] = {"machine": machine(), "turns": turns()}
    result["strong_right_assumed"] = STRONG_RIGHT
    found = dict(recorded(path) for path in sorted(RECORDED.glob("*.json")))
    result["recorded"] = {model: worth(rows) for model, rows in found.items()}
    rising = sorted(found, key=lambda model: float(result["recorded"][model]["right"]))
    result["pairs"] = {
        f"{cheap} and {strong}": pair(found[cheap], found[strong])
        for cheap, strong in itertools.combinations(rising, 2)
    }
    print(json.dumps({k: v for k, v in result.items() if k != "machine"}, indent=1))
    write(RESULTS / "gate.json", result)
    if result["recorded"]:
        plot(result, RESULTS / "gate.svg")


if __name__ == "__main__":
    main()
