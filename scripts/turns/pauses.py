"""Pauses of human recordings, each with what was known in it of the turn's end.

A pause of 100 ms or more is a hold if the same person goes on after it, and an end if
it is the last of a recording of one turn, or if somebody else goes on. (The definition
of livekit's eot-bench; times count from the last voiced sample, as in a call.)

Silence after the last word of a recording is seldom long enough, so every recording
goes on with noise of its own floor: digital silence would tell ends from holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile

from voiceserver.audio import MIC_RATE, Samples, resample
from voiceserver.engines.acoustic.silero import Silero
from voiceserver.turns.gate import WINDOW, GateEvent, SpeechGate, hop_levels_db

SCORED_MS = (200, 400, 600)  # silence at which the turn's end is scored
SHORTEST_MS = 100
TAIL_S = 1.5
FLOOR_S = 0.1  # the quietest stretch of a recording is its floor
BESIDE = "two_cities"  # a monologue of 44 s is no turn
KATHLEEN_STEP = 25  # every so many of 1,540 read sentences
EVER = 1e9  # ms; nobody goes on after an end


@dataclass(frozen=True, slots=True)
class Pause:
    """One pause.

    Attributes:
        recording: Path below the data folder.
        kind: ``"read"``, ``"command"``, ``"order"``, ``"agent"`` (turns to a voice
            agent) or ``"talk"`` (meetings and telephone).
        at: Last voiced sample, from the start of the recording.
        began: First sample of the turn, or of the stretch of a talk.
        length_ms: Until speech goes on; ``EVER`` for the end of a recording.
        end: The turn is over.
        voiced_ms: Speech of the turn so far.
        earlier_ms: Lengths of the pauses in it before this one.
        scores: The model's probability at each of ``SCORED_MS`` that the pause lasts.
        words: What a recogniser made of the turn so far, at 200 ms of silence.
    """

    recording: str
    kind: str
    at: int
    began: int
    length_ms: float
    end: bool
    voiced_ms: float
    earlier_ms: tuple[float, ...]
    scores: tuple[float, ...] = ()
    words: str = ""


def recordings(data: Path) -> Iterator[tuple[str, str]]:
    """Yield ``(kind, path below the folder)`` of every recording."""
    for kind, pattern in (
        ("read", "speech/read/*"),
        ("command", "speech/command/*"),
        ("agent", "speech/turns/unmute_*"),
        ("order", "barista/*.flac"),
    ):
        for path in sorted(data.glob(pattern)):
            if BESIDE not in path.name:
                yield kind, str(path.relative_to(data))
    for path in sorted(data.glob("kathleen/*.flac"))[::KATHLEEN_STEP]:
        yield "read", str(path.relative_to(data))
    for path in sorted(data.glob("speech/turns/ami_*.flac")):
        yield "talk", str(path.relative_to(data))
    yield "talk", "speech/turns/pyannote_sample.flac"


def audio(path: Path) -> Samples:
    """Return a recording at 16 kHz, mono, with its own noise after it."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = resample(np.ascontiguousarray(samples.mean(axis=1)), rate, MIC_RATE)
    return np.concatenate([mono, _floor(mono, int(TAIL_S * MIC_RATE))])


