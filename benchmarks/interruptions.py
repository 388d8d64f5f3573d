"""Thousands of conversations in which people speak up at every boundary of a stage.

Whole sessions with scripted engines, in virtual time. The caller waits until a stage
has just begun or ended (the words are known, the text model is asked, the first audio
sounds, the reply is stopped, ...), up to 200 ms more, and speaks, briefly or for long,
with words or without; then again, two to five times. Stage times are drawn, some far
beyond their limits. After each turn of the caller's that had words something must
sound by the deadline, unless the caller speaks again; every reply ends once, and
nothing is left behind. Writes ``interruptions.json``. They take about an hour of a
core; with ``--kept`` a run that was stopped is gone on with, and two may share it.

    python -m benchmarks.interruptions [--conversations 10000] [--kept FOLDER]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import machine
from tests.fakes import LOUD, PTIME_S, Call, FakeRecogniser, FakeSpeech, FakeText
from tests.virtual_time import run_virtual
from voiceserver.audio import MIC_RATE
from voiceserver.config import Config, TurnConfig
from voiceserver.events import (
    BargeIn,
    Event,
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    Transcript,
    UserTurn,
)

STAGES = (
    "speech starts",
    "speech stops",
    "a partial is known",
    "the turn is over",
    "the words are known",
    "the reply begins",
    "the text model is asked",
    "words of it come",
    "the voice is asked",
    "the first audio sounds",
    "the text is whole",
    "the audio has ended",
    "the reply is stopped",
)
SAID = ("tell me more", "stop", "yeah", "no i want two of them", "", "and then what")
LONGEST_WAIT_S = 4.0  # for a stage that does not come
AFTER_S = 9.0  # of quiet at the end: longer than any limit
PART = 100  # conversations that are kept at a time
SLACK_S = 2 * PTIME_S  # the carrier's frame, and the script's


@dataclass(frozen=True, slots=True)
class Speech:
    """What the caller does once a stage is reached.

    Attributes:
        stage: One of ``STAGES``.
        after: Frames after it.
        frames: Of voice.
    """

    stage: str
    after: int
    frames: int


class Caller(Call):
    """A call whose caller speaks when something happens.

    Args:
        rng: All that is drawn.
        first: Stage of the first interruption, the others are drawn.

    Attributes:
        voiced_s: When the caller spoke: begin and end.
        spoke_at: The stages at which it did.
    """

    def __init__(self, rng: random.Random, first: str) -> None:
        recogniser = FakeRecogniser(
            ["hello there", *rng.choices(SAID, k=8), "what is that"]
        )
        recogniser.final_s = min(0.39, rng.lognormvariate(np.log(0.04), 0.6))
        text = FakeText(rng.randint(3, 30), rng.lognormvariate(np.log(0.25), 0.9))
        text.gap_s = rng.choice((0.0, 0.03, 0.2))
        speech = FakeSpeech(min(0.9, rng.lognormvariate(np.log(0.06), 0.7)))
        policy = rng.choice(("graded", "graded", "fixed"))
        config = Config(turn=TurnConfig(policy=policy))  # type: ignore[arg-type]
        super().__init__(config, recogniser, text, speech)
        stages = [first, *rng.choices(STAGES, k=rng.randint(1, 4))]
        self._plan = [
            Speech(stage, rng.randint(0, 10), round(rng.uniform(3, 80)))
            for stage in stages
        ]
        self._phase_s = rng.uniform(0, PTIME_S)
        self._seen = 0
        self._asked = (0, 0)
        self.deadline_s = config.budget.turn_ms / 1000
        self.voiced_s: list[tuple[float, float]] = []
        self.spoke_at: list[str] = []

    async def talk(self) -> None:
        """Hold the conversation."""
        await asyncio.sleep(self._phase_s)
        await self.run([(0.4, False)])

    async def _speak(self, script: object) -> None:
        del script
        await self._sound(20, voice=False)
        await self._sound(40, voice=True)
        for one in self._plan:
            waited = await self._until(one.stage)
            await self._sound(one.after, voice=False)
            await self._sound(one.frames, voice=True)
            self.spoke_at.append(one.stage if waited else "nothing")
        await self._sound(round(AFTER_S / PTIME_S), voice=False)

    async def _until(self, stage: str) -> bool:
        """Be quiet until the stage is reached; False if it does not come."""
        self._reached()
        for _ in range(round(LONGEST_WAIT_S / PTIME_S)):
            if stage in self._reached():
                return True
            await self._sound(1, voice=False)
        return False

    def _reached(self) -> set[str]:
        """What has happened since it was last asked."""
        events = self.dialect.events
        found = {_stage(event) for event in events[self._seen :]}
        self._seen = len(events)
        assert isinstance(self.text, FakeText) and isinstance(self.speech, FakeSpeech)
        asked = len(self.text.requests), len(self.speech.requests)
        if asked[0] > self._asked[0]:
            found.add("the text model is asked")
        if asked[1] > self._asked[1]:
            found.add("the voice is asked")
        self._asked = asked
        return found

    async def _sound(self, frames: int, voice: bool) -> None:
        loop = asyncio.get_running_loop()
        level = LOUD if voice else 0.0
        begin_s = loop.time()
        for _ in range(frames):
            await asyncio.sleep(PTIME_S)
            self.session.hear(np.full(MIC_RATE // 50, level, np.float32))
        if voice:
            self.voiced_s.append((begin_s, loop.time()))


STAGE_OF: dict[type, str] = {
    SpeechStarted: "speech starts",
    SpeechStopped: "speech stops",
    UserTurn: "the turn is over",
    ReplyStarted: "the reply begins",
    TextDelta: "words of it come",
    ReplyDone: "the text is whole",
    BargeIn: "the reply is stopped",
}


def _stage(event: Event) -> str:
    """The stage that an event begins or ends; ``""`` for none."""
    if isinstance(event, Transcript):
        return "the words are known" if event.final else "a partial is known"
    if isinstance(event, Playback):
        begins = event.state is Played.STARTED
        return "the first audio sounds" if begins else "the audio has ended"
    return STAGE_OF.get(type(event), "")


def heard_soon(call: Caller, turn_s: float) -> float | None:
    """Seconds from the end of a turn to the first sound after it, if there is any."""
    after = [at_s for at_s, frame in call.heard if frame.turn and at_s >= turn_s]
    return after[0] - turn_s if after else None


def faults(call: Caller) -> Iterator[str]:
    """What must not be, of one conversation that is over."""
    events = call.dialect.events
    begun = [event.turn for event in events if isinstance(event, ReplyStarted)]
    ended = [event.turn for event in events if isinstance(event, ReplyDone)]
    if begun != ended:
        yield "replies do not end once, in their order"
    turns = [frame.turn for _, frame in call.heard]
    if turns != sorted(turns):
        yield "audio of an old reply"
    assert isinstance(call.text, FakeText) and isinstance(call.speech, FakeSpeech)
    if call.text.open_streams or call.speech.open_streams:
        yield "an engine works on"
    if call.recogniser.open_utterances:
        yield "an utterance is open"
    if call.dialect.closed_reasons != ["cancelled"]:
        yield "the call ended by itself"
    yield from (kind for kind, _ in waits(call) if kind != "in time")


def waits(call: Caller) -> Iterator[tuple[str, float]]:
    """Of each turn with words that nothing overtook: how it fared, and its wait."""
    said = {
        event.utterance: event.text
        for event in call.dialect.events
        if isinstance(event, Transcript) and event.final
    }
    limit_s = call.deadline_s + SLACK_S
    for event, at_s in zip(call.dialect.events, call.dialect.at_s, strict=True):
        if not isinstance(event, UserTurn):
            continue
        if event.utterance not in said:
            yield "the words never came", 0.0
            continue
        again = any(
            end > at_s and begin <= at_s + limit_s for begin, end in call.voiced_s
        )
        if again or not said[event.utterance]:
            continue
        wait_s = heard_soon(call, at_s)
        late = wait_s is None or wait_s > limit_s
        yield "silent past the deadline" if late else "in time", wait_s or 0.0


def conversation(seed: int) -> Caller:
    """Hold one; the stages of the first interruptions come in turn."""
    call = Caller(random.Random(seed), STAGES[seed % len(STAGES)])
    run_virtual(call.talk())
    return call


@dataclass(slots=True)
class Part:
    """Some conversations, counted; can be kept as JSON and gone on from.

    Attributes:
        spoke_at: Interruptions, by what had just happened.
        seeds: Conversations with a fault, by its kind; one for each time.
        in_time_ms: From the end of each turn that nothing overtook to the first sound.
        cpu_s: That it took.
    """

    spoke_at: Counter[str] = field(default_factory=Counter)
    seeds: dict[str, list[int]] = field(default_factory=dict)
    in_time_ms: list[float] = field(default_factory=list)
    cpu_s: float = 0.0

    def add(self, other: Part) -> None:
        """Count those of another, too."""
        self.spoke_at.update(other.spoke_at)
        for fault, seeds in other.seeds.items():
            self.seeds.setdefault(fault, []).extend(seeds)
        self.in_time_ms += other.in_time_ms
        self.cpu_s += other.cpu_s


def held(seeds: Iterable[int]) -> Part:
    """Hold some and count."""
    part = Part()
    began_s = time.process_time()
    for seed in seeds:
        call = conversation(seed)
        part.spoke_at.update(call.spoke_at)
        for fault in faults(call):
            part.seeds.setdefault(fault, []).append(seed)
        part.in_time_ms += [1000 * w for kind, w in waits(call) if kind == "in time"]
    part.cpu_s = time.process_time() - began_s
    return part


def kept_or_held(seeds: range, folder: Path) -> Part:
    """Take a part that an earlier run has kept, or hold it and keep it."""
    path = folder / f"interruptions_{seeds.start}_{seeds.stop - 1}.json"
    if path.is_file():
        found = json.loads(path.read_text())
        return Part(**{**found, "spoke_at": Counter(found["spoke_at"])})
    part = held(seeds)
    folder.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".part")
    # (``asdict`` would make a ``Counter`` of pairs.)
    plain = {each.name: getattr(part, each.name) for each in fields(part)}
    beside.write_text(json.dumps(plain))
    beside.replace(path)
    return part


def measure(conversations: int, first_seed: int, kept: Path) -> dict[str, Any]:
    """Hold some, or take those that were held, and sum up."""
    whole = Part()
    seeds = range(first_seed, first_seed + conversations)
    for at in range(0, conversations, PART):
        whole.add(kept_or_held(seeds[at : at + PART], kept))
        counts = {fault: len(some) for fault, some in whole.seeds.items()}
        print(seeds[at], counts, flush=True)
    late = len(whole.seeds.get("silent past the deadline", []))
    return {
        "conversations": conversations,
        "first_seed": first_seed,
        "interruptions": dict(sorted(whole.spoke_at.items())),
        "turns_not_overtaken": len(whole.in_time_ms) + late,
        "faults": {fault: len(some) for fault, some in whole.seeds.items()},
        "seeds": {fault: some[:5] for fault, some in whole.seeds.items()},
        "first_sound_ms": spread(whole.in_time_ms, 0),
        "cpu_s": round(whole.cpu_s),
    }


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--conversations", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kept", type=Path, help="folder of what was held before")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as unkept:
        kept = asked.kept or Path(unkept)
        found = measure(asked.conversations, asked.seed, kept)
    result = {"machine": machine(), **found}
    write(RESULTS / "interruptions.json", result)
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
