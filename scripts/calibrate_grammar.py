"""Choose when the recogniser believes its grammar, and measure what that is worth.

``python -m scripts.calibrate_grammar`` reads the recordings of ``VOICESERVER_DATA``,
prints tables and writes ``benchmarks/results/grammar.json``. Limits are chosen on one
half of the recordings; the other half gives the reported rates. Also reports the word
error rate of dictation and what recognition costs. About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scripts.calibration_sets import (
    COFFEE,
    ROOT,
    Take,
    data_folder,
    decoys,
    grammar_with,
    order_is_right,
    pcm_of,
    takes,
)
from voiceserver.audio import MIC_RATE
from voiceserver.engines.sphinx.acceptance import (
    Limits,
    Phones,
    believable,
    fit,
    is_speech,
    phone_distance,
)
from voiceserver.engines.sphinx.decoder import DICTATION, load
from voiceserver.engines.sphinx.grammar import GrammarSearch
from voiceserver.engines.sphinx.search import Search, Word, find_model, text_of

PIECE = MIC_RATE * 40 // 1000  # audio reaches a recogniser in pieces of about 40 ms
GRAMMARS = ("first", "second", "coffee", "decoys")
FALSE_ACCEPT_COST = 3  # a wrong answer is worse than a question not recognised


@dataclass(slots=True)
class Trial:
    """One take against one grammar.

    Attributes:
        take: What was said.
        grammar: One of ``GRAMMARS``.
        half: 0 chooses the limits, 1 judges them.
        inside: The grammar holds what was said.
        sentence: What the grammar heard, "" if no whole sentence.
        right: The sentence is what was said.
        fit: Acoustic score per frame.
        distance: Phone distance from dictation.
        heard: What dictation heard.
        n_phones: Length of the sentence.
        is_speech: Dictation's words last as long as speech does.
    """

    take: str
    kind: str
    grammar: str
    half: int
    inside: bool
    sentence: str = ""
    right: bool = False
    fit: float = -99.0
    distance: float = 1.0
    heard: str = ""
    is_speech: bool = False
    n_phones: int = 0


@dataclass(slots=True)
class Cost:
    """CPU time of one search, over many takes."""

    audio_s: float = 0.0
    pieces_ms: list[float] = field(default_factory=list)
    finish_ms: list[float] = field(default_factory=list)

    def add(self, other: Cost) -> None:
        """Take in another's."""
        self.audio_s += other.audio_s
        self.pieces_ms += other.pieces_ms
        self.finish_ms += other.finish_ms


def run(search: Search, pcm: NDArray[np.int16], cost: Cost) -> tuple[Word, ...]:
    """Recognise one take piece by piece."""
    search.start()
    for at in range(0, len(pcm), PIECE):
        begun = time.process_time()
        search.push(pcm[at : at + PIECE])
        cost.pieces_ms.append(1e3 * (time.process_time() - begun))
    begun = time.process_time()
    search.finish()
    words = search.words()
    cost.finish_ms.append(1e3 * (time.process_time() - begun))
    cost.audio_s += len(pcm) / MIC_RATE
    return words


def grammars_for(found: list[Take]) -> dict[str, str]:
    """The four grammars; sentences go to the first and second in turn."""
    texts = [take.text for take in found if take.text and len(take.text.split()) < 21]
    return {
        "first": grammar_with(texts[0::2]),
        "second": grammar_with(texts[1::2]),
        "coffee": COFFEE,
        "decoys": grammar_with(decoys(texts)),
    }


