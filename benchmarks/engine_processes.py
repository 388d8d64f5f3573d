"""What the processes of the engines cost: round trips, first audio, memory, restarts.

    python benchmarks/engine_processes.py [-o FILE]

Medians with 95th and 99th percentiles, the load average beside them. Loopback is not
involved: engines are reached by Unix sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import signal
import threading
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop

from voiceserver import ipc
from voiceserver.audio import MIC_RATE, resample
from voiceserver.config import Config
from voiceserver.engines.base import Engines, SpeechRequest
from voiceserver.engines.remote_recogniser import RemoteRecogniser
from voiceserver.engines.remote_speech import RemoteSynthesizer
from voiceserver.engines.table import open_engines
from voiceserver.ipc import BlockingLine, Closed, Kind, Message
from voiceserver.metrics import Metrics
from voiceserver.supervisor.line import Line

ROUND_TRIPS = 5000
PHRASES = 20
RESTARTS = 5
PHRASE = "Hello there, how can I help you today?"
FRAME = bytes(960)  # 20 ms of 24 kHz int16

Row = dict[str, Any]


def spread(seconds: Sequence[float]) -> Row:
    """Median and tails, in ms."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, (50, 95, 99))
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "n": len(seconds)}


async def round_trips() -> Row:
    """A frame to an echoing thread and back, through both sides of ``ipc``."""
    ours, theirs = ipc.pair()

    def echo() -> None:
        line = BlockingLine(theirs)
        try:
            while (message := line.receive()) is not None:
                line.send(message)
        except Closed:
            line.close()

    thread = threading.Thread(target=echo)
    thread.start()
    came = asyncio.Event()
    line = Line(ours, lambda _message: came.set(), lambda _why: None)
    taken = []
    for number in range(ROUND_TRIPS):
        began = time.perf_counter()
        came.clear()
        line.send(Message(Kind.ITEM, 1, number, {"decoded": number}, FRAME))
        await came.wait()
        taken.append(time.perf_counter() - began)
    line.close()
    thread.join()
    return spread(taken)


async def first_audio(voice: RemoteSynthesizer) -> Row:
    """From asking for a phrase to its first chunk, and to its last."""
    first, whole = [], []
    for _ in range(PHRASES):
        began = time.perf_counter()
        async with aclosing(voice.speak(SpeechRequest(PHRASE))) as stream:
            await anext(stream)
            first.append(time.perf_counter() - began)
            async for _chunk in stream:
                pass
        whole.append(time.perf_counter() - began)
        await asyncio.sleep(0.05)
    return {"first_chunk": spread(first), "whole_phrase": spread(whole)}


async def cancelled(voice: RemoteSynthesizer) -> Row:
    """From closing a long phrase to the first chunk of the next."""
    taken = []
    for _ in range(PHRASES):
        stream = voice.speak(SpeechRequest(PHRASE * 20))
        await anext(stream)
        began = time.perf_counter()
        await stream.aclose()
        async with aclosing(voice.speak(SpeechRequest(PHRASE))) as after:
            await anext(after)
        taken.append(time.perf_counter() - began)
    return spread(taken)


async def restarts(engine: RemoteSynthesizer | RemoteRecogniser) -> Row:
    """From SIGKILL to the next process that is warmed up."""
    taken = []
    for _ in range(RESTARTS):
        pid, began = _pids(engine)[0], time.perf_counter()
        os.kill(pid, signal.SIGKILL)
        wanted = len(_pids(engine))
        while pid in _pids(engine) or len(_pids(engine)) < wanted:  # noqa: ASYNC110
            await asyncio.sleep(0.002)
        taken.append(time.perf_counter() - began)
    return spread(taken)


def _pids(engine: RemoteSynthesizer | RemoteRecogniser) -> Sequence[int]:
    if isinstance(engine, RemoteRecogniser):
        return engine.pids
    return [] if engine.pid is None else [engine.pid]


async def finals(voice: RemoteSynthesizer, ears: RemoteRecogniser, kill: bool) -> Row:
    """Audio in real time; from its end to the final words, a crash in it or not."""
    async with aclosing(voice.speak(SpeechRequest("What is the time?"))) as stream:
        spoken = np.concatenate([chunk.samples async for chunk in stream])
    audio = resample(spoken, 24_000, MIC_RATE)
    taken, words = [], []
    for _ in range(RESTARTS):
        utterance = ears.open()
        for at in range(0, len(audio), 320):
            utterance.push(audio[at : at + 320])
            await asyncio.sleep(0.02)
        began = time.perf_counter()
        if kill:
            os.kill(ears.pids[0], signal.SIGKILL)
        words.append((await utterance.final()).text)
        taken.append(time.perf_counter() - began)
        utterance.close()
        while len(ears.pids) < 2:  # noqa: ASYNC110 - the killed one comes back
            await asyncio.sleep(0.01)
    return {**spread(taken), "same_words": len(set(words)) == 1}


async def measure() -> Row:
    """Open the default engines and measure all."""
    result: Row = {"round_trip_of_a_frame": await round_trips()}
    began = time.perf_counter()
    async with open_engines(Config(), Metrics()) as engines:
        result["start_of_all_engines_s"] = time.perf_counter() - began
        result |= await _of_engines(engines)
        began = time.perf_counter()
    result["stop_of_all_engines_s"] = time.perf_counter() - began
    return result


async def _of_engines(engines: Engines) -> Row:
    voice, ears = engines.speech, engines.recogniser
    assert isinstance(voice, RemoteSynthesizer)
    assert isinstance(ears, RemoteRecogniser)
    pids = [*_pids(voice), *_pids(ears)]
    rss = [psutil.Process(pid).memory_info().rss / 1e6 for pid in pids]
    return {
        "rss_mb": {"voice": rss[0], "recognisers": rss[1:]},
        "voice": await first_audio(voice),
        "close_to_next_first_chunk": await cancelled(voice),
        "recogniser_final": await finals(voice, ears, kill=False),
        "recogniser_final_after_a_crash": await finals(voice, ears, kill=True),
        "restart": {
            "voice": await restarts(voice),
            "recogniser": await restarts(ears),
        },
    }


def main() -> None:
    """Measure; print JSON, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-o", "--output", type=Path)
    output = parser.parse_args().output
    load = os.getloadavg()
    result = uvloop.run(measure())
    machine = {"cores": os.cpu_count(), "python": platform.python_version()}
    before_after = [round(load[0], 1), round(os.getloadavg()[0], 1)]
    result = {"load_before_and_after": before_after, "machine": machine, **result}
    text = json.dumps(result, indent=2, default=float)
    if output:
        output.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
