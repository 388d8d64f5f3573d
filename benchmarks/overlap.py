"""What stops a reply that sounds, and how soon: noise, yeses, and who wants to speak.

``python -m benchmarks.overlap`` plays the recordings that ``VOICESERVER_DATA`` names to
a real listener while a reply sounds, and writes ``benchmarks/results/overlap.json``.
Voice activity and Whisper are the real ones, time is the audio's: a decode takes
``DECODE_MS`` of it, as on an idle core, so the figures do not depend on this machine.

Backchannels are human: stretches of meetings and a telephone call between pauses, of
which Whisper, heard whole, makes backchannels. Interruptions are people who speak to a
machine: sentences, commands and coffee orders. Their time counts from the first voice.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, spread
from benchmarks.processes import machine
from benchmarks.virtual_ears import VirtualEars
from scripts.turns.pauses import audio
from voiceserver.audio import MIC_FRAME, MIC_RATE, SPEECH_RATE, Samples, resample
from voiceserver.clock import MonotonicClock
from voiceserver.config import TurnConfig
from voiceserver.engines.acoustic.apm import echo_cancelling
from voiceserver.engines.acoustic.silero import Silero
from voiceserver.engines.opened import Engines
from voiceserver.engines.stub import StubSpeech, StubText
from voiceserver.events import BargeIn, Event
from voiceserver.session.microphone.listener import Listener
from voiceserver.turns.cues import is_backchannel
from voiceserver.turns.gate import WINDOW, GateEvent, SpeechGate, hop_levels_db
from voiceserver.voice.plan import Manner
from voiceserver.voice.speaker import load_voice

ROOT = Path(__file__).resolve().parent.parent
NOISES = ("*noise*", "dfn_*", "lk_*", "pipecat_*")
ORDER_STEP = 6  # every so many of 308 coffee orders
ISLAND_S = 1.5  # the longest backchannel
PAUSE = MIC_RATE * 3 // 10  # around one
SILERO = Silero()
VOICE = ROOT / "models" / "voice"
YESES = (
    "uh-huh|mm-hmm|yeah|okay|right|sure|yes|oh|I see|got it|yeah yeah|okay okay|"
    "yeah, right|oh, okay|mm, okay|uh-huh, yeah|oh, I see|right, right|cool|oh, nice"
).split("|")
BEFORE_S, AFTER_S = 0.6, 1.6


@dataclass(frozen=True, slots=True)
class Reaction:
    """What came of one recording.

    Attributes:
        ducked_ms: From the first voice until the reply was lowered; None if never.
        stopped_ms: The same until it was stopped.
        reasons: Of the stops.
        minutes: It lasted.
    """

    ducked_ms: float | None
    stopped_ms: float | None
    reasons: tuple[str, ...]
    minutes: float


class Ear:
    """A listener over which a reply, of which words are known or not, sounds."""

    def __init__(self, ears: VirtualEars, config: TurnConfig, saying: str = "") -> None:
        echo = echo_cancelling("auto") if config.far_field else None
        engines = Engines(SILERO, ears, StubText(), StubSpeech(), echo=echo)
        self.ducked: list[int] = []
        self.stopped: list[tuple[int, str]] = []
        self.listener = Listener(
            config,
            engines,
            self._post,
            self._duck,
            MonotonicClock(),
            sounded=lambda _ms: saying,
        )
        self.listener.playing(True)

    def _post(self, event: Event) -> None:
        if isinstance(event, BargeIn):
            self.stopped.append((self.listener.now, event.reason))

    def _duck(self, gain_db: float) -> None:
        if gain_db:
            self.ducked.append(self.listener.now)


def onset(samples: Samples) -> int:
    """First voiced sample, as voice activity sees it where nothing else sounds."""
    gate, detector = SpeechGate(), SILERO.open()
    for at in range(0, len(samples) - WINDOW + 1, WINDOW):
        window = samples[at : at + WINDOW]
        event = gate.push(detector.probability(window), hop_levels_db(window))
        if event is GateEvent.STARTED:
            return gate.onset
    return 0


async def react(
    ears: VirtualEars, samples: Samples, config: TurnConfig, once: bool
) -> Reaction:
    """Let a listener hear a recording, or as much of it as stops a reply once."""
    ear = Ear(ears, config)
    first = onset(samples)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(ear.listener.run())
        for at in range(0, len(samples), MIC_FRAME):
            ear.listener.hear(samples[at : at + MIC_FRAME])
            await ear.listener.caught_up(0)
            if once and ear.stopped:
                break
        task.cancel()

    def since(times: Sequence[int]) -> float | None:
        return (times[0] - first) * 1000 / MIC_RATE if times else None

    return Reaction(
        since(ear.ducked),
        since([at for at, _ in ear.stopped]),
        tuple(reason for _, reason in ear.stopped),
        len(samples) / MIC_RATE / 60,
    )


def padded(samples: Samples) -> Samples:
    """With the quiet of a room before and after."""
    random = np.random.default_rng(0)
    room = [
        random.normal(0, 3e-4, int(seconds * MIC_RATE)).astype(np.float32)
        for seconds in (BEFORE_S, AFTER_S)
    ]
    return np.concatenate([room[0], samples, room[1]])


def leveled(samples: Samples, peak: float = 0.3) -> Samples:
    """Brought to a common peak."""
    loudest = max(float(np.abs(samples).max()), 1e-6)
    scaled: Samples = samples * np.float32(peak / loudest)
    return scaled


def noises(data: Path) -> Iterator[tuple[str, Samples]]:
    """Yield noise and music."""
    folder = data / "speech" / "noise"
    for path in sorted({p for each in NOISES for p in folder.glob(each)}):
        yield path.name, leveled(audio(path))


def interruptions(data: Path) -> Iterator[tuple[str, Samples]]:
    """Yield what people say to a machine."""
    paths = [
        *sorted(data.glob("speech/read/*")),
        *sorted(data.glob("speech/command/*")),
        *sorted(data.glob("barista/*.flac"))[::ORDER_STEP],
    ]
    for path in paths:
        samples = audio(path)[: 6 * MIC_RATE]
        yield path.name, padded(leveled(samples))


def islands(samples: Samples) -> Iterator[tuple[int, int]]:
    """Yield short stretches of speech between pauses: ``(begin, end)``."""
    gate, detector = SpeechGate(), SILERO.open()
    spans: list[tuple[int, int]] = []
    begin = 0
    for at in range(0, len(samples) - WINDOW + 1, WINDOW):
        window = samples[at : at + WINDOW]
        event = gate.push(detector.probability(window), hop_levels_db(window))
        if event is GateEvent.STARTED:
            begin = at if spans else gate.onset  # within speech one window is enough
        elif event is GateEvent.STOPPED:
            spans.append((begin, gate.voiced_until))
    for n, (begin, end) in enumerate(spans):
        before = spans[n - 1][1] if n else -PAUSE
        after = spans[n + 1][0] if n + 1 < len(spans) else len(samples) + PAUSE
        short = 0 < end - begin <= ISLAND_S * MIC_RATE
        if short and begin - before >= PAUSE and after - end >= PAUSE:
            yield begin, end


def made() -> Iterator[tuple[str, Samples]]:
    """Yield the same, said by the server's own voice in two manners."""
    voice = load_voice(VOICE)
    for text in YESES:
        for speed in (0.9, 1.2):
            said = voice.speak_all(text, Manner(speed=speed))
            samples = resample(said, SPEECH_RATE, MIC_RATE)
            yield f"{text} at {speed}", padded(leveled(samples))


