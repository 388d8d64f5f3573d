"""Engines that need no model: deterministic, for benchmarks and tests of clients.

Chosen by ``[engines]`` like any other. What they cost is next to nothing, so what is
measured with them is the server.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

import numpy as np

from voiceserver.audio import MIC_RATE, SPEECH_RATE, Samples, level_db
from voiceserver.engines.base import (
    DICTATION,
    Hypothesis,
    Opening,
    Shortened,
    SpeechChunk,
    SpeechRequest,
    StreamWindows,
    TextItem,
    TextRequest,
    VoiceActivity,
)
from voiceserver.errors import EngineFailed
from voiceserver.tools import Tool, ToolCall

HEARD = "this is a test sentence"  # whatever is said
HEARD_AFTER = MIC_RATE // 10  # samples

# One phrase, not two: no comma, and too short to be cut elsewhere.
ANSWER = "This is the answer of the stub."
REFUSAL = "I am sorry, but I cannot help with that."
LONG_SENTENCES = 40
LONG_GAP_S = 0.02

SPEECH_S = 8.0
OPENING_S = 0.1  # of another pitch: tells a reply's beginning from its middle
OPENING_HZ, REST_HZ = 1500, 440
AMPLITUDE = 0.3
CHUNK_S = 0.1
TIMES_FASTER = 5  # than real time

LOUD_DB = -45.0  # a window above this is speech to the stub
_WORD = re.compile(r"[a-z]+")


class StubVad:
    """Takes what is loud for speech."""

    window = 512

    def open(self) -> VoiceActivity:
        """Return a detector for a new stream."""
        return self

    def probability(self, window: Samples) -> float:
        """0.95 above ``LOUD_DB``, else 0.02."""
        return 0.95 if level_db(window) > LOUD_DB else 0.02

    def probabilities(self, windows: Sequence[Samples]) -> list[float]:
        """The same of each."""
        return [self.probability(window) for window in windows]

    def together(self, asked: Sequence[StreamWindows]) -> list[list[float]]:
        """Each stream by itself."""
        return [stream.probabilities(windows) for stream, windows in asked]

    def reset(self) -> None:
        """Nothing is kept between windows."""


class StubRecogniser:
    """Hears the same sentence in everything."""

    name = "stub"
    language = "en"

    def open(self, opening: Opening = DICTATION) -> StubUtterance:
        """Begin an utterance."""
        return StubUtterance()


class StubUtterance:
    """Knows its sentence once it got 100 ms of audio, however silent."""

    def __init__(self) -> None:
        self._n_samples = 0
        self._closed = False
        self.latest = Hypothesis()

    def push(self, samples: Samples) -> None:
        """Add audio; ignored after the final hypothesis."""
        self._n_samples += len(samples)
        if not self.latest.final and self._n_samples >= HEARD_AFTER:
            self.latest = Hypothesis(HEARD)

    def voiced(self, until: int) -> None:
        """It makes no difference."""

    async def final(self) -> Hypothesis:
        """Return the sentence, or nothing if there was too little audio.

        Raises:
            EngineFailed: If the utterance was closed before.
        """
        if self._closed and not self.latest.final:
            raise EngineFailed("stub", "the utterance was closed")
        self.latest = Hypothesis(self.latest.text, final=True, complete=True)
        return self.latest

    def close(self) -> None:
        """Nothing is held."""
        self._closed = True


class StubText:
    """Answers with one sentence at once, or as a word of the last message asks.

    ``refuse`` says no, ``stall`` begins and goes silent, ``fail`` raises, ``long``
    says forty sentences. ``tool``, there or in the instructions, calls the first
    function offered, ``tools`` calls all; so does a choice that requires it. The
    result of a call is told.
    """

    name = "stub"
    version = "1"

    async def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Stream the answer.

        Raises:
            EngineFailed: If it was asked to fail.
        """
        last = request.messages[-1] if request.messages else None
        if last is not None and last.role == "tool":
            yield f"The tool says {last.text}."
            return
        words = set(_WORD.findall(last.text.lower() if last is not None else ""))
        if called := _called(request, words):
            for number, tool in enumerate(called, len(request.messages)):
                arguments = json.dumps(_arguments(tool.parameters))
                yield ToolCall(f"call_stub_{number}", tool.name, arguments)
            return
        if "fail" in words:
            raise EngineFailed(self.name, "it was asked to fail")
        if "refuse" in words:
            yield REFUSAL
        elif "stall" in words:
            yield "This is where "
            await asyncio.Event().wait()
        elif "long" in words:
            for number in range(1, LONG_SENTENCES + 1):
                yield f"This is sentence number {number}. "
                await asyncio.sleep(LONG_GAP_S)
        elif 0 < (limit := request.max_output_tokens) < len(ANSWER.split()):
            yield " ".join(ANSWER.split()[:limit])  # a word is a token
            yield Shortened()
        else:
            yield ANSWER


def _called(request: TextRequest, words: set[str]) -> tuple[Tool, ...]:
    """Which of the functions offered are called."""
    use = request.tools
    if use.forced:
        return tuple(tool for tool in use.tools if tool.name == use.forced)
    words = words | set(_WORD.findall(request.instructions.lower()))
    if use.choice == "none" or not use.tools:
        return ()
    if "tools" in words:
        return use.tools
    return use.tools[:1] if use.choice == "required" or "tool" in words else ()


_EXAMPLES: dict[str, object] = {
    "string": "stub",
    "integer": 1,
    "number": 1,
    "boolean": True,
    "array": [],
    "object": {},
}


def _arguments(schema: Mapping[str, Any]) -> dict[str, object]:
    """A value for each property that the function requires."""
    properties = schema.get("properties", {})
    return {
        name: properties.get(name, {}).get("enum", [None])[0]
        or _EXAMPLES.get(properties.get(name, {}).get("type", ""), "stub")
        for name in schema.get("required", ())
    }


class StubSpeech:
    """Says everything as the same 8 s of tone, five times faster than real time."""

    name = "stub"
    voices = ("alloy",)

    def __init__(self) -> None:
        self._audio = tone()

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        """Stream the tone; text without a letter or digit gives nothing."""
        if not any(map(str.isalnum, request.text)):
            return
        loop = asyncio.get_running_loop()
        due = loop.time()
        size = round(CHUNK_S * SPEECH_RATE)
        for at in range(0, len(self._audio), size):
            yield SpeechChunk(self._audio[at : at + size].copy())
            due += CHUNK_S / TIMES_FASTER
            await asyncio.sleep(max(0.0, due - loop.time()))


def tone() -> Samples:
    """The stub's speech: shape ``(192000,)``, a short high tone, then a low one."""
    at_s = np.arange(round(SPEECH_S * SPEECH_RATE)) / SPEECH_RATE
    hz = np.where(at_s < OPENING_S, OPENING_HZ, REST_HZ)
    return np.asarray(AMPLITUDE * np.sin(2 * np.pi * hz * at_s), np.float32)
