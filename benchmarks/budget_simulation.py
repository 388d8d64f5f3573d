"""Turns in virtual time: does the pipeline give what its stages' times imply?

Each stage's time is drawn from a distribution. What the first audio of the answer must
then be is reckoned apart, by adding them up; the share of turns in time that the
pipeline gives is compared with it. Then turns over providers with drawn faults: no
answer may be spliced, no task left behind.
"""

from __future__ import annotations

import asyncio
import functools
import random
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.chat_faults import ChatService
from tests.fake_transport import FakeTransport
from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeVad
from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import MIC_RATE
from voiceserver.budget import TurnLedger, TurnRecord
from voiceserver.commands import CallSettings
from voiceserver.config import (
    BudgetConfig,
    Config,
    TextConfig,
    TextProvider,
    TurnConfig,
)
from voiceserver.engines.base import Message, Reminder, SpeechChunk, TextModel
from voiceserver.engines.lines import LineCache
from voiceserver.engines.opened import Engines
from voiceserver.engines.providers.chains import text_chain
from voiceserver.engines.providers.costs import Costs
from voiceserver.engines.responder import Responder
from voiceserver.engines.responder.standby import Standby
from voiceserver.events import Event, Played, ReplyDone, Transcript
from voiceserver.metrics import Metrics
from voiceserver.reply.playout import Notices, Playout
from voiceserver.reply.reply import Reply
from voiceserver.reply.request import Source
from voiceserver.reply.stages import prepare_lines

PTIME_S = 0.02
FILLER_S = 0.2  # the fake voice takes that long for a word
TARGETS_MS = (350, 600, 700, 900)
FAULTS = (
    *("ok",) * 6,
    "401",
    "429:2",
    "500",
    "hang",
    "headers-hang",
    "slow:500",
    "slow:900",
    "think:3000",
    "stall:0",
    "stall:3",
    "cut:0",
    "cut:3",
    "junk:1",
    "error:3",
    "no-done",
    "empty",
    "nothing",
    "html",
    "wrong-model",
)
WORDS = {"a": "apple", "b": "berry"}


@dataclass(frozen=True)
class Times:
    """What the stages of one turn take, in seconds, and the carrier's phase."""

    recognition_s: float
    text_s: float
    speech_s: float
    phase_s: float


def draw(rng: random.Random) -> Times:
    """Log-normal stages: medians of the budget's table, and a tail."""
    return Times(
        min(0.39, rng.lognormvariate(np.log(0.040), 0.4)),
        min(1.5, rng.lognormvariate(np.log(0.240), 0.5)),
        min(0.9, rng.lognormvariate(np.log(0.045), 0.5)),
        rng.uniform(0, PTIME_S),
    )


def implied_ms(times: Times, budget: BudgetConfig) -> tuple[float, float]:
    """First audio of any kind and of the answer, by adding up.

    A filler begins at the text's soft limit, or at the last moment of the deadline;
    the answer begins when it is there and the filler has ended. Audio leaves with the
    carrier's next pull.
    """
    text_soft_s = min(
        budget.text_cap_ms / 1000,
        (budget.turn_ms - budget.speech_reserve_ms - budget.egress_reserve_ms) / 1000
        - times.recognition_s,
    )
    worded_s = times.recognition_s + times.text_s
    ready_s = worded_s + times.speech_s
    last_s = (budget.turn_ms - budget.egress_ms) / 1000
    filler_s = None
    if times.text_s > text_soft_s:
        filler_s = min(times.recognition_s + text_soft_s, last_s)
    elif ready_s > last_s:
        filler_s = last_s
    if filler_s is None:
        first = _pulled(ready_s, times.phase_s)
        return first, first
    any_s = _pulled(filler_s, times.phase_s)
    # Frames of 20 ms: what follows the filler leaves with the frame after it.
    return any_s, max(_pulled(ready_s, times.phase_s), any_s + FILLER_S * 1000)


def _pulled(at_s: float, phase_s: float) -> float:
    pulls = np.ceil((at_s - phase_s) / PTIME_S - 1e-9)
    return float(phase_s + pulls * PTIME_S) * 1000


