"""What one GPU holds: parity, batches, graphs, and listeners until one hears a pause.

    python -m benchmarks.gpu [--device cuda] [--limit-s 420] [-o FILE]

One command of at most eight minutes, which needs torch, numpy and the voice that comes
along. Clauses are spoken alone and together, as they are and as captured graphs, and
must be the same speech; launches of 1 to 64 clauses are timed; then the schedule of the
voice's process has real launches of real clauses keep a growing number of listeners
supplied. ``benchmarks.scale_simulation`` reads the launches. On the processor
(``--device cpu``) it proves nothing but that it runs.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.figures import RESULTS, spread, write
from benchmarks.voice_gpu import TEXT, described, manners, timed
from voiceserver.engines.remote.schedule import Lane, Schedule, StepTimes
from voiceserver.voice.batch import BatchSpeaker, prepare
from voiceserver.voice.networks.features import HOP, SAMPLE_RATE
from voiceserver.voice.plan import plan_clause
from voiceserver.voice.speaker import load_voice, speak_whole
from voiceserver.voice.words.clause import Clause

ROOT = Path(__file__).resolve().parent.parent
BUCKETS = (1, 2, 4, 8, 16, 32, 64)
LISTENERS = (16, 64, 128, 256, 512, 1024, 1536, 2048)
LISTENED_S = 8.0
WITHIN_S = 0.110  # budget.speech_cap_ms
AHEAD_S = 0.8  # so much is made before it is played
PARITY_DB = {"float32": 50.0, "bfloat16": 15.0}  # of the difference, below the speech
AIMS = {"streams": 1000, "first_ms_p99_at_256": 60}


def below_db(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> float:
    """How far the difference lies below the first."""
    rest = np.sqrt(np.mean((one - other) ** 2)) / (np.sqrt(np.mean(one**2)) + 1e-12)
    return float(-20 * np.log10(rest + 1e-12))


def parity(speaker: BatchSpeaker, clauses: Sequence[Clause]) -> float:
    """The least that the difference to a clause alone lies below it, in dB."""
    some = list(clauses[:8])
    found = []
    for company in (some[:1], some):
        together = speaker.speak(company, manners(len(company)))
        each = zip(company, manners(len(company)), together, strict=True)
        for clause, manner, made in each:
            plan = plan_clause(speaker.model, clause, manner)
            alone = speak_whole(speaker.model, speaker.net, plan)
            found.append(below_db(alone, made))
    return round(min(found), 1)


def launches(
    speaker: BatchSpeaker, clause: Clause, buckets: Sequence[int], rounds: int
) -> list[dict[str, Any]]:
    """From phones to PCM on the host, by how many at once."""
    rows = []
    for size in buckets:
        clauses, how = [clause] * size, manners(size)
        _, counts = prepare(speaker.model, clauses, how)
        spent = timed(lambda c=clauses, h=how: speaker.speak(c, h), rounds)  # type: ignore[misc]
        batch, _ = prepare(speaker.model, clauses, how)
        alone = timed(lambda b=batch: speaker.run(b).cpu(), rounds)  # type: ignore[misc]
        audio_s = sum(counts) * HOP / SAMPLE_RATE
        rows.append(
            {
                "clauses": size,
                "ms": spent,
                "networks_ms": alone,
                "times_real_time": round(1000 * audio_s / spent["p50"], 1),
            }
        )
        print(rows[-1], flush=True)
    return rows


def listened(
    speaker: BatchSpeaker,
    clauses: Sequence[Clause],
    launch_s: dict[int, float],
    listeners: int,
    lasts_s: float = LISTENED_S,
) -> dict[str, Any]:
    """Speak clause after clause to so many, in real time, by the voice's schedule."""
    times = StepTimes({lane: dict(launch_s) for lane in Lane})
    schedule, rng = Schedule[int](times), random.Random(listeners)
    began_s = time.perf_counter()
    begins_s = [rng.uniform(0, lasts_s / 2) for _ in range(listeners)]
    until_s: dict[int, float] = {}  # audio is there until then
    waiting = set(range(listeners))
    asked_s: dict[int, float] = {}
    first_ms: list[float] = []
    refused = refills = 0
    while (now_s := time.perf_counter() - began_s) < lasts_s:
        for job in [j for j in waiting if _may(j, begins_s, until_s) <= now_s]:
            waiting.discard(job)
            if job in until_s:
                schedule.wants(job, Lane.REFILL, until_s[job])
            else:
                asked_s[job] = now_s
                schedule.wants(job, Lane.FIRST, now_s + WITHIN_S)
        refused += len(schedule.refused(now_s))
        launch = schedule.next(now_s)
        if launch is None:
            time.sleep(0.0005)
            continue
        said = [rng.choice(clauses) for _ in launch.jobs]
        padded = said + said[:1] * (launch.bucket - len(said))
        made = speaker.speak(padded, manners(len(padded)))
        done_s = time.perf_counter() - began_s
        schedule.done(launch, done_s - now_s)
        for job, wave in zip(launch.jobs, made, strict=False):
            if job in asked_s:
                first_ms.append(1000 * (done_s - asked_s.pop(job)))
            else:
                refills += 1
            audio_s = len(wave) / SAMPLE_RATE
            until_s[job] = max(until_s.get(job, done_s), done_s) + audio_s
            waiting.add(job)
    return {
        "listeners": listeners,
        "first_ms": spread(first_ms),
        "refused": refused,
        "late": schedule.late,
        "refills": refills,
    }