def sounds(data: Path, ears: VirtualEars) -> dict[str, list[tuple[str, Samples]]]:
    """Return what people say, or utter without words, while others speak."""
    yeses: list[tuple[str, Samples]] = []
    wordless: list[tuple[str, Samples]] = []
    for path in sorted((data / "speech" / "turns").glob("*.*")):
        if path.suffix == ".rttm":
            continue
        samples = audio(path)
        for begin, end in islands(samples):
            margin = MIC_RATE // 10
            alone = padded(leveled(samples[max(0, begin - margin) : end + margin]))
            words = ears.heard_whole(alone)
            name = f"{path.stem} {begin / MIC_RATE:.1f} s: {words}"
            if is_backchannel(words):
                (yeses if words else wordless).append((name, alone))
    return {"backchannels": yeses, "wordless": wordless}


def told(found: dict[str, Reaction]) -> dict[str, Any]:
    """Sum up one kind of recording."""
    stopped = {name: each for name, each in found.items() if each.reasons}
    few = len(stopped) <= len(found) / 2
    waits = [e.stopped_ms for e in stopped.values() if e.stopped_ms is not None]
    ducks = [e.ducked_ms for e in found.values() if e.ducked_ms is not None]
    reasons = [reason for each in stopped.values() for reason in each.reasons[:1]]
    return {
        "recordings": len(found),
        "minutes": round(sum(each.minutes for each in found.values()), 1),
        "stopped": len(stopped),
        "stops": sum(len(each.reasons) for each in stopped.values()),
        "reasons": {reason: reasons.count(reason) for reason in sorted({*reasons})},
        "ducked_ms": spread(ducks, 0),
        "stopped_ms": spread(waits, 0),
        "those that did" if few else "those that did not": sorted(
            stopped if few else found.keys() - stopped.keys()
        ),
    }


async def measured(data: Path, config: TurnConfig) -> dict[str, Any]:
    """All figures."""
    ears = VirtualEars()
    sets = {
        "noise": list(noises(data)),
        **sounds(data, ears),
        "backchannels, own voice": list(made()),
        "interruptions": list(interruptions(data)),
    }
    result: dict[str, Any] = {}
    for kind, rows in sets.items():
        found = {
            name: await react(ears, samples, config, kind != "noise")
            for name, samples in rows
        }
        result[kind] = told(found)
        print(kind, json.dumps(result[kind]), flush=True)
    return result


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="Measure what stops a reply.")
    parser.add_argument("--name", default="now", help="of this run in the results")
    options = parser.parse_args()
    data = Path(os.environ.get("VOICESERVER_DATA", ROOT.parent / "shared" / "data"))
    path = RESULTS / "overlap.json"
    result = json.loads(path.read_text()) if path.is_file() else {}
    result["machine"] = machine()
    result[options.name] = asyncio.run(measured(data, TurnConfig()))
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