@functools.cache
def _spoken_beforehand() -> LineCache[SpeechChunk]:
    """The lines of the default budget, for all turns."""
    fast = Engines(FakeVad(), FakeRecogniser(), FakeText(), FakeSpeech(0.0))
    run_virtual(prepare_lines(fast, BudgetConfig(), "alloy", 1.0))
    return fast.lines


class Turn:
    """One reply with a carrier that pulls."""

    def __init__(
        self, text: TextModel, times: Times, budget: BudgetConfig, turn: int = 1
    ) -> None:
        self.events: list[Event | Reminder] = []
        clock = VirtualClock()
        recogniser = FakeRecogniser(("tell me about fruit",))
        recogniser.final_s = times.recognition_s
        utterance = recogniser.open()
        utterance.push(np.ones(MIC_RATE, np.float32))
        self.speech = FakeSpeech(times.speech_s)
        self._engines = Engines(
            FakeVad(), recogniser, text, self.speech, _spoken_beforehand()
        )
        self._times = times
        self._budget = budget
        self._clock = clock
        self._utterance = utterance
        self._number = turn

    async def run(self) -> TurnRecord:
        """Run it to its end; return the ledger line."""
        self.ledger = TurnLedger(self._number, self._budget, self._clock.now_ns())
        now_ns = self._clock.now_ns

        def noticed(_turn: int, state: Played) -> None:
            if state is Played.STARTED:
                self.ledger.any_audio(now_ns())

        playout = Playout(
            Notices(noticed, lambda _turn: self.ledger.first_audio(now_ns()))
        )
        playout.begin(self._number)
        self.reply = Reply(
            self._number,
            Source(1, self._utterance),
            CallSettings("", "alloy", 1.0, TurnConfig()),
            self._engines,
            playout,
            self.ledger,
            now_ns,
            self._emit,
            lambda saying: (Message("user", saying or "tell me about fruit"),),
        )
        async with asyncio.TaskGroup() as group:
            pulling = group.create_task(self._pull(playout))
            await self.reply.run()
            while playout.sounding or not playout.played:
                await asyncio.sleep(PTIME_S)
                if self._clock.now_ns() > self.ledger.commit_ns + 30 * 10**9:
                    break
            pulling.cancel()
        return self.ledger.close()

    async def _emit(self, event: Event | Reminder) -> None:
        self.events.append(event)
        if isinstance(event, Transcript):
            self.reply.proceed()

    async def _pull(self, playout: Playout) -> None:
        loop = asyncio.get_running_loop()
        due_s = loop.time() + self._times.phase_s
        while True:
            await asyncio.sleep(due_s - loop.time())
            playout.next_frame()
            due_s += PTIME_S

    @property
    def text(self) -> str:
        """All that was told."""
        done = [event for event in self.events if isinstance(event, ReplyDone)]
        return done[-1].text if done else ""


def attainment(turns: int, seed: int) -> dict[str, Any]:
    """Run turns with drawn stage times; compare shares in time with what is implied."""
    budget = BudgetConfig(speculations=0)
    rng = random.Random(seed)
    got: list[float] = []
    want: list[float] = []
    got_any: list[float] = []
    for _ in range(turns):
        times = draw(rng)
        text = FakeText(5, times.text_s)
        text.gap_s = 0.0
        record = run_virtual(Turn(text, times, budget).run())
        assert record.first_audio_ms is not None and record.any_audio_ms is not None
        got.append(record.first_audio_ms)
        got_any.append(record.any_audio_ms)
        want.append(implied_ms(times, budget)[1])
    shares = {}
    for target in TARGETS_MS:
        measured = 100 * float(np.mean(np.array(got) <= target + 0.01))
        implied = 100 * float(np.mean(np.array(want) <= target + 0.01))
        shares[str(target)] = {
            "measured_percent": round(measured, 2),
            "implied_percent": round(implied, 2),
            "difference": round(measured - implied, 2),
        }
    return {
        "turns": turns,
        "in_time": shares,
        "largest_any_audio_ms": round(max(got_any), 1),
    }


