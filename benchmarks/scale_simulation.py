"""How many calls on what: a host, then a thousand, through a day in virtual time.

What was measured (``benchmarks/results``) says what a call costs; the server's own
admission, overload, breaker, router, recogniser's pace and voice's schedule say what
becomes of it. First the model is held against measured runs, and each figure says
whether it is within ten percent; then it is asked about hosts that are not here.

    python -m benchmarks.scale_simulation [--quick] [--core-usd-hour 0.05]

Writes ``results/scale_simulation.json`` and a plot; docs/scale.md reads them.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import scale_fleet, scale_turns
from benchmarks.drawing import plt
from benchmarks.figures import RESULTS, write
from benchmarks.processes import machine
from benchmarks.scale_host import (
    LoopCost,
    Speaking,
    Voiced,
    final_waits_ms,
    fitted,
    launches,
    loop_run,
    quantiles,
    reply_ms,
    voiced,
)
from voiceserver.engines.remote.schedule import StepTimes
from voiceserver.engines.whisper.pace import BUSY_SHARE, capacity
from voiceserver.overload import Load

WITHIN = 0.10
FITTED_AT = (1, 16, 40)  # calls of ``admission.json``; the other steps are predicted
BESIDE_MS = -1.5  # of a reply, what is left of phases and waits; by the median of runs
ROOM = 0.8  # of cores: what was in use at the last good step of ``admission.json``
SPEAKS = 0.21  # share of a call in which its caller speaks: 3.15 s of 15
ONE_SPEAKER = 0.35  # of hearing_pace's, who speak again after 1 to 2 s, is one call
DECODE_S = {1.0: 0.11, 2.5: 0.27}  # two seconds of speech by whisper-base, hearing_pace
SLOWNESS = {True: 1.0, False: 2.5}  # a core with AVX512-VNNI, and one without
LOOKED_AT_S = 30.0
MOST_VOICED = 1024  # calls of one voice; beyond them nobody looks
LATE = 0.001  # of a voice's steps
PEAKS = (100, 1_000, 10_000, 100_000)
SPARE = 1.08
LOADS = (0.25, 0.5, 0.75, 0.9, 1.0, 1.15, 1.3, 1.5)
GPU_USD_HOUR = 2.50  # docs/models.md
HEARD_USD = 0.06  # a minute, docs/models.md
# Nobody has measured a GPU here: launches of 1.5 ms that cost little more for many, as
# arithmetic has it. ``benchmarks.gpu`` replaces them.
ASSUMED_GPU_S = {1: 0.0015, 2: 0.0016, 4: 0.0017, 8: 0.002, 16: 0.0025, 32: 0.0035}
ASSUMED_GPU_S[64] = 0.006

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of host.

    Attributes:
        name: As it is told.
        cores: That it has.
        vnni: Whether they multiply bytes at once, which halves what Whisper costs.
        gpu: Whether one speaks for all its calls.
    """

    name: str
    cores: int
    vnni: bool = True
    gpu: bool = False


KINDS = (
    Kind("2 cores, no VNNI", 2, vnni=False),
    Kind("4 cores", 4),
    Kind("16 cores, no VNNI", 16, vnni=False),
    Kind("16 cores", 16),
    Kind("16 cores and a GPU", 16, gpu=True),
)


def read(name: str) -> Any:
    """A result that was measured."""
    return json.loads((RESULTS / f"{name}.json").read_text())


@dataclass(frozen=True, slots=True)
class Costs:
    """What was measured, as the model takes it.

    Attributes:
        loop: Of event loops.
        first_s: A CPU core's launch of a phrase's first step.
        refill_s: Of any other.
        gpu_s: A GPU's launches, by bucket.
        measured_gpu: Whether they were measured.
    """

    loop: LoopCost
    first_s: float
    refill_s: float
    gpu_s: dict[int, float]
    measured_gpu: bool = False

    def voice(self, by: float = 1.0) -> StepTimes:
        """A CPU core's voice, so many times slower."""
        return launches({1: self.first_s}, {1: self.refill_s}, by)

    def gpu(self) -> StepTimes:
        """A GPU's voice."""
        return launches(self.gpu_s, self.gpu_s)


def costs() -> Costs:
    """Read them."""
    steps = read("admission")["steps"]
    at = [(one["calls"], one["server_cores"]) for one in steps]
    neural = read("voice_speed")["neural"]
    first_s = neural["first_audio_ms"]["p50"] / 1000
    refill_s = neural["paced_minute_one_core_s"]["p50"] / 60 * Speaking().chunk_s
    found = sorted(RESULTS.glob("gpu_*.json"))
    launches = read(found[-1].stem).get("launch_s") if found else None
    gpu_s = {int(b): s for b, s in (launches or ASSUMED_GPU_S).items()}
    return Costs(
        fitted([one for one in at if one[0] in FITTED_AT], 2),
        first_s,
        refill_s,
        gpu_s,
        launches is not None,
    )