def halves(found: list[Take]) -> list[int]:
    """Half of each take: pairs of a kind in turn, so that each has all grammars."""
    seen: dict[str, int] = defaultdict(int)
    result = []
    for take in found:
        result.append(seen[take.kind] // 2 % 2)
        seen[take.kind] += 1
    return result


def trials_of(
    folder: Path, found: list[Take], share: int, jobs: int
) -> tuple[list[Trial], dict[str, Cost]]:
    """Recognise every ``jobs``-th take with dictation and the grammars it bears on."""
    model = find_model("")
    dictation = Search(model, DICTATION, language=True)
    texts = grammars_for(found)
    searches = {name: GrammarSearch(model, text) for name, text in texts.items()}
    costs = {"dictation": Cost(), "grammar": Cost()}
    trials: list[Trial] = []
    mine = list(zip(found, halves(found), strict=True))[share::jobs]
    for done, (take, half) in enumerate(mine):
        print(f"{share}: {done}/{len(mine)} {take.name}", file=sys.stderr)
        pcm = pcm_of(folder, take)
        heard = run(dictation, pcm, costs["dictation"])
        for name in GRAMMARS if take.text else ("first", "coffee"):
            grammar = searches[name]
            inside = _inside(grammar, take, name)
            trial = Trial(take.name, take.kind, name, half, inside)
            path = run(grammar.search, pcm, costs["grammar"])
            if grammar.is_sentence(path):
                trial.sentence, trial.fit = text_of(path), fit(path)
                phones = _phones(dictation, grammar.search)
                trial.distance = phone_distance(path, heard, phones)
                trial.n_phones = sum(len(phones(word.text)) for word in path)
                trial.right = inside and _right(take, trial.sentence)
            trial.heard = text_of(heard)
            trial.is_speech = is_speech(heard, _phones(dictation, grammar.search))
            trials.append(trial)
    return trials, costs


def all_trials(
    folder: Path, found: list[Take], jobs: int
) -> tuple[list[Trial], dict[str, Cost]]:
    """Share the takes among processes."""
    spawn = multiprocessing.get_context("spawn")
    costs = {"dictation": Cost(), "grammar": Cost()}
    trials: list[Trial] = []
    with ProcessPoolExecutor(jobs, mp_context=spawn) as pool:
        shares = [
            pool.submit(trials_of, folder, found, share, jobs) for share in range(jobs)
        ]
        for share in shares:
            some, spent = share.result()
            trials += some
            for name, cost in spent.items():
                costs[name].add(cost)
    return trials, costs


def _inside(grammar: GrammarSearch, take: Take, name: str) -> bool:
    if take.kind == "barista":
        return name == "coffee"
    return bool(take.text) and bool(grammar.allows(take.text))


def _right(take: Take, sentence: str) -> bool:
    if take.kind == "barista":
        return order_is_right(take, sentence)
    return sentence == take.text


def _phones(dictation: Search, grammar: Search) -> Phones:
    def phones(word: str) -> Sequence[str]:
        return dictation.phones(word) or grammar.phones(word)

    return phones


def rates(trials: list[Trial], limits: Limits) -> dict[str, float | int]:
    """False accepts and rejects at some limits.

    A wrong sentence accepted is a false accept, whether or not the right one was in
    the grammar; a false reject is any take inside that did not come out right.
    """
    accepted = [
        trial
        for trial in trials
        if trial.sentence
        and trial.is_speech
        and believable(trial.fit, trial.distance, trial.n_phones, limits)
    ]
    inside = [trial for trial in trials if trial.inside]
    outside = len(trials) - len(inside)
    wrong_inside = sum(trial.inside and not trial.right for trial in accepted)
    wrong_outside = sum(not trial.inside for trial in accepted)
    right = sum(trial.right for trial in accepted)
    return {
        "inside": len(inside),
        "outside": outside,
        "false_accept": wrong_outside,
        "false_accept_rate": round(wrong_outside / max(1, outside), 4),
        "wrong_sentence": wrong_inside,
        "false_reject": len(inside) - right - wrong_inside,
        "right": right,
        "right_rate": round(right / max(1, len(inside)), 4),
    }


def choose(trials: list[Trial]) -> Limits:
    """Limits of least cost; of equal ones the middle, for the widest margin."""
    best: list[tuple[float, float]] = []
    least = float("inf")
    fits = np.round(np.arange(-9, -2.9, 0.1), 1)
    distances = np.round(np.arange(0.2, 1.01, 0.05), 2)
    for least_fit, most in product(fits, distances):
        rate = rates(trials, Limits(float(least_fit), float(most)))
        wrong = rate["false_accept"] + rate["wrong_sentence"]
        cost = FALSE_ACCEPT_COST * wrong + rate["false_reject"]
        if cost < least:
            best, least = [], cost
        if cost == least:
            best.append((float(least_fit), float(most)))
    middle = np.median(np.array(best), axis=0)
    return Limits(round(float(middle[0]), 2), round(float(middle[1]), 2))


def word_errors(pairs: list[tuple[str, str]]) -> dict[str, float | int]:
    """Word error rate over pairs of reference and hypothesis."""
    errors = words = 0
    for reference, heard in pairs:
        errors += _edits(reference.split(), heard.split())
        words += len(reference.split())
    return {"words": words, "errors": errors, "wer": round(errors / max(1, words), 4)}


def _edits(first: list[str], second: list[str]) -> int:
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            cost = diagonal + (a != b)
            diagonal = row[j]
            row[j] = min(cost, row[j] + 1, row[j - 1] + 1)
    return row[-1]


def dictation_report(found: list[Take], trials: list[Trial]) -> dict[str, object]:
    """Word error rate by kind of recording."""
    heard = {trial.take: trial.heard for trial in trials}
    report: dict[str, object] = {}
    for kind in ("command", "read", "kathleen"):
        pairs = [(t.text, heard[t.name]) for t in found if t.kind == kind]
        report[kind] = word_errors(pairs)
    report["all"] = word_errors([(t.text, heard[t.name]) for t in found if t.text])
    return report


def speech_report(trials: list[Trial]) -> dict[str, dict[str, int]]:
    """Takes in which dictation heard words, and those left after the speech rule."""
    report: dict[str, dict[str, int]] = {}
    for kind in dict.fromkeys(trial.kind for trial in trials):
        takes_of_kind = [t for t in trials if t.kind == kind and t.grammar == "first"]
        report[kind] = {
            "takes": len(takes_of_kind),
            "with_words": sum(bool(trial.heard) for trial in takes_of_kind),
            "kept": sum(t.is_speech and bool(t.heard) for t in takes_of_kind),
        }
    return report


def cost_report(costs: dict[str, Cost]) -> dict[str, object]:
    """CPU of each search: real-time factor, pieces and finish in ms."""

    def percentiles(values: list[float], *at: int) -> dict[str, float]:
        found = np.percentile(values, at)
        pairs = zip(at, found, strict=True)
        return {f"p{p}": round(float(value), 2) for p, value in pairs}

    return {
        name: {
            "cpu_rtf": round(
                (sum(cost.pieces_ms) + sum(cost.finish_ms)) / cost.audio_s / 1e3, 4
            ),
            "piece_40ms_cpu_ms": percentiles(cost.pieces_ms, 50, 95, 99),
            "finish_cpu_ms": percentiles(cost.finish_ms, 50, 95),
        }
        for name, cost in costs.items()
    }


def process_report(folder: Path, found: list[Take]) -> dict[str, object]:
    """What a recogniser process costs: memory, and finish of both searches together."""
    decoder = load({"grammar": grammar_with([])})
    finish: list[float] = []
    partial: list[float] = []
    for take in [take for take in found if take.kind in ("command", "barista")][:30]:
        pcm = pcm_of(folder, take)
        decoder.start()
        for at in range(0, len(pcm), PIECE):
            decoder.push(pcm[at : at + PIECE])
            begun = time.process_time()
            decoder.partial()
            partial.append(1e3 * (time.process_time() - begun))
        begun = time.process_time()
        decoder.finish()
        finish.append(1e3 * (time.process_time() - begun))
    return {
        "finish_cpu_ms": dict(
            zip(("p50", "p95"), np.percentile(finish, [50, 95]).round(2), strict=True)
        ),
        "partial_cpu_ms": dict(
            zip(("p50", "p99"), np.percentile(partial, [50, 99]).round(2), strict=True)
        ),
        "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def main() -> None:
    """Run the calibration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kathleen", type=int, default=40, help="sentences")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--barista", type=int, default=52, help="orders")
    parser.add_argument("--trials", type=Path, help="write every trial to this file")
    results = ROOT / "benchmarks" / "results" / "grammar.json"
    parser.add_argument("-o", "--output", type=Path, default=results)
    args = parser.parse_args()
    folder = data_folder()
    found = takes(folder, args.kathleen, args.barista)
    trials, costs = all_trials(folder, found, args.jobs)
    if args.trials:
        args.trials.write_text(json.dumps([asdict(trial) for trial in trials]))
    judged = [trial for trial in trials if trial.grammar != "decoys"]
    chosen = choose([trial for trial in judged if trial.half == 0])
    shipped = Limits()
    report: dict[str, object] = {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "load_average": round(os.getloadavg()[0], 2),
        "pocketsphinx": version("pocketsphinx"),
        "chosen": {"fit": chosen.fit, "distance": chosen.distance},
        "shipped": {"fit": shipped.fit, "distance": shipped.distance},
        "dictation": dictation_report(found, trials),
        "cost": cost_report(costs),
        "process": process_report(folder, found),
    }
    table: dict[str, dict[str, float | int]] = {}
    for name in GRAMMARS:
        for half in (0, 1):
            subset = [t for t in trials if t.grammar == name and t.half == half]
            table[f"{name}, half {half}"] = rates(subset, shipped)
    table["all, half 1"] = rates([t for t in judged if t.half == 1], shipped)
    table["all, half 1, chosen"] = rates([t for t in judged if t.half == 1], chosen)
    report["acceptance"] = table
    report["heard as speech"] = speech_report(trials)
    for name, row in table.items():
        print(f"{name:22}", "  ".join(f"{key} {value}" for key, value in row.items()))
    print(json.dumps({k: v for k, v in report.items() if k != "acceptance"}, indent=1))
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
