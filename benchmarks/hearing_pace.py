"""How long final words wait on one core, by speakers: the scheduler, simulated.

No audio and no model: turns of 0.8 to 5.5 s with pauses in them, 1 to 2 s between a
speaker's turns, a commit 500 ms after the last voice, and decodes that take what was
measured on a core with AVX512-VNNI, or 2.5 times that on one without. Figures of
``whisper.pace`` (how many partials, how many speakers) were chosen by this.

    python -m benchmarks.hearing_pace
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field

import numpy as np

from voiceserver.audio import MIC_RATE
from voiceserver.engines.whisper.pace import Pace, Room, Want

TICK_S, COMMIT_S, LASTS_S = 0.02, 0.5, 400.0
SPEAKERS = (1, 2, 4, 6, 8, 12)
CORES = {"AVX512-VNNI": 1.0, "without": 2.5}
DECODE_S, DECODE_PER_S = 0.045, 0.032  # of a core with VNNI, for each second of speech


@dataclass
class Turn:
    """One turn: stretches of voice in it, from when it begins."""

    begins_s: float
    voiced: list[tuple[float, float]]
    pace: Pace = field(default_factory=Pace)
    committed_s: float = 0.0


def turn(rng: random.Random, begins_s: float) -> Turn:
    """Make up a turn."""
    voiced, at_s, total_s = [], 0.0, rng.uniform(0.8, 5.5)
    while at_s < total_s:
        end_s = min(at_s + rng.uniform(0.5, 3.0), total_s)
        voiced.append((at_s, end_s))
        at_s = end_s + rng.choice((0.12, 0.2, 0.3))
    return Turn(begins_s, voiced)


class Core:
    """One core that decodes for some speakers."""

    def __init__(self, speakers: int, slowness: float) -> None:
        self._rng = random.Random(1)
        self._slowness = slowness
        self._room = Room()
        self._turns = [
            turn(self._rng, self._rng.uniform(0, 4)) for _ in range(speakers)
        ]
        self._running: tuple[Turn, Want, int, int] | None = None
        self._until_s = 0.0
        self._since: dict[int, tuple[Want, float]] = {}
        self.waits_ms: list[float] = []
        self.partials = 0
        self.work_s = self.voiced_s = 0.0

    def run(self) -> None:
        """Let time pass."""
        for n in range(round(LASTS_S / TICK_S)):
            now_s = n * TICK_S
            for each in self._turns:
                self._hear(each, now_s)
            if self._running is not None and now_s >= self._until_s:
                decoded, want, last_voice, pushed = self._running
                decoded.pace.heard(last_voice, pushed, want)
                self._running = None
            self._answer(now_s)
            if self._running is None:
                self._decode(now_s)

    def _hear(self, it: Turn, now_s: float) -> None:
        at_s = now_s - it.begins_s
        if at_s < 0 or it.pace.complete:
            return
        it.pace.pushed += round(TICK_S * MIC_RATE)
        it.pace.marked = True
        if any(a <= at_s < b for a, b in it.voiced):
            it.pace.voice(it.pace.pushed)
            self.voiced_s += TICK_S
        elif at_s >= it.voiced[-1][1] + COMMIT_S:
            it.pace.complete, it.committed_s = True, now_s

    def _answer(self, now_s: float) -> None:
        for n, each in enumerate(self._turns):
            if each.pace.complete and each.pace.fresh:
                self.waits_ms.append(1000 * (now_s - each.committed_s))
                self._turns[n] = turn(self._rng, now_s + self._rng.uniform(1, 2))

    def _decode(self, now_s: float) -> None:
        interval, ready = self._room.interval(now_s), []
        for n, each in enumerate(self._turns):
            want = each.pace.want(interval)
            if want is None or want is Want.ANSWER or now_s < each.begins_s:
                self._since.pop(n, None)
                continue
            if self._since.get(n, (None,))[0] is not want:
                self._since[n] = (want, now_s)
            ready.append((*self._since[n], n))
        if not ready:
            return
        want, _, n = min(ready)
        pace = self._turns[n].pace
        length_s = (pace.end - pace.begin) / MIC_RATE
        took_s = self._slowness * (DECODE_S + DECODE_PER_S * length_s)
        self._until_s = now_s + took_s
        self._running = (self._turns[n], want, pace.last_voice, pace.pushed)
        self._room.worked(self._until_s, took_s)
        self.partials += want is Want.PARTIAL
        self.work_s += took_s


def main() -> None:
    """Simulate and print; the same figures each time."""
    for name, slowness in CORES.items():
        for speakers in SPEAKERS:
            core = Core(speakers, slowness)
            core.run()
            p50, p95 = np.percentile(core.waits_ms, (50, 95))
            row = {
                "core": name,
                "speakers": speakers,
                "wait_p50_ms": round(float(p50)),
                "wait_p95_ms": round(float(p95)),
                "partials_per_second": round(core.partials / core.voiced_s, 2),
                "busy": round(core.work_s / LASTS_S, 2),
            }
            print(json.dumps(row))


if __name__ == "__main__":
    main()
