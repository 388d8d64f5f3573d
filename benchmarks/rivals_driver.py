"""Asks a chat service with faults through pipecat's or LiveKit's failover.

Run by ``benchmarks.rivals`` with the Python of an environment that has them, which
has nothing of this server: stands alone. Takes what to do as JSON, its only argument,
and prints what came of it as JSON, on the last line. Every fault is a call of its own,
all at the same time and after a call that warms the process; each system is used as it
comes, with its own defaults.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

START_LIMIT_S = 60.0

Given = dict[str, Any]
Say = Callable[[str], None]


class Heard:
    """One turn: when its first words came, and all of them."""

    def __init__(self) -> None:
        self._began_s = time.perf_counter()
        self.first_s: float | None = None
        self.text = ""
        self.ended = asyncio.Event()

    def take(self, text: str | None) -> None:
        """Take the next words."""
        if text:
            if self.first_s is None:
                self.first_s = time.perf_counter() - self._began_s
            self.text += text

    @property
    def told(self) -> dict[str, Any]:
        """As ``benchmarks.rivals`` has its own."""
        whole = self.text.rstrip().endswith("shut.")
        return {"first_s": self.first_s, "whole": whole}


async def livekit_call(given: Given, fault: str) -> list[dict[str, Any]]:
    """Turns of a call over ``FallbackAdapter``."""
    from livekit.agents import llm
    from livekit.plugins import openai

    first, second = (
        openai.LLM(model=model, base_url=given["url"], api_key="none")
        for model in (fault, "ok")
    )
    adapter = llm.FallbackAdapter([first, second])
    turns = []
    for _ in range(given["turns"]):
        context = llm.ChatContext.empty()
        context.add_message(role="user", content=given["said"])
        heard = Heard()
        with contextlib.suppress(Exception):  # what failed has no words, or few
            async with (
                asyncio.timeout(given["limit_s"]),
                adapter.chat(chat_ctx=context) as stream,
            ):
                async for chunk in stream:
                    heard.take(chunk.delta.content if chunk.delta else None)
        turns.append(heard.told)
    return turns


async def pipecat_call(given: Given, fault: str) -> list[dict[str, Any]]:
    """Turns of a call over ``ServiceSwitcher`` with its strategy of failover."""
    from pipecat.frames.frames import (
        Frame,
        LLMContextFrame,
        LLMFullResponseEndFrame,
        LLMTextFrame,
    )
    from pipecat.pipeline.pipeline import Pipeline
    from pipecat.pipeline.runner import PipelineRunner
    from pipecat.pipeline.service_switcher import (
        ServiceSwitcher,
        ServiceSwitcherStrategyFailover,
    )
    from pipecat.pipeline.task import PipelineTask
    from pipecat.processors.aggregators.llm_context import LLMContext
    from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
    from pipecat.services.openai.llm import OpenAILLMService

    heard = Heard()

    class Ear(FrameProcessor):  # type: ignore[misc]  # known in that environment alone
        async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
            await super().process_frame(frame, direction)
            if isinstance(frame, LLMTextFrame):
                heard.take(frame.text)
            elif isinstance(frame, LLMFullResponseEndFrame) and heard.text:
                heard.ended.set()
            await self.push_frame(frame, direction)

    services = [
        OpenAILLMService(
            api_key="none",
            base_url=given["url"],
            settings=OpenAILLMService.Settings(model=model),
        )
        for model in (fault, "ok")
    ]
    switcher = ServiceSwitcher(services, strategy_type=ServiceSwitcherStrategyFailover)
    task = PipelineTask(Pipeline([switcher, Ear()]))
    started = asyncio.Event()

    @task.event_handler("on_pipeline_started")  # type: ignore[untyped-decorator]
    async def on_started(*_given: object) -> None:
        started.set()

    running = asyncio.create_task(PipelineRunner(handle_sigint=False).run(task))
    await asyncio.wait_for(started.wait(), START_LIMIT_S)
    turns = []
    for _ in range(given["turns"]):
        heard = Heard()
        said = [{"role": "user", "content": given["said"]}]
        await task.queue_frame(LLMContextFrame(LLMContext(said)))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(heard.ended.wait(), given["limit_s"])
        turns.append(heard.told)
    await task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await asyncio.wait_for(running, 5)
    return turns


CALLS: dict[str, tuple[str, Callable[[Given, str], Awaitable[list[Any]]]]] = {
    "livekit": ("livekit-agents", livekit_call),
    "pipecat": ("pipecat-ai", pipecat_call),
}


async def main() -> None:
    """Do what is asked for."""
    given: Given = json.loads(sys.argv[1])
    package, call = CALLS[given["who"]]
    await call(
        given | {"turns": 2, "limit_s": START_LIMIT_S}, "ok"
    )  # all is loaded then
    found = await asyncio.gather(*(call(given, fault) for fault in given["faults"]))
    faults = dict(zip(given["faults"], found, strict=True))
    print(json.dumps({"version": version(package), "faults": faults}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)  # threads of theirs must not keep the process
