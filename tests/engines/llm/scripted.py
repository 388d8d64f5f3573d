"""A text model of letters that answers by a script, in a process of its own or none."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from voiceserver.engines.llm.beginnings import Ways
from voiceserver.engines.llm.jobs import LanguageJobs, Limits
from voiceserver.engines.llm.prompt import Chat, Prompt
from voiceserver.errors import EngineFailed

END = 0
PROMPT_END = "\n"
ANSWER = "It is so."


class Letters:
    """Reads letters; says ``answer``, and does what the last words say.

    Attributes:
        reads: What it was given to read, one piece after another.
    """

    context = 400
    ends = frozenset({END})

    def __init__(self, answer: str = ANSWER) -> None:
        self.reads: list[str] = []
        self.ways: Ways[Any] = Ways(list, lambda c, n: c[:n], self._cut)
        self._answer = answer

    def read(self, computed: list[int], tokens: list[int]) -> str:
        text = "".join(map(chr, tokens))
        self.reads.append(text)
        computed += tokens
        whole = "".join(map(chr, computed))
        asked, _, said = whole.partition(PROMPT_END)
        if asked.endswith("break"):
            raise ZeroDivisionError("secret words")
        if asked.endswith("die"):
            os._exit(3)
        if asked.endswith("slow"):
            time.sleep(0.02)
        if asked.endswith("nothing"):
            return chr(END)
        return "…" if asked.endswith("ever") else (self._answer + chr(END))[len(said)]

    def choose(self, following: str, temperature: float) -> tuple[int, float]:
        return ord(following), -0.5

    def writer(self) -> Letters:
        return self

    def push(self, token: int) -> str:
        return chr(token)

    def _cut(self, computed: list[int], n: int) -> bool:
        del computed[n:]
        return True


class Lines:
    """A template that writes a line for each message."""

    def prompt(self, chat: Chat, tools: list[Mapping[str, Any]], most: int) -> Prompt:
        text = "|".join(f"{m['role'][0]}{m['content']}" for m in chat) + PROMPT_END
        if len(text) > most:
            raise EngineFailed("scripted", "too long")
        return Prompt(tuple(map(ord, text)), opened="thinking" in text)


def load(settings: dict[str, object]) -> LanguageJobs:
    """What a process calls."""
    answer = str(settings.get("answer", ANSWER))
    return LanguageJobs(Letters(answer), Lines(), Limits(), "Be brief.")