def compared(
    what: str, at: int, measured: float, model: float, held_out: bool = True
) -> dict[str, Any]:
    """A figure of a measured run beside the model's."""
    error = model / measured - 1
    return {
        "what": what,
        "calls": at,
        "measured": round(measured, 3),
        "model": round(model, 3),
        "error_percent": round(100 * error, 1),
        "within": abs(error) <= WITHIN,
        "held_out": held_out,
    }


def reproduced(cost: Costs) -> list[dict[str, Any]]:
    """Measured runs, and what the model makes of them."""
    rows = []
    for step in read("admission")["steps"]:
        calls, model = step["calls"], cost.loop.over(2, step["calls"])
        held_out = calls not in FITTED_AT
        took = step["server_cores"]
        rows.append(compared("admission: cores", calls, took, model, held_out))
    result = read("conversation")
    for run in result["runs"]:
        calls = run["calls"]
        model_ms = quantiles(reply_ms(loop_run(calls, cost.loop), BESIDE_MS))
        for name, ms in model_ms.items():
            whole_ms = run["reply_ms"][name]
            what = f"conversation: reply {name}"
            rows.append(compared(what, calls, whole_ms, ms + result["silence_ms"]))
            after_ms = run["reply_after_silence_ms"][name]
            what = f"conversation: after the silence {name}"
            rows.append(compared(what, calls, after_ms, ms))
        took = calls * run["cpu_s_per_call_s"]
        model = cost.loop.cores(calls)
        rows.append(compared("conversation: cores", calls, took, model))
    streams = read("voice_speed")["neural"]["streams_two_cores"]
    model = 2 * most_streams(cost.voice())
    rows.append(compared("voice: streams on two cores", streams, streams, model))
    return rows + two_hosts(read("hosts_calls"))


def two_hosts(run: dict[str, Any]) -> list[dict[str, Any]]:
    """A run of two hosts beside what its runs of one say of two.

    A host is as full as one was with the calls that it just held: so much of its core
    was taken by it, by its node of Ray and by half of all callers.
    """
    steps = run["one"]["steps"]

    def law(of: str) -> LoopCost:
        return fitted([(step["calls"], step["calls"] * step[of]) for step in steps])

    host, callers = law("hosts_cpu_s"), law("callers_cpu_s")
    ray = float(np.mean([step["ray_cores"] for step in steps]))

    def taken(calls: float) -> float:
        return host.cores(calls) + callers.cores(calls) + ray

    held, full = run["two"]["calls_held"], taken(run["one"]["calls_held"])
    each = max(n / 10 for n in range(1_000) if taken(n / 10) <= full)
    rows = [compared("two hosts: calls held", round(held), held, 2 * each)]
    for step in run["two"]["steps"]:
        took = step["calls"] * step["hosts_cpu_s"]
        model = host.over(2, step["calls"])
        rows.append(compared("two hosts: cores", step["calls"], took, model))
    return rows


def most_streams(times: StepTimes) -> int:
    """Listeners who are spoken to without a pause, and never wait."""
    how = Speaking(every_s=10, lasts_s=10, within_s=1.0)
    tried = range(2, 41, 2)
    return max((n for n in tried if not voiced(n, times, how).late), default=0)


@dataclass(frozen=True, slots=True)
class Parts:
    """How many calls each part of a kind of host holds, in so many workers.

    Attributes:
        workers: Processes with calls.
        holds: Calls by part.
        cores: In use, with as many as the least of them.
    """

    workers: int
    holds: dict[str, int]
    cores: float

    @property
    def most(self) -> int:
        """Calls of the host."""
        return min(self.holds.values())

    @property
    def first_full(self) -> str:
        """The part that is full first."""
        return min(self.holds, key=lambda part: self.holds[part])


def most_voiced(times: StepTimes) -> int:
    """Calls for which one voice speaks in time."""

    def good(it: Voiced) -> bool:
        return it.refused <= LATE and it.late <= LATE

    low, high = 1, MOST_VOICED
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        if good(voiced(middle, times, Speaking(), LOOKED_AT_S)):
            low = middle
        else:
            high = middle
    return low


def parts(kind: Kind, cost: Costs, workers: int, voice: dict[bool, int]) -> Parts:
    """What a kind of host holds."""
    at_ease = capacity(DECODE_S[SLOWNESS[kind.vnni]])
    holds = {
        "event loops": workers * cost.loop.most(ROOM),
        "recognisers": round(workers * at_ease / SPEAKS),
        "voice": voice[True] if kind.gpu else workers * voice[False],
    }
    fits = range(1, 10_000)
    in_use = partial(cores_in_use, kind, cost, workers)
    holds["cores"] = next(n for n in fits if in_use(n + 1) > ROOM * kind.cores)
    return Parts(workers, holds, round(in_use(min(holds.values())), 2))


