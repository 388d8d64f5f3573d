"""Voice to voice as ``make run`` starts it: how long a person waits for an answer.

Recorded human questions go in over WebRTC in real time, to the server as a person runs
it, with the ears that were fetched here and smart-turn. *Voice to voice*: last voiced
sample sent, to the first packet of the reply above -40 dBFS at the client's socket;
nothing is subtracted.

    python -m benchmarks.embedded [--rounds 5]
"""

from __future__ import annotations

import argparse
import asyncio
import json
from pathlib import Path
from typing import Any

from benchmarks.caller import RATE, Caller, decode
from benchmarks.conversation import AUDIBLE_DB
from benchmarks.figures import RESULTS, spread, write
from benchmarks.processes import Server, machine, serving
from benchmarks.recordings import Utterance, read
from voiceserver.audio import level_db
from voiceserver.config import Config
from voiceserver.engines.ears import told
from voiceserver.weights.place import is_there

# Known: the built-in responder has an answer. Other: it says that it has none.
KNOWN = ("speech/command/brooklyn.wav", "speech/command/whatstheweatherlike.wav")
OTHER = ("speech/read/sb_spk2_snt2.wav", "speech/read/sb_spk1_snt1.wav")
AIMS = {"p50": 600, "p95": 1000}
ANSWER_LIMIT_S = 15.0
SMART_TURN = "smart-turn"
SEMANTIC: dict[str, Any] = {
    "type": "realtime",
    "audio": {
        "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}
    },
}


async def answered(caller: Caller) -> None:
    """Wait for the account of the turn, which comes when it was played."""
    for _ in range(round(ANSWER_LIMIT_S / 0.1)):
        if any(e["type"] == "voiceserver.turn.latency" for _, e in caller.events):
            return
        await asyncio.sleep(0.1)


async def ask(server: Server, utterance: Utterance) -> dict[str, Any]:
    """Ask one question in a call of its own, as the page would set it up."""
    caller = Caller(server.url)
    try:
        await caller.connect(SEMANTIC)
        await asyncio.sleep(1.0)
        caller.microphone.say(utterance.samples)
        await asyncio.sleep(len(utterance.samples) / RATE)
        await answered(caller)
    finally:
        await caller.close()
    last_s = caller.microphone.sent_at_s(utterance.voiced_until - 1)
    assert last_s is not None
    audible = [
        at_s
        for at_s, samples in decode(caller.packets)
        if at_s > last_s and level_db(samples) > AUDIBLE_DB
    ]
    events = [event for _, event in caller.events]
    texts = [e["transcript"] for e in events if str(e["type"]).endswith(".completed")]
    turns = [e for e in events if e["type"] == "voiceserver.turn.latency"]
    return {
        "utterance": utterance.name,
        "voice_to_voice_ms": round((audible[0] - last_s) * 1000, 1)
        if audible
        else None,
        "heard_words": texts[0] if texts else "",
        "turn": turns[0] if turns else None,
    }


async def measure(rounds: int) -> dict[str, Any]:
    """Ask every question ``rounds`` times."""
    asked: dict[str, list[dict[str, Any]]] = {"known": [], "other": []}
    with serving(["-m", "voiceserver", "serve"]) as server:
        for _ in range(rounds):
            for kind, names in (("known", KNOWN), ("other", OTHER)):
                for name in names:
                    one = await ask(server, read(name))
                    asked[kind].append(one)
                    print(kind, name, one["voice_to_voice_ms"], flush=True)
        memory = server.cost()
    return {
        "machine": machine(),
        "ears": told(Config()),
        "turn_ends": SMART_TURN if is_there(SMART_TURN) else "none",
        "aims_ms": AIMS,
        "voice_to_voice_ms": {
            kind: spread([o["voice_to_voice_ms"] for o in ones if o["turn"]])
            for kind, ones in asked.items()
        },
        "endpoint_ms": {
            kind: spread([o["turn"]["endpoint_ms"] for o in ones if o["turn"]])
            for kind, ones in asked.items()
        },
        "first_audio_after_commit_ms": {
            kind: spread(
                [
                    o["turn"]["first_audio_ms"]
                    for o in ones
                    if o["turn"] and o["turn"]["first_audio_ms"]
                ]
            )
            for kind, ones in asked.items()
        },
        "unanswered": sum(
            one["voice_to_voice_ms"] is None for ones in asked.values() for one in ones
        ),
        "rss_mb": {
            "front": round(memory.front_rss_mb),
            "all_processes": round(memory.all_rss_mb),
        },
        "turns": asked,
    }


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    result = asyncio.run(measure(parser.parse_args().rounds))
    path: Path = RESULTS / "embedded.json"
    write(path, result)
    print(json.dumps(result["voice_to_voice_ms"], indent=1))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
