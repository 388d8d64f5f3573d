"""How fast the neural voice is: a minute of speech, the first audio, many listeners.

    python -m benchmarks.voice_speed [--models FOLDER]

Text to PCM in one process, as the speech engine runs it, without sockets. A minute is
timed as `say` wants it, a clause at a time, and *paced*, in the small steps of a call.
Two cores speak two halves of the text side by side. *Streams*: so many listeners play
in real time, each with the next phrase at hand when one ends, and a stream underruns
when a chunk comes after it should have begun to play. eSpeak NG speaks the same text in
the same run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from voiceserver.audio import SPEECH_RATE
from voiceserver.engines.base import SpeechChunk, SpeechRequest
from voiceserver.engines.neural import NeuralVoice, find_models
from voiceserver.errors import EngineFailed
from voiceserver.phrases import PhraseSplitter
from voiceserver.voice.speaker import load_voice

MINUTE_S = 60.0
ROUNDS = 15
STREAMS_S = 12.0
TEXT = (
    "Good morning, and thank you for calling. The library opens at 9:30 on weekdays, "
    "and at ten on Saturdays. You can keep a book for three weeks; after that it costs "
    "20 cents a day. Would you like me to renew the two books you have at home? I can "
    "do that now, if you tell me the last four digits of your card. The children's "
    "room is on the second floor, next to the reading room. On the 1st of December we "
    "close at noon. If you are looking for old newspapers, ask at the front desk, "
    "where somebody will be glad to help you. Is there anything else I can do for you "
    "today? Well, then I wish you a pleasant afternoon, and a safe way home. "
)
AIMS = {
    "minute_one_core_s": 1.5,
    "first_audio_p50_ms": 40,
    "first_audio_p95_ms": 80,
    "streams_two_cores": 20,
}

Speak = Callable[[str], Iterator[SpeechChunk]]


def phrases_of(text: str) -> list[str]:
    """The phrases that a reply would be spoken in."""
    splitter = PhraseSplitter()
    return [p.text for p in [*splitter.push(text), *splitter.flush()]]


def minute(speak: Speak) -> list[str]:
    """As many phrases as make up a minute of speech, the last one over it."""
    said = 0
    taken: list[str] = []
    phrases = phrases_of(TEXT)
    while said < MINUTE_S * SPEECH_RATE:
        taken.append(phrases[len(taken) % len(phrases)])
        said += sum(len(c.samples) for c in speak(taken[-1]))
    return taken


def time_to_speak(speak: Speak, phrases: list[str]) -> float:
    """Seconds to speak all phrases, scaled to exactly a minute of speech."""
    began, said = time.perf_counter(), 0
    for phrase in phrases:
        said += sum(len(c.samples) for c in speak(phrase))
    return (time.perf_counter() - began) * MINUTE_S * SPEECH_RATE / said


def two_at_once(speak: Speak, phrases: list[str]) -> float:
    """The same, every other phrase in a second thread."""
    said = [0, 0]

    def half(which: int) -> None:
        for phrase in phrases[which::2]:
            said[which] += sum(len(c.samples) for c in speak(phrase))

    threads = [threading.Thread(target=half, args=(k,)) for k in (0, 1)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - began) * MINUTE_S * SPEECH_RATE / sum(said)


def first_audio(speak: Speak, phrases: list[str]) -> list[float]:
    """Milliseconds from a phrase to its first chunk."""
    taken = []
    for phrase in phrases:
        stream, began = speak(phrase), time.perf_counter()
        next(stream)
        taken.append((time.perf_counter() - began) * 1000)
        close = getattr(stream, "close", None)
        if close is not None:
            close()
    return taken


class Listener:
    """One who plays a voice in real time, phrase after phrase.

    Args:
        speak: The voice.
        phrases: What is said, over and over.
        begins_at: ``perf_counter`` at which the first phrase is asked for.
    """

    def __init__(self, speak: Speak, phrases: list[str], begins_at: float) -> None:
        self._speak = speak
        self._phrases = itertools.cycle(phrases)
        self._stream: Iterator[SpeechChunk] | None = None
        self.begins_at = begins_at
        self.plays_until = begins_at  # perf_counter at which what is at hand ends
        self.underruns = 0

    def step(self) -> None:
        """Take the next chunk, or begin the next phrase."""
        begins = self._stream is None
        if self._stream is None:
            self._stream = self._speak(next(self._phrases))
        chunk = next(self._stream, None)
        if chunk is None:
            self._stream = None
            return
        now = time.perf_counter()
        if now > self.plays_until:
            # Late at the first phrase is a reply that begins late, later it is a gap.
            self.underruns += not (begins and self.plays_until == self.begins_at)
            self.plays_until = now
        self.plays_until += len(chunk.samples) / SPEECH_RATE


def underruns(speak: Speak, phrases: list[str], listeners: int) -> int:
    """How often any of so many listeners runs dry in ``STREAMS_S``."""
    began = time.perf_counter()
    # Calls do not begin together: spread over the length of a phrase or two.
    starts = [began + 4.0 * k / listeners for k in range(listeners)]
    everyone = [
        Listener(speak, phrases[k % len(phrases) :] + phrases, at)
        for k, at in enumerate(starts)
    ]
    while (now := time.perf_counter()) < began + STREAMS_S:
        # A second ahead is enough for anyone: a barge-in would waste the rest.
        waiting = [
            one
            for one in everyone
            if now >= one.begins_at and one.plays_until - now < 1.0
        ]
        if waiting:
            min(waiting, key=lambda one: one.plays_until).step()
        else:
            time.sleep(0.002)
    return sum(one.underruns for one in everyone)


def most_streams(speak: Speak, phrases: list[str]) -> int:
    """The most listeners that two threads, one a core, serve without an underrun."""
    best = 0
    for listeners in (8, 12, 16, 20, 24, 28, 32, 40):
        with ThreadPoolExecutor(2) as pool:
            halves = pool.map(
                lambda half: underruns(speak, phrases, half), [listeners // 2] * 2
            )
            found = sum(halves)
        print(f"{listeners} streams: {found} underruns", flush=True)
        if found:
            break
        best = listeners
    return best


def measured(speak: Speak, unpaced: Speak, streams: bool) -> dict[str, Any]:
    """All figures of a voice, as played while it is made and as wanted in a whole."""
    phrases = minute(speak)
    row: dict[str, Any] = {}
    for name, one in (("", unpaced), ("paced_", speak)):
        rounds = [time_to_speak(one, phrases) for _ in range(ROUNDS)]
        row[f"{name}minute_one_core_s"] = spread(rounds, 2)
        rounds = [two_at_once(one, phrases) for _ in range(ROUNDS)]
        row[f"{name}minute_two_cores_s"] = spread(rounds, 2)
    row["first_audio_ms"] = spread(first_audio(speak, phrases * 3))
    if streams:
        row["streams_two_cores"] = most_streams(speak, phrases)
    return row


def espeak() -> Speak | None:
    """The baseline, where it is installed."""
    from voiceserver.engines.espeak.voice import load

    try:
        voice = load({})
    except EngineFailed as error:
        print(f"no baseline: {error}")
        return None
    return lambda text: voice.speak(SpeechRequest(text))


def main() -> int:
    """Measure and write ``voice_speed.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=Path, default=None)
    parser.add_argument("--out", type=Path, default=RESULTS / "voice_speed.json")
    a = parser.parse_args()
    torch.set_num_threads(1)
    loaded = load_voice(a.models or find_models(""))
    precision = loaded.hasten()  # as the engine does
    voice = NeuralVoice(loaded)

    def speak(text: str) -> Iterator[SpeechChunk]:
        return voice.speak(SpeechRequest(text))

    def unpaced(text: str) -> Iterator[SpeechChunk]:
        return voice.speak(SpeechRequest(text, paced=False))

    result: dict[str, Any] = {
        "machine": machine(),
        "torch": torch.__version__,
        "precision": precision,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "aims": AIMS,
        "neural": measured(speak, unpaced, streams=True),
    }
    other = espeak()
    if other is not None:
        result["espeak"] = measured(other, other, streams=False)
    write(a.out, result)
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    raise SystemExit(main())
