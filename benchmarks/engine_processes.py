"""What the processes of the engines cost: round trips, first audio, memory, restarts.

    python -m benchmarks.engine_processes [--round-trips] [-o FILE]

Medians with 95th and 99th percentiles, the load average beside them. Loopback is not
involved: engines are reached by Unix sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop

from voiceserver.audio import MIC_RATE, resample
from voiceserver.config import Config, EnginesConfig, RecogniserConfig
from voiceserver.engines.base import SpeechRequest
from voiceserver.engines.opened import Engines
from voiceserver.engines.opening import open_engines
from voiceserver.engines.remote.recogniser import RemoteRecogniser
from voiceserver.engines.remote.synthesizer import RemoteSynthesizer
from voiceserver.metrics import Metrics
from voiceserver.processes import ipc
from voiceserver.processes.ipc import Kind, Line, Message

ROUND_TRIPS = 5000
PHRASES = 20
WARM_UP = 200
RESTARTS = 3
UTTERANCES = 5
PHRASE = "Hello there, how can I help you today?"
FRAME = bytes(960)  # 20 ms of 24 kHz int16

_ECHO = """
import socket, sys
from voiceserver.processes.ipc import BlockingLine, Closed
line = BlockingLine(socket.socket(fileno=int(sys.argv[1])))
try:
    while True:
        line.send(line.receive())
except Closed:
    pass
"""

# The same without our code, to tell what the machine takes for waking two processes.
_BARE = """
import socket, sys
line = socket.socket(fileno=int(sys.argv[1]))
while packet := line.recv(65536):
    line.send(packet)
"""

Row = dict[str, Any]


def spread(seconds: Sequence[float]) -> Row:
    """Median and tails, in ms."""
    p50, p95, p99 = np.percentile(np.array(seconds) * 1000, (50, 95, 99))
    return {"p50_ms": p50, "p95_ms": p95, "p99_ms": p99, "n": len(seconds)}


async def round_trips() -> Row:
    """A frame to an echoing process and back, through both sides of ``ipc``."""
    ours, theirs = ipc.pair()
    with theirs:
        echo = _echo(_ECHO, theirs.fileno())
    came = asyncio.Event()
    line = Line(ours, lambda _message: came.set(), lambda _why: came.set())
    taken: list[float] = []
    cpu_s = 0.0
    for number in range(WARM_UP + ROUND_TRIPS):
        if number == WARM_UP:
            cpu_s, taken = time.process_time(), []
        began = time.perf_counter()
        came.clear()
        line.send(Message(Kind.ITEM, 1, number, {"decoded": number}, FRAME))
        await came.wait()
        taken.append(time.perf_counter() - began)
    cpu_s = time.process_time() - cpu_s
    line.close()
    echo.wait()
    return {**spread(taken), "cpu_us_here": cpu_s / ROUND_TRIPS * 1e6}


def bare_round_trips() -> Row:
    """The same packet between two processes that do nothing but send and receive."""
    ours, theirs = ipc.pair()
    with theirs:
        echo = _echo(_BARE, theirs.fileno())
    packet = ipc.encode(Message(Kind.ITEM, 1, 1, {"decoded": 1}, FRAME))
    taken = []
    with ours:
        for _ in range(WARM_UP + ROUND_TRIPS):
            began = time.perf_counter()
            ours.send(packet)
            ours.recv(len(packet))
            taken.append(time.perf_counter() - began)
    echo.wait()
    return spread(taken[WARM_UP:])


async def trips() -> Row:
    """Those alone."""
    return {
        "bare_round_trip": bare_round_trips(),
        "round_trip_of_a_frame": await round_trips(),
    }


def _echo(source: str, fd: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", source, str(fd)], pass_fds=(fd,))


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


async def restarts(slot: str) -> Row:
    """From SIGKILL to the next process that is warmed up, each time the first crash.

    After several crashes in a row a start waits, which is not what is asked here.
    """
    stubs = EnginesConfig(vad="stub", recogniser="stub", text="stub", speech="stub")
    names = {"speech": "neural", "recogniser": "pocketsphinx"}
    chosen = dataclasses.replace(stubs, **{slot: names[slot]})  # type: ignore[arg-type]
    config = Config(engines=chosen, recogniser=RecogniserConfig(processes=1))
    taken = []
    for _ in range(RESTARTS):
        async with open_engines(config, Metrics()) as engines:
            engine = getattr(engines, slot)
            pid, began = _pids(engine)[0], time.perf_counter()
            os.kill(pid, signal.SIGKILL)
            while _pids(engine) in ([], [pid]):  # noqa: ASYNC110 - a process
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
    cpu_s = _cpu_s(ears)
    for _ in range(UTTERANCES):
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
    result = {**spread(taken), "same_words": len(set(words)) == 1}
    if not kill:
        heard_s = UTTERANCES * len(audio) / MIC_RATE
        result["cpu_s_per_s_of_audio"] = (_cpu_s(ears) - cpu_s) / heard_s
    return result


def _cpu_s(ears: RemoteRecogniser) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in ears.pids]
    return float(sum(each.user + each.system for each in times))


async def measure() -> Row:
    """Open the default engines and measure all."""
    result = await trips()
    began = time.perf_counter()
    async with open_engines(Config(), Metrics()) as engines:
        result["start_of_all_engines_s"] = time.perf_counter() - began
        result |= await _of_engines(engines)
        began = time.perf_counter()
    result["stop_of_all_engines_s"] = time.perf_counter() - began
    result["restart"] = {
        slot: await restarts(slot) for slot in ("speech", "recogniser")
    }
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
    }


def main() -> None:
    """Measure; print JSON, or write it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--round-trips", action="store_true", help="only those")
    args = parser.parse_args()
    output = args.output
    load = os.getloadavg()
    result = uvloop.run(trips() if args.round_trips else measure())
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
