"""Voice to voice as ``make run`` starts it: how long a person waits for an answer.

Recorded human questions go in over WebRTC in real time, to the server as a person runs
it, with the ears that were fetched here and smart-turn. *Voice to voice*: last voiced
sample sent, to the first packet of the reply above -40 dBFS at the client's socket;
nothing is subtracted. Of each turn it is written down what was waited for: silence (and
what decided that it was enough), final words, or the answer's first sound.

    python -m benchmarks.embedded [--rounds 3]
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
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

# Known: the built-in responder has an answer. Other: it says that it has none. Eleven
# speakers; questions, short answers, orders, read sentences, a pause in two of them.
KNOWN = ("speech/command/brooklyn.wav", "speech/command/whatstheweatherlike.wav")
OTHER = (
    "speech/command/today.wav",
    "speech/command/half_an_hour.wav",
    "speech/command/goforward.wav",
    "speech/turns/unmute_dog-or-cat-3-nowait.mp3",
    "speech/read/sb_spk1_snt1.wav",
    "speech/read/sb_spk2_snt2.wav",
    "speech/read/librivox_0880.wav",
    "speech/read/voices_lab41.wav",
    "barista/00e09cf0-a01d-453e-9b89-dc6e6d31d362.flac",
    "barista/02b77977-ada7-4f37-a1b3-8cb433c8c8da.flac",
    "kathleen/arctic_a0001_1592748574.flac",
)
AIMS = {"p50": 600, "p95": 1000}
ANSWER_LIMIT_S = 15.0
HEARD_S = 0.5  # of an answer; the rest of it is not waited for
SMART_TURN = "smart-turn"
SEMANTIC: dict[str, Any] = {
    "type": "realtime",
    "audio": {
        "input": {"turn_detection": {"type": "semantic_vad", "eagerness": "high"}}
    },
}


async def answered(caller: Caller) -> None:
    """Wait for the answer, cut it off, and wait for the account of the turn."""
    cut = False
    for _ in range(round(ANSWER_LIMIT_S / 0.1)):
        if caller.heard("voiceserver.turn.latency"):
            return
        if not cut and caller.heard("output_audio_buffer.started"):
            cut = True
            await asyncio.sleep(HEARD_S)
            caller.send({"type": "response.cancel"})
            caller.send({"type": "output_audio_buffer.clear"})
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
        "waited_for": waited_for(turns[0]) if turns else None,
    }


def waited_for(turn: dict[str, Any]) -> dict[str, Any]:
    """What an answer was waited for, in ms: silence, then words, then its sound."""
    words_ms = sum(
        stage["spent_ms"]
        for stage in turn["stages"]
        if stage["stage"] == "recognition" and stage["outcome"] == "ok"
    )
    return {
        "decided_by": turn["endpoint_reason"],
        "silence_ms": turn["endpoint_ms"],
        "final_words_ms": words_ms,
        "then_ms": round(max(0.0, (turn["first_audio_ms"] or 0.0) - words_ms), 1),
        "answer": turn["speculation"] or "begun at the end",
    }


def spreads(asked: list[dict[str, Any]]) -> dict[str, Any]:
    """Figures of some questions, those without an answer left out."""
    some = [one for one in asked if one["waited_for"] and one["voice_to_voice_ms"]]
    waits = [one["waited_for"] for one in some]
    return {
        "voice_to_voice_ms": spread([one["voice_to_voice_ms"] for one in some]),
        **{
            part: spread([wait[part] for wait in waits])
            for part in ("silence_ms", "final_words_ms", "then_ms")
        },
        "decided_by": Counter(wait["decided_by"] for wait in waits),
    }


async def measure(rounds: int) -> dict[str, Any]:
    """Ask every question ``rounds`` times."""
    asked: list[dict[str, Any]] = []
    with serving(["-m", "voiceserver", "serve"]) as server:
        for _ in range(rounds):
            for name in (*KNOWN, *OTHER):
                asked.append(await ask(server, read(name)))
                print(json.dumps(asked[-1]), flush=True)
        memory = server.cost()
    known = [one for one in asked if one["utterance"] in KNOWN]
    other = [one for one in asked if one["utterance"] not in KNOWN]
    return {
        "machine": machine(),
        "ears": told(Config()),
        "turn_ends": SMART_TURN if is_there(SMART_TURN) else "none",
        "aims_ms": AIMS,
        "all": spreads(asked),
        "known": spreads(known),
        "other": spreads(other),
        "unanswered": sum(one["voice_to_voice_ms"] is None for one in asked),
        "rss_mb": {
            "front": round(memory.front_rss_mb),
            "all_processes": round(memory.all_rss_mb),
        },
        "turns": asked,
    }


def main() -> None:
    """Measure and write JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    result = asyncio.run(measure(parser.parse_args().rounds))
    path: Path = RESULTS / "embedded.json"
    write(path, result)
    print(json.dumps(result["all"], indent=1))
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
