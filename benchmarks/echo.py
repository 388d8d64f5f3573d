"""Does the echo of a reply stop it, and does somebody who speaks over the echo?

A real listener hears replies come back from a loudspeaker, 20 to 40 dB softer, after 40
to 350 ms, through a made-up room and a loudspeaker that distorts a little; half of
them over a telephone. The replies are in the server's own voice and in people's. Then
people speak to a machine over such echoes, and over the same replies without any. As
in ``overlap``, time is the audio's, voice activity and Whisper are the real ones.

    python -m benchmarks.echo [--people 24] [--without]
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, spread, write
from benchmarks.overlap import ROOT, VOICE, Ear, interruptions, onset
from benchmarks.processes import machine
from benchmarks.recordings import read
from benchmarks.virtual_ears import VirtualEars
from voiceserver.audio import (
    MIC_FRAME,
    MIC_RATE,
    SPEECH_FRAME,
    SPEECH_RATE,
    Samples,
    resample,
)
from voiceserver.config import TurnConfig
from voiceserver.engines.words import words_of
from voiceserver.media import g711
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import load_voice

REPLIES = (
    "Our coffee bar is open from eight in the morning until six in the evening, and "
    "on Sundays from ten to four.",
    "Of course. I have put down two large lattes with oat milk, one of them without "
    "sugar, and a slice of lemon cake. Is that right?",
    "The train to Oxford leaves at half past nine from platform four. It takes about "
    "an hour, and you do not have to change.",
)
GAINS_DB = (-20, -30, -40)
BEGIN_S = 2.5  # into the reply, people begin to speak
NOISE = 3e-4


@dataclass(frozen=True, slots=True)
class Reply:
    """What is played, 24 kHz, and its words."""

    samples: Samples
    text: str


def replies(data: Path) -> dict[str, list[Reply]]:
    """Replies in our voice and in people's, 24 kHz."""
    voice = load_voice(VOICE)
    own = [
        Reply(np.asarray(voice.speak_all(text, Manner())), words_of(text))
        for text in REPLIES
    ]
    with (data / "kathleen" / "transcripts.tsv").open() as rows:
        listed = list(csv.DictReader(rows, delimiter="\t"))[100:109]
    people = []
    for some in (listed[:3], listed[3:6], listed[6:]):
        sounds = [read(f"kathleen/{row['file']}", SPEECH_RATE).samples for row in some]
        text = words_of(" ".join(row["text"] for row in some))
        people.append(Reply(np.concatenate(sounds), text))
    return {"own voice": own, "people": people}


def echo(reply: Samples, gain_db: float, telephone: bool, seed: int) -> Samples:
    """What a microphone hears of a reply, 16 kHz."""
    random = np.random.default_rng(seed)
    sound = np.tanh(1.5 * resample(reply, SPEECH_RATE, MIC_RATE)) / 1.5
    n = int(random.uniform(0.2, 0.5) * MIC_RATE)
    room = random.normal(0, 1, n) * 10 ** (-3 * np.arange(n) / n)
    room *= 0.5 / np.sqrt((room**2).sum())
    room[0] += 1.0
    late = np.zeros(int(random.uniform(0.04, 0.35) * MIC_RATE))
    heard = np.concatenate([late, np.convolve(sound, room)[: len(sound)]])
    heard = (heard * 10 ** (gain_db / 20)).astype(np.float32)
    if telephone:
        law = g711.Law.MU
        narrow = resample(heard, MIC_RATE, 8000)
        heard = resample(g711.decode(law, g711.encode(law, narrow)), 8000, MIC_RATE)
    noisy: Samples = heard + random.normal(0, NOISE, len(heard)).astype(np.float32)
    return noisy


async def stopped(
    ears: VirtualEars,
    reply: Reply,
    heard: Samples,
    told: bool,
    config: TurnConfig | None = None,
) -> tuple[int | None, str]:
    """Let it hear; return the sample and the reason of the stop, if there is one."""
    ear = Ear(ears, config or TurnConfig(), reply.text)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ear.listener.run())
        for n, at in enumerate(range(0, len(heard), MIC_FRAME)):
            frame = reply.samples[n * SPEECH_FRAME : (n + 1) * SPEECH_FRAME]
            if told and len(frame) == SPEECH_FRAME:
                # The echo was made beforehand and is not ducked, so neither is this.
                ear.listener.own_audio(frame, 0.0)
            ear.listener.hear(heard[at : at + MIC_FRAME])
            await ear.listener.caught_up(0)
            if ear.stopped:
                break
        task.cancel()
    return ear.stopped[0] if ear.stopped else (None, "")


async def echoes(
    ears: VirtualEars, said: dict[str, list[Reply]], told: bool
) -> dict[str, Any]:
    """How many replies their own echo stops."""
    result: dict[str, Any] = {}
    for kind, some in said.items():
        for gain_db in GAINS_DB:
            stops = []
            for n, reply in enumerate(some):
                for telephone in (False, True):
                    heard = echo(reply.samples, gain_db, telephone, 10 * n + telephone)
                    at, reason = await stopped(ears, reply, heard, told)
                    if at is not None:
                        stops.append(f"{reason} at {at / MIC_RATE:.1f} s")
            row = {"replies": 2 * len(some), "stopped": len(stops), "stops": stops}
            result[f"{kind}, {gain_db} dB"] = row
            print(kind, gain_db, row, flush=True)
    return result


async def people(
    ears: VirtualEars, reply: Reply, data: Path, most: int, told: bool
) -> dict[str, Any]:
    """How soon people stop a reply, without an echo and over one."""
    said = list(interruptions(data))
    said = said[:: max(1, len(said) // most)][:most]
    before = int(BEGIN_S * MIC_RATE)
    twice = Reply(np.concatenate([reply.samples] * 2), reply.text)
    result: dict[str, Any] = {}
    for gain_db in (None, -30, -20):
        waits: list[float] = []
        missed = []
        for n, (name, samples) in enumerate(said):
            heard = np.zeros(before + len(samples), np.float32)
            heard[before:] = samples
            if gain_db is not None:
                back = echo(twice.samples, gain_db, telephone=False, seed=n)[
                    : len(heard)
                ]
                heard[: len(back)] += back
            at, _ = await stopped(ears, twice, heard, told)
            if at is None:
                missed.append(name)
            else:
                waits.append((at - before - onset(samples)) * 1000 / MIC_RATE)
        row = {
            "people": len(said),
            "not_heard": missed,
            "stopped_ms": spread([wait for wait in waits if wait > 0], 0),
            "by_the_echo": sum(wait <= 0 for wait in waits),
        }
        name = "no echo" if gain_db is None else f"over an echo of {gain_db} dB"
        result[name] = row
        print(name, row, flush=True)
    return result


async def measured(data: Path, most: int, told: bool) -> dict[str, Any]:
    """All figures."""
    ears, said = VirtualEars(), replies(data)
    return {
        "echoes": await echoes(ears, said, told),
        "people": await people(ears, said["own voice"][1], data, most, told),
    }


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure what an echo does.")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument(
        "--without", action="store_true", help="the listener is not told what is played"
    )
    options = parser.parse_args()
    data = Path(os.environ.get("VOICESERVER_DATA", ROOT.parent / "shared" / "data"))
    path = RESULTS / "echo.json"
    result = json.loads(path.read_text()) if path.is_file() else {}
    result["machine"] = machine()
    name = "not told" if options.without else "told"
    result[name] = asyncio.run(measured(data, options.people, not options.without))
    write(path, result)


if __name__ == "__main__":
    main()