def _may(job: int, begins_s: Sequence[float], until_s: dict[int, float]) -> float:
    """When a listener's next step may be launched."""
    return until_s[job] - AHEAD_S if job in until_s else begins_s[job]


def measured(device: torch.device, models: Path, quick: bool, limit_s: float) -> Any:
    """Everything, as far as the time allows."""
    began_s = time.monotonic()
    voice = load_voice(models)
    model, net = voice.model.to(device), voice.net.to(device)
    clauses = voice.phonemiser.phonemise(TEXT)
    cuda, rounds = device.type == "cuda", 2 if quick else 30
    buckets = BUCKETS[:2] if quick else BUCKETS
    result: dict[str, Any] = {
        **described(device),
        "aims": AIMS,
        "runs": [],
        "listeners": [],
    }
    best: BatchSpeaker | None = None
    for half, graphs in ((False, False), (False, True), (True, False), (True, True)):
        if (graphs and not cuda) or (quick and half):
            continue
        speaker = BatchSpeaker(model, net, half=half, graphs=graphs)
        arithmetic = "bfloat16" if half else "float32"
        least_db = parity(speaker, clauses)
        rows = launches(speaker, clauses[0], buckets, rounds)
        run = {
            "arithmetic": arithmetic,
            "graphs": graphs,
            "parity_db": least_db,
            "same_speech": least_db >= PARITY_DB[arithmetic],
            "launches": rows,
        }
        result["runs"].append(run)
        if run["same_speech"]:
            best = speaker
            result["launch_s"] = {
                str(row["clauses"]): row["ms"]["p95"] / 1000 for row in rows
            }
    if best is None:
        return result
    launch_s = {int(size): s for size, s in result["launch_s"].items()}
    lasts_s = 1.0 if quick else LISTENED_S
    for count in LISTENERS[: 1 if quick else None]:
        if time.monotonic() - began_s + lasts_s > limit_s:
            result["cut_off"] = f"no time for {count} listeners"
            break
        row = listened(best, clauses, launch_s, count, lasts_s)
        result["listeners"].append(row)
        print(row, flush=True)
        if row["late"] or row["refused"]:
            break
    good = [r for r in result["listeners"] if not (r["late"] or r["refused"])]
    result["most_listeners"] = max((row["listeners"] for row in good), default=0)
    result["took_s"] = round(time.monotonic() - began_s, 1)
    return result


def main() -> int:
    """Measure and write; 1 if a way of computing gives other speech."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--device", default="cuda")
    add("--models", type=Path, default=ROOT / "models" / "voice")
    add("--quick", action="store_true", help="a few launches, one number of listeners")
    add("--limit-s", type=float, default=420.0, help="begin nothing new after it")
    add("-o", "--output", type=Path, help="default results/gpu_DEVICE.json")
    args = parser.parse_args()
    device = torch.device(args.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print("no GPU that torch can use; --device cpu shows that it runs")
        return 2
    result = measured(device, args.models, args.quick, args.limit_s)
    name = str(result["device"]).lower().replace(" ", "_")
    kind = "gpu" if device.type == "cuda" else "voice_batches"
    write(args.output or RESULTS / f"{kind}_{name}.json", result)
    return 0 if all(run["same_speech"] for run in result["runs"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