def cores_in_use(kind: Kind, cost: Costs, workers: int, calls: int) -> float:
    """Of a host with so many calls."""
    at_ease = capacity(DECODE_S[SLOWNESS[kind.vnni]])
    ear = BUSY_SHARE * SPEAKS / at_ease  # who speaks, of those a core hears at ease
    how = Speaking()
    steps = 1 + (how.lasts_s - how.first_s) / how.chunk_s
    mouth = (cost.first_s + (steps - 1) * cost.refill_s) / how.every_s
    return cost.loop.over(workers, calls) + calls * (ear + mouth * (not kind.gpu))


def stages_at(kind: Kind, cost: Costs, workers: int, calls: int) -> scale_turns.Stages:
    """What a host's stages take with so many calls."""
    each = max(1, round(calls / workers))
    # Past the last core everything takes its turn on it, and so takes longer.
    by = max(1.0, round(cores_in_use(kind, cost, workers, calls) / kind.cores, 1))
    run = loop_run(each, cost.loop.slower(by))
    speakers = max(1, min(24, round(ONE_SPEAKER * each)))
    times, spoken_to = (cost.gpu(), calls) if kind.gpu else (cost.voice(by), each)
    spoken = voiced(spoken_to, times, Speaking(), LOOKED_AT_S)
    rng = np.random.default_rng(6)
    return scale_turns.Stages(
        final_waits_ms(speakers, by * SLOWNESS[kind.vnni]),
        spoken.first_ms,
        1000 * rng.choice(run.waits_s, (2, 2000)).sum(0),
    )


