"""Callers of ``hosts_calls``, in a process of their own, which one core can be given.

Reads lines of JSON: ``{"calls": 8}`` calls until there are so many, at the addresses of
its command line by turns; ``{"calls": 8, "talk": true}`` has each of them ask two
questions then, and answers with what they heard. Ends with its input.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections import Counter
from typing import Any

import uvloop

from benchmarks.caller import Caller, Refused, encoded
from benchmarks.conversation import SILENCE_MS, UTTERANCES, converse, judge
from benchmarks.recordings import read

APART_S = 0.1  # between the beginnings of two calls
TRIES, AGAIN_S = 6, 1.0  # a busy host takes one call after the other
STAGGER_S = 4.0  # over which the first questions of all are spread
QUESTIONS = 2


class Callers:
    """Callers that stay.

    Args:
        urls: Whom they call.
    """

    def __init__(self, urls: list[str]) -> None:
        self._urls = urls
        self._said = [read(name) for name in UTTERANCES[:QUESTIONS]]
        self._callers: list[Caller] = []
        self._refused = 0
        for utterance in self._said:
            encoded(utterance.samples)  # before any call needs the loop

    async def grow(self, number: int) -> None:
        """Call until there are so many, or one is refused for too long."""
        while len(self._callers) < number and not self._refused:
            url = self._urls[len(self._callers) % len(self._urls)]
            for _ in range(TRIES):
                caller = Caller(url)
                try:
                    await caller.connect()
                except (Refused, TimeoutError):
                    await caller.close()
                    await asyncio.sleep(AGAIN_S)
                else:
                    self._callers.append(caller)
                    break
            else:
                self._refused += 1
            await asyncio.sleep(APART_S)

    async def talk(self) -> dict[str, Any]:
        """Have everybody ask; return what was heard."""
        used_s, began_s = time.process_time(), time.perf_counter()
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(self._ask(caller, STAGGER_S * n / len(self._callers)))
                for n, caller in enumerate(self._callers)
            ]
        used_s = time.process_time() - used_s
        took_s = time.perf_counter() - began_s
        heard = [
            judge(caller, self._said, sent.result())
            for caller, sent in zip(self._callers, asked, strict=True)
        ]
        after_ms = [ms - SILENCE_MS for one in heard for ms in one.reply_ms]
        return {
            "after_silence_ms": after_ms,
            "unanswered": sum(one.unanswered for one in heard),
            "calls": len(self._callers),
            "refused": self._refused,
            "cpu_s": used_s,
            "took_s": took_s,
            "at": Counter(one.call_id.split(".")[0] for one in self._callers),
        }

    async def _ask(self, caller: Caller, late_s: float) -> list[list[float]]:
        await asyncio.sleep(late_s)
        caller.packets.clear()
        return await converse(caller, self._said)

    async def leave(self) -> None:
        """Hang up."""
        for caller in self._callers:
            await caller.close()


async def obey(urls: list[str]) -> None:
    """Do what is asked, line by line."""
    callers = Callers(urls)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        await callers.grow(asked["calls"])
        told = await callers.talk() if asked.get("talk") else {}
        print(json.dumps(told), flush=True)
    await callers.leave()


if __name__ == "__main__":
    uvloop.run(obey(sys.argv[1:]))