def _floor(samples: Samples, n_samples: int) -> Samples:
    """Noise with the spectrum of the quietest stretch that is not digital silence."""
    size = int(FLOOR_S * MIC_RATE)
    starts = range(0, max(1, len(samples) - size), size // 4)
    stretches = [samples[at : at + size] for at in starts]
    powers = np.array([float(np.mean(each**2)) for each in stretches])
    powers[powers < 1e-10] = np.inf
    quietest = stretches[int(np.argmin(powers))]
    magnitudes = np.abs(np.fft.rfft(quietest, 2 * size)) / np.sqrt(2)
    random = np.random.default_rng(0)
    pieces = []
    for _ in range(-(-n_samples // size) + 1):
        turned = magnitudes * np.exp(2j * np.pi * random.random(len(magnitudes)))
        pieces.append(np.fft.irfft(turned)[:size] * np.sqrt(2))
    noise: Samples = np.concatenate(pieces)[:n_samples].astype(np.float32)
    return noise


def pauses(samples: Samples, kind: str, name: str, talk: Talk) -> list[Pause]:
    """Return the pauses of a recording, without scores and words."""
    found: list[Pause] = []
    earlier: list[float] = []
    began, voiced_ms, since = -1, 0.0, 0
    for at, resumed, start in _spans(samples):
        if began < 0:
            began = since = start
        length_ms = EVER if resumed is None else (resumed - at) * 1000 / MIC_RATE
        voiced_ms += (at - since) * 1000 / MIC_RATE
        end = talk.ends(at, resumed) if kind == "talk" else resumed is None
        if end is not None and length_ms >= SHORTEST_MS:
            found.append(
                Pause(name, kind, at, began, length_ms, end, voiced_ms, tuple(earlier))
            )
        if resumed is not None:
            since = resumed
            earlier.append(length_ms)
            if end:
                earlier, began, voiced_ms = [], resumed, 0.0
    return found


def _spans(samples: Samples) -> Iterator[tuple[int, int | None, int]]:
    """Yield ``(last voiced, where speech goes on or None, first onset)`` a pause."""
    gate, detector = SpeechGate(), Silero().open()
    first: int | None = None
    paused: int | None = None
    for at in range(0, len(samples) - WINDOW + 1, WINDOW):
        window = samples[at : at + WINDOW]
        event = gate.push(detector.probability(window), hop_levels_db(window))
        if event is GateEvent.STOPPED:
            paused = gate.voiced_until
        elif event is GateEvent.STARTED:
            if first is None:
                first = gate.onset
            if paused is not None:
                yield paused, at, first
                paused = None
    if first is not None:
        yield gate.voiced_until, None, first


class Talk:
    """Who spoke when, of a conversation; an RTTM file.

    Args:
        rttm: The file; None for a recording of one person.
        uri: Of the recording within it.
    """

    def __init__(self, rttm: Path | None = None, uri: str = "") -> None:
        self._said: list[tuple[float, float, str]] = []
        for line in rttm.read_text("utf-8").splitlines() if rttm else []:
            fields = line.split()
            if fields[:1] == ["SPEAKER"] and fields[1] in (uri, ""):
                start = float(fields[3])
                self._said.append((start, start + float(fields[4]), fields[7]))

    def ends(self, at: int, resumed: int | None) -> bool | None:
        """Whether another speaker goes on; None if that cannot be told."""
        if resumed is None:
            return None  # the clip was cut there
        before = self._speakers(at / MIC_RATE - 0.3, at / MIC_RATE)
        after = self._speakers(resumed / MIC_RATE, resumed / MIC_RATE + 0.3)
        if len(before) != 1 or len(after) != 1:
            return None
        return before != after

    def _speakers(self, start: float, end: float) -> set[str]:
        return {who for a, b, who in self._said if a < end and b > start}


def talk_of(data: Path, name: str) -> Talk:
    """Return who spoke in a recording of a conversation."""
    turns = data / "speech" / "turns"
    stem = Path(name).stem
    if stem.startswith("ami_"):
        return Talk(turns / "ami.rttm", stem.removeprefix("ami_"))
    own = turns / f"{stem}.rttm"
    if not own.is_file():
        return Talk()
    uri = next(iter(own.read_text("utf-8").split()[1:2]), "")
    return Talk(own, uri)


def chosen(found: Sequence[Pause]) -> list[Pause]:
    """Leave out orders without a pause in them: 249 ends would outweigh all else."""
    halting = {each.recording for each in found if not each.end}
    return [each for each in found if each.kind != "order" or each.recording in halting]


def store(found: Sequence[Pause], path: Path) -> None:
    """Write pauses, one a line."""
    path.write_text("".join(json.dumps(asdict(each)) + "\n" for each in found))


def stored(path: Path) -> list[Pause]:
    """Read what ``store`` wrote."""
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    for row in rows:
        row["earlier_ms"], row["scores"] = (
            tuple(row["earlier_ms"]),
            tuple(row["scores"]),
        )
    return [Pause(**row) for row in rows]