def host(
    kind: Kind, cost: Costs, voice: dict[bool, int], quick: bool
) -> dict[str, Any]:
    """All about one kind: workers, what is full first, and the budget by load."""
    tried = range(1, kind.cores + 1)
    by_workers = [parts(kind, cost, workers, voice) for workers in tried]
    usual = max(1, kind.cores // 4)
    best = max(by_workers, key=lambda one: (one.most, -one.workers))
    loads = []
    for load in LOADS[:: 3 if quick else 1]:
        calls = max(1, round(load * best.most))
        stages = stages_at(kind, cost, best.workers, calls)
        each = max(1, round(calls / best.workers))
        by = max(1.0, cores_in_use(kind, cost, best.workers, calls) / kind.cores)
        level = loop_run(each, cost.loop.slower(by)).level
        row = scale_turns.attained(stages, 400 if quick else 1500)
        loads.append({"calls": calls, "refuses": level is Load.FULL, **row})
    return {
        "kind": kind.name,
        "cores": kind.cores,
        "measured": not kind.gpu or cost.measured_gpu,
        "usual": _of(by_workers[usual - 1]),
        "best": _of(best),
        "by_load": loads,
    }


def _of(one: Parts) -> dict[str, Any]:
    return {
        "workers": one.workers,
        "calls": one.most,
        "first_full": one.first_full,
        "holds": one.holds,
        "cores_in_use": one.cores,
    }


def in_time_at(loads: Sequence[dict[str, Any]], calls: scale_fleet.Ints) -> Floats:
    """Share of answers in time at a host with so many calls, between what was drawn."""
    known = [one["calls"] for one in loads]
    shares = [one["answer_in_time_percent"] for one in loads]
    return np.asarray(np.interp(calls, known, shares))


def fleet(
    peak: int, one: dict[str, Any], core_usd_hour: float, lasts_s: float
) -> dict[str, Any]:
    """So many callers at the busiest moment, through a day, over hosts of a kind."""
    places = one["best"]["calls"]
    hosts = int(np.ceil(SPARE * peak / places)) + 1
    day = scale_fleet.Day(
        hosts,
        places,
        peak,
        at_once=max(1, hosts // 50),
        begins_s=(scale_fleet.DAY_S - lasts_s) / 2,
        lasts_s=lasts_s,
    )
    tally = scale_fleet.lived(day, scale_fleet.CountedPlaces(hosts, places))
    minutes = max(1.0, tally.call_s / 60)
    usd = hosts * one["cores"] * core_usd_hour * lasts_s / 3600
    usd += hosts * GPU_USD_HOUR * lasts_s / 3600 * ("GPU" in one["kind"])
    in_time = tally.mean_over_calls(partial(in_time_at, one["by_load"]))
    return {
        "peak_calls": peak,
        "kind": one["kind"],
        "hosts": hosts,
        "places": places,
        "died_at_noon": day.at_once,
        **scale_fleet.told(tally),
        "answers_in_time_percent": round(in_time, 2),
        "hosts_usd_a_minute": round(usd / minutes, 5),
        "directory_messages_per_s": hosts,
    }


def simulated(quick: bool, core_usd_hour: float) -> dict[str, Any]:
    """Everything."""
    began_s = time.process_time()
    cost = costs()
    rows = reproduced(cost)
    voice = {False: most_voiced(cost.voice()), True: most_voiced(cost.gpu())}
    hosts = [host(kind, cost, voice, quick) for kind in KINDS]
    text = scale_turns.text_usd_a_minute()
    lasts_s = 600.0 if quick else float(scale_fleet.DAY_S)
    of = {one["kind"]: one for one in hosts}
    fleets = [
        fleet(peak, of[kind], core_usd_hour, lasts_s)
        for kind in ("16 cores", "16 cores and a GPU")
        for peak in PEAKS
        if kind == "16 cores" or peak == PEAKS[-1]
    ]
    for one in fleets:
        all_usd = one["hosts_usd_a_minute"] + text["usd_a_minute"]
        one["usd_a_minute"] = round(all_usd, 5)
        one["of_heard_percent"] = round(100 * all_usd / HEARD_USD, 1)
    return {
        "machine": machine(),
        "assumed": {
            "core_usd_hour": core_usd_hour,
            "gpu_usd_hour": GPU_USD_HOUR,
            "gpu_launch_s": None if cost.measured_gpu else ASSUMED_GPU_S,
            "text_first_clause_ms": 1000 * scale_turns.TEXT_S,
            "turns_a_minute": scale_turns.TURNS_A_MINUTE,
        },
        "reproduced": rows,
        "reproduced_within_10_percent": sum(row["within"] for row in rows),
        "loop_cores": {"call": cost.loop.call, "root": cost.loop.root},
        "hosts": hosts,
        "text": text,
        "provider_slows": [
            scale_turns.slowed(turns_per_s) for turns_per_s in (0.67, 10.0)
        ],
        "fleets": fleets,
        "cpu_s": round(time.process_time() - began_s, 1),
    }


def plot(result: dict[str, Any], path: Path) -> None:
    """What was reproduced, what is full first, the budget by load, the cost."""
    figure, axes = plt.subplots(2, 2, figsize=(11, 7.5))
    of = [row for row in result["reproduced"] if row["what"] == "admission: cores"]
    at = [row["calls"] for row in of]
    axes[0, 0].plot(at, [row["measured"] for row in of], "o", label="measured")
    axes[0, 0].plot(
        at, [row["model"] for row in of], label="model, fitted at 1, 16, 40"
    )
    axes[0, 0].set(xlabel="calls on two cores", ylabel="cores in use")
    names = [one["kind"] for one in result["hosts"]]
    part_names = list(result["hosts"][0]["best"]["holds"])
    for n, part in enumerate(part_names):
        held = [one["best"]["holds"][part] for one in result["hosts"]]
        where = np.arange(len(names)) + (n - 1.5) * 0.2
        axes[0, 1].bar(where, held, 0.2, label=part)
    axes[0, 1].set_xticks(range(len(names)), names, fontsize=7, rotation=12)
    axes[0, 1].set(ylabel="calls that a part holds", yscale="log")
    for one in result["hosts"]:
        loads = one["by_load"]
        x = [row["calls"] / one["best"]["calls"] for row in loads]
        y = [row["answer_in_time_percent"] for row in loads]
        dashed = "-" if one["measured"] else "--"
        axes[1, 0].plot(x, y, dashed, label=one["kind"])
    axes[1, 0].set(xlabel="calls, of what the host holds", ylabel="answers in time (%)")
    fleets = [one for one in result["fleets"] if one["kind"] == "16 cores"]
    x = [one["peak_calls"] for one in fleets]
    axes[1, 1].plot(x, [one["usd_a_minute"] for one in fleets], "o-", label="all")
    hosts_usd = [one["hosts_usd_a_minute"] for one in fleets]
    axes[1, 1].plot(x, hosts_usd, "o-", label="hosts of 16 cores")
    axes[1, 1].axhline(HEARD_USD, color="#999999", ls="--", label="$0.06")
    axes[1, 1].set(xlabel="calls at the peak", ylabel="$ a minute")
    axes[1, 1].set(xscale="log", yscale="log")
    for axis in axes.flat:
        axis.legend(fontsize=7)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Simulate, write JSON and a plot."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="ten minutes for a day; writes nothing")
    add("--core-usd-hour", type=float, default=0.05, help="what you pay for a core")
    add("-o", "--output", type=Path, default=RESULTS / "scale_simulation.json")
    args = parser.parse_args()
    result = simulated(args.quick, args.core_usd_hour)
    print(json.dumps(result, indent=1))
    if args.quick:
        return
    write(args.output, result)
    plot(result, args.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