def faulty(turns: int, seed: int) -> dict[str, Any]:
    """Run turns over two providers with drawn faults; count what must not be."""
    rng, metrics = random.Random(seed), Metrics()
    spliced = silent = leaked = late = 0
    steps: dict[str, int] = {}
    largest = 0.0
    for number in range(1, turns + 1):
        faults = [rng.choice(FAULTS), rng.choice(FAULTS)]
        transport, model = _providers(faults, metrics)
        budget = BudgetConfig(speculations=rng.choice((0, 3)))
        turn = Turn(model, draw(rng), budget, number)
        record = run_virtual(turn.run())  # raises if a task is left
        spliced += all(word in turn.text for word in WORDS.values())
        silent += record.first_audio_ms is None
        late += record.any_audio_ms is None or record.any_audio_ms > budget.turn_ms
        largest = max(largest, record.any_audio_ms or 0.0)
        leaked += bool(transport.open or turn.speech.open_streams)
        for step in record.steps:
            steps[step] = steps.get(step, 0) + 1
    return {
        "turns": turns,
        "spliced": spliced,
        "silent": silent,
        "leaked": leaked,
        "any_audio_later_than_the_deadline": late,
        "largest_any_audio_ms": round(largest, 1),
        "steps_percent": {
            step: round(100 * n / turns, 1) for step, n in sorted(steps.items())
        },
    }


def own_cpu_ms(turns: int) -> float:
    """CPU time of a turn from commit to end, without audio frames and sockets.

    Reply, answer, stages, failover, breaker and the reading of a stream of eight
    deltas; the fakes' few calls are in it too.
    """
    transport, metrics = FakeTransport(), Metrics()
    deltas = ("Yes", *["."] * 7)
    transport.services["a"] = ChatService(0.2, 0.02, deltas)
    config = Config(
        text=TextConfig(provider=(TextProvider("a", "http://a/v1", "ok"),)),
        budget=BudgetConfig(speculations=0, fillers=()),
    )
    last = Standby(Responder(config.responder))
    model = text_chain(config, transport, last, metrics, Costs(metrics))
    clock = VirtualClock()
    engines = Engines(FakeVad(), FakeRecogniser(("yes or no",)), model, FakeSpeech())

    async def one(number: int) -> None:
        utterance = engines.recogniser.open()
        utterance.push(_LOUD)
        ledger = TurnLedger(number, config.budget, clock.now_ns())
        playout = Playout()
        playout.begin(number)

        async def emit(event: Event | Reminder) -> None:
            if isinstance(event, Transcript):
                reply.proceed()

        reply = Reply(
            number,
            Source(1, utterance),
            CallSettings("", "alloy", 1.0, TurnConfig()),
            engines,
            playout,
            ledger,
            clock.now_ns,
            emit,
            lambda saying: (Message("user", saying or "yes or no"),),
        )
        await reply.run()
        ledger.close()

    async def all_of_them() -> float:
        await one(1)
        began_s = time.process_time()
        for number in range(2, turns + 2):
            await one(number)
        return time.process_time() - began_s

    return round(run_virtual(all_of_them()) * 1000 / turns, 2)


_LOUD = np.ones(MIC_RATE, np.float32)


def _providers(faults: list[str], metrics: Metrics) -> tuple[FakeTransport, TextModel]:
    services, providers = {}, []
    for name, fault in zip(WORDS, faults, strict=True):
        deltas = (f"{WORDS[name]} is good. ", *[f"{WORDS[name]} "] * 4, "end.")
        services[name] = ChatService(0.2, 0.02, deltas)
        providers.append(
            TextProvider(name, f"http://{name}/v1", fault, expect_model=fault)
        )
    transport = FakeTransport(services)
    config = Config(text=TextConfig(provider=tuple(providers)))
    last = Standby(Responder(config.responder))
    return transport, text_chain(config, transport, last, metrics, Costs(metrics))
