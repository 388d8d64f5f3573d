"""People who speak while a loudspeaker does: what is left once its echo is gone.

A reply in the server's own voice sounds in a room, with WebRTC's processing (extra
``apm``) and without; its echo comes back as loud as a far microphone has it. After 2.5
s somebody says a sentence or a command. Told are: echoes alone that stop the reply they
are of, people who stop it and how soon, the words of people that Whisper would get
wrong in what is left (a call gives it what came in), and AECMOS (Purin et al. 2022,
arXiv 2110.03010; by ``speechmos`` of the extra ``bench``), 1 to 5: how little of the
echo is left, and how little people suffer.

As in ``echo``, time is the audio's, voice activity and Whisper are the real ones.

    python -m benchmarks.double_talk [--people 12] [--gains -10 -3]
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.echo import BEGIN_S, NOISE, Reply, echo, replies, stopped
from benchmarks.figures import RESULTS, spread, write
from benchmarks.hearing import Errors, Spoken, distance, plain, rate, spoken
from benchmarks.overlap import leveled, onset
from benchmarks.processes import machine
from benchmarks.recordings import data_folder
from benchmarks.virtual_ears import VirtualEars
from voiceserver.audio import MIC_FRAME, MIC_RATE, SPEECH_RATE, Samples, resample
from voiceserver.config import TurnConfig
from voiceserver.engines.acoustic.apm import Apm

GAINS_DB = (-20, -10, -3)  # of the echo; people have a peak of 0.3, replies of 0.5
BEFORE = int(BEGIN_S * MIC_RATE)
BEHIND = MIC_RATE  # of the echo alone
APM = Apm()


def cleaned(heard: Samples, played: Samples) -> Samples:
    """As a call has it: frame by frame."""
    canceller = APM.open()
    frames = range(0, len(heard) - MIC_FRAME + 1, MIC_FRAME)
    return np.concatenate(
        [
            canceller.clean(heard[at : at + MIC_FRAME], played[at : at + MIC_FRAME])
            for at in frames
        ]
    )


def scene(reply: Samples, said: Samples, gain_db: float, seed: int) -> Samples:
    """What a microphone hears of both, 16 kHz."""
    back = echo(reply, gain_db, telephone=False, seed=seed)
    heard = np.zeros(BEFORE + len(said) + BEHIND, np.float32)
    heard[BEFORE : BEFORE + len(said)] = said
    n = min(len(heard), len(back))
    heard[:n] += back[:n]
    mixed: Samples = np.clip(heard, -1, 0.999).astype(np.float32)
    return mixed


def mos(played: Samples, heard: Samples, left: Samples) -> tuple[float, float] | None:
    """AECMOS of double talk: ``(echo, other)``; None where it is not installed."""
    try:
        from speechmos import aecmos
    except ImportError:
        return None
    n = len(left)
    sample = {"lpb": played[:n], "mic": heard[:n], "enh": np.clip(left, -1, 1)}
    found = aecmos.run(sample, sr=MIC_RATE, talk_type="dt")
    return float(found["echo_mos"]), float(found["deg_mos"])


def _wrong(ears: VirtualEars, one: Spoken, heard: Samples) -> Errors:
    part = heard[max(0, BEFORE - MIC_RATE // 5) : BEFORE + len(one.samples)]
    return Errors(distance(one.words, plain(ears.heard_whole(part))), len(one.words))


async def measured(people: int, gains_db: Sequence[int]) -> dict[str, Any]:
    """All figures."""
    ears, data = VirtualEars(), data_folder()
    said = [one for one in spoken(6) if len(one.samples) < 5 * MIC_RATE]
    said = said[:: max(1, len(said) // people)][:people]
    reply = replies(data)["own voice"][1]
    reply = Reply(np.concatenate([reply.samples] * 2), reply.text)
    alone = [_wrong(ears, one, _before(leveled(one.samples))) for one in said]
    result: dict[str, Any] = {"people": len(said), "no echo": {"words": rate(alone)}}
    for gain_db in gains_db:
        for name, config in (
            ("as it is", TurnConfig()),
            ("cleaned", TurnConfig(far_field=True)),
        ):
            row = await _of(ears, said, reply, gain_db, config)
            result[f"echo of {gain_db} dB, {name}"] = row
            print(gain_db, name, row, flush=True)
    return result


def _before(samples: Samples) -> Samples:
    return np.concatenate([np.zeros(BEFORE, np.float32), samples])


async def _of(
    ears: VirtualEars,
    said: Sequence[Spoken],
    reply: Reply,
    gain_db: float,
    config: TurnConfig,
) -> dict[str, Any]:
    played = resample(reply.samples, SPEECH_RATE, MIC_RATE)
    errors, waits, marks, missed, stops = [], [], [], 0, 0
    for seed, one in enumerate(said):
        person = leveled(one.samples)
        heard = scene(reply.samples, person, gain_db, seed)
        left = cleaned(heard, played) if config.far_field else heard
        errors.append(_wrong(ears, one, left))
        found = mos(played, heard, left)
        marks += [found] if found else []
        at, _ = await stopped(ears, reply, heard, told=True, config=config)
        begins = BEFORE + onset(_audible(person))
        if at is None:
            missed += 1
        elif at < begins:
            stops += 1
        else:
            waits.append((at - begins) * 1000 / MIC_RATE)
    return {
        "words": rate(errors),
        "aecmos_echo": _mean([echo_mos for echo_mos, _ in marks]),
        "aecmos_other": _mean([other for _, other in marks]),
        "stopped_by_the_echo": stops,
        "not_heard": missed,
        "stopped_ms": spread(waits, 0),
    }


def _audible(person: Samples) -> Samples:
    noise = np.random.default_rng(0).normal(0, NOISE, len(person))
    return (person + noise).astype(np.float32)


def _mean(marks: Sequence[float]) -> float | None:
    return round(float(np.mean(marks)), 2) if marks else None


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure double talk.")
    parser.add_argument("--people", type=int, default=12)
    parser.add_argument("--gains", type=int, nargs="+", default=GAINS_DB)
    options = parser.parse_args()
    found = asyncio.run(measured(options.people, options.gains))
    write(RESULTS / "double_talk.json", {"machine": machine(), **found})


if __name__ == "__main__":
    main()
