"""Engines with faults on command: error, hang, late, garbage, crash, bad cancel.

A fault is drawn by a seeded generator for every call of an engine, so a run of
thousands of conversations is the same every time.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator

import numpy as np

from tests.fakes import FakeRecogniser, FakeSpeech, FakeText, FakeUtterance
from voiceserver.engines.base import (
    DICTATION,
    Hypothesis,
    Opening,
    Reminder,
    SpeechChunk,
    SpeechRequest,
    TextRequest,
)
from voiceserver.errors import EngineFailed, Overloaded

FAULTS = (
    "none",
    "none",
    "none",
    "error_first",
    "error_later",
    "hang_first",
    "hang_later",
    "late",
    "empty",
    "garbage",
    "bug",  # a programming error, not one of ours
    "error_on_cancel",  # answers a cancellation with an error of our own
    "swallow_cancel",  # ends as if nothing had happened
)


class FaultyText(FakeText):
    """A text engine that fails in the way drawn for each call."""

    def __init__(self, rng: random.Random, words: int = 12) -> None:
        super().__init__(words)
        self._rng = rng
        self.drawn: list[str] = []

    async def reply(self, request: TextRequest) -> AsyncGenerator[str | Reminder, None]:
        fault = self._rng.choice(FAULTS)
        self.drawn.append(fault)
        self.open_streams += 1
        try:
            await _before(fault, "text")
            for index, word in enumerate(self.words):
                if index == 6:
                    await _later(fault, "text")
                yield "\x00\ufffd<<>>" if fault == "garbage" else f"{word}, "
                await asyncio.sleep(self.gap_s)
        except asyncio.CancelledError:
            if fault == "error_on_cancel":
                raise EngineFailed("text", "torn down") from None
            if fault != "swallow_cancel":
                raise
        finally:
            self.open_streams -= 1


class FaultySpeech(FakeSpeech):
    """A synthesizer that fails in the way drawn for each call."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng
        self.drawn: list[str] = []

    async def speak(self, request: SpeechRequest) -> AsyncGenerator[SpeechChunk, None]:
        fault = self._rng.choice(FAULTS)
        self.drawn.append(fault)
        self.open_streams += 1
        try:
            await _before(fault, "speech")
            for index in range(0 if fault == "empty" else 6):
                if index == 3:
                    await _later(fault, "speech")
                level = float("nan") if fault == "garbage" else 0.3
                yield SpeechChunk(np.full(2400, level, np.float32))
        except asyncio.CancelledError:
            if fault == "error_on_cancel":
                raise EngineFailed("speech", "torn down") from None
            if fault != "swallow_cancel":
                raise
        finally:
            self.open_streams -= 1


class FaultyUtterance(FakeUtterance):
    """An utterance whose end goes wrong in the way drawn for it."""

    fault = "none"

    async def final(self) -> Hypothesis:
        await _before(self.fault, "recogniser")
        await _later(self.fault, "recogniser")
        if self.fault == "empty":
            return Hypothesis(final=True)
        return await super().final()


class FaultyRecogniser(FakeRecogniser):
    """A recogniser that refuses, fails or hangs in the way drawn for each utterance."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__()
        self._rng = rng

    def open(self, opening: Opening = DICTATION) -> FaultyUtterance:
        fault = self._rng.choice((*FAULTS, "refuse"))
        if fault == "refuse":
            raise Overloaded("all recognisers are taken")
        utterance = FaultyUtterance(self, "tell me more")
        utterance.fault = fault
        return utterance


async def _before(fault: str, engine: str) -> None:
    if fault == "error_first":
        raise EngineFailed(engine, "cannot begin")
    if fault == "bug":
        raise ZeroDivisionError("a bug")
    if fault == "hang_first":
        await asyncio.Event().wait()
    await asyncio.sleep(3.0 if fault == "late" else 0.1)


async def _later(fault: str, engine: str) -> None:
    if fault == "error_later":
        raise EngineFailed(engine, "broke in the middle")
    if fault == "hang_later":
        await asyncio.Event().wait()
