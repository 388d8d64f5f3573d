"""How long the server keeps a telephone's audio, each way, on a line without faults.

A server of real sockets and engines that only look at the time: from a packet that is
sent to its samples in the session, and to the window that voice activity is asked of;
from a chunk that the voice gives to the packet that its first sample is in. The 20 ms
of a packet are the telephone's own. Part of ``benchmarks.phone``; in one process with
its telephone, by the times at which the system took packets.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from benchmarks.figures import spread
from benchmarks.phone_caller import FRAME, Telephone, mu_law
from tests.e2e.running import free_port
from tests.fakes import FakeSpeech
from tests.server.running import fake_engines, running
from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.carriers.sip.call import SipCall
from voiceserver.carriers.table import listeners
from voiceserver.config import Config, SipConfig, TelephonyConfig
from voiceserver.engines.base import (
    SpeechChunk,
    SpeechRequest,
    StreamWindows,
    VoiceActivity,
)

LOUD = 0.2
BURSTS = 5  # of a call, a packet each
APART_S = 0.23  # no multiple of a packet or a window
SPEECH_S = 0.4


class Ear:
    """Notes when it is shown something loud."""

    window = 512

    def __init__(self) -> None:
        self.at_s: list[float] = []

    def open(self) -> VoiceActivity:
        """There is one call at a time."""
        return self

    def probability(self, window: Samples) -> float:
        """It is never speech, so that nothing follows."""
        if np.abs(window).max() > LOUD:
            self.at_s.append(time.perf_counter())
        return 0.01

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        """Each as if it came alone."""
        return [self.probability(window) for window in windows]

    def together(self, asked: Sequence[StreamWindows]) -> list[list[float]]:
        """Each stream by itself."""
        return [stream.probabilities(windows) for stream, windows in asked]

    def reset(self) -> None:
        """Nothing is kept."""


class Mouth(FakeSpeech):
    """Says everything as one loud chunk, and notes when."""

    at_s = 0.0

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Give it at once."""
        del request
        self.at_s = time.perf_counter()
        yield SpeechChunk(np.full(round(SPEECH_S * SPEECH_RATE), 0.5, np.float32))


async def mouth_to_ear(n_calls: int) -> dict[str, Any]:
    """Ring so many times, one after the other.

    Returns:
        Spreads in ms: ``in`` to the session, ``window`` to voice activity, ``out`` from
        the voice, and ``added``, the sums of ``in`` and ``out``.
    """
    ear, mouth = Ear(), Mouth()
    heard: list[float] = []
    hear: Any = SipCall._hear

    def noted(call: SipCall, samples: Samples, made_up: bool) -> None:
        if len(samples) and np.abs(samples).max() > LOUD:
            heard.append(time.perf_counter())
        hear(call, samples, made_up)

    sip = SipConfig(port=free_port())
    config = Config(sip=sip, telephony=TelephonyConfig(ask_after_s=0))
    engines = replace(fake_engines(), vad=ear, speech=mouth)
    into: list[float] = []
    windows: list[float] = []
    out: list[float] = []
    call_type: Any = SipCall
    call_type._hear = noted
    try:
        async with running(config, engines, listeners=listeners):
            for _ in range(n_calls):
                phone = Telephone(sip.port)
                await phone.ring()
                await asyncio.sleep(SPEECH_S + 0.3)
                out += _first_after(mouth.at_s, _loud(phone))
                for _ in range(BURSTS):
                    heard.clear()
                    ear.at_s.clear()
                    phone.say(_BURST)
                    await asyncio.sleep(APART_S)
                    into += _first_after(phone.sent_s[0], heard)
                    windows += _first_after(phone.sent_s[0], ear.at_s)
                await phone.hang_up()
    finally:
        call_type._hear = hear
    pairs = zip(into, np.repeat(out, BURSTS), strict=False)
    return {
        "in_ms": spread(into),
        "window_ms": spread(windows),
        "out_ms": spread(out),
        "added_ms": spread([float(one + other) for one, other in pairs]),
    }


_BURST = mu_law(np.full(FRAME, 0.5, np.float32))


def _loud(phone: Telephone) -> list[float]:
    sounds = phone.decoded(0.0)
    return [at_s for at_s, samples in sounds if np.abs(samples).max() > LOUD]


def _first_after(since_s: float, times_s: list[float]) -> list[float]:
    """How long after, in ms; nothing if never."""
    return [(at_s - since_s) * 1000 for at_s in times_s if at_s >= since_s][:1]
