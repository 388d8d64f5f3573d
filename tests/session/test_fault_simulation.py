"""Hundreds of seeded conversations with faults injected into every engine.

Whatever an engine does (error, hang, late, empty, garbage, a bug, a swallowed
cancellation): at most one live reply, one end for each, nothing stuck, no task left.
``VOICESERVER_CONVERSATIONS=4000`` runs as many; ``voiceserver bench budget`` runs
10,000 turns over faulty providers.
"""

from __future__ import annotations

import os
import random

import pytest

from tests.fakes import Call
from tests.faults import FaultyRecogniser, FaultySpeech, FaultyText
from tests.virtual_time import run_virtual
from voiceserver.config import BudgetConfig, Config, TurnConfig
from voiceserver.events import (
    Playback,
    Played,
    ReplyDone,
    ReplyStarted,
    Transcript,
    UserTurn,
)

CONVERSATIONS = int(os.environ.get("VOICESERVER_CONVERSATIONS", "400"))
PARTS = 8
BUDGET = BudgetConfig(
    recognition_last_ms=3000,
    text_stall_ms=800,
    text_words_ms=1300,
    speech_last_ms=600,
)


def conversation(seed: int) -> Call:
    """Run one: two to four utterances of random lengths at random times."""
    rng = random.Random(seed)
    policy = rng.choice(["fixed", "graded"])
    turn = TurnConfig(policy=policy, silence_ms=300)  # type: ignore[arg-type]
    call = Call(
        Config(turn=turn, budget=BUDGET),
        FaultyRecogniser(rng),
        FaultyText(rng),
        FaultySpeech(rng),
    )
    script = []
    for _ in range(rng.randint(2, 4)):
        script.append((rng.uniform(0.02, 3.0), False))
        script.append((rng.uniform(0.05, 1.5), True))
    script.append((10.0, False))  # long enough for every limit to pass
    run_virtual(call.run(script))
    return call


def check(call: Call, seed: int) -> None:
    """The invariants of every conversation."""
    events = call.dialect.events
    live: set[int] = set()
    ended: set[int] = set()
    sounding: set[int] = set()
    for event in events:
        if isinstance(event, ReplyStarted):
            assert not live, f"seed {seed}: two replies alive"
            assert event.turn not in ended
            live.add(event.turn)
        elif isinstance(event, ReplyDone):
            assert event.turn in live, f"seed {seed}: an end without a start"
            live.remove(event.turn)
            ended.add(event.turn)
        elif isinstance(event, Playback):
            if event.state is Played.STARTED:
                sounding.add(event.turn)
            else:
                assert event.turn in sounding, f"seed {seed}: ended before it began"
                sounding.remove(event.turn)
    assert not live, f"seed {seed}: a reply never ended"
    assert not sounding, f"seed {seed}: a reply sounds for ever"
    committed = {e.utterance for e in events if isinstance(e, UserTurn)}
    settled = [e.utterance for e in events if isinstance(e, Transcript) and e.final]
    assert sorted(settled) == sorted(committed), f"seed {seed}: words unsettled"
    assert call.text.open_streams == call.speech.open_streams == 0  # type: ignore[attr-defined]
    assert call.recogniser.open_utterances == 0
    assert call.dialect.closed_reasons == ["cancelled"], f"seed {seed}: ended early"


@pytest.mark.parametrize("part", range(PARTS))
def test_no_fault_breaks_a_conversation(part: int) -> None:
    """The invariants hold in each of the seeded conversations."""
    for seed in range(part, CONVERSATIONS, PARTS):
        check(conversation(seed), seed)
