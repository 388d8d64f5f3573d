"""pipecat: its OpenAI realtime service in a pipeline, without a transport."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    FunctionCallResultFrame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMUpdateSettingsFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.workers.runner import WorkerRunner

from tests.clients.setting import ANSWER, HEARD, RATE, REPLY_S, Setting, run, until


class Kept(FrameProcessor):  # type: ignore[misc]
    """Keeps the frames that pass."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[Any] = []

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        self.frames.append(frame)
        await self.push_frame(frame, direction)

    def of(self, kind: type, since: int = 0) -> list[Any]:
        return [frame for frame in self.frames[since:] if isinstance(frame, kind)]

    async def next(self, kind: type, since: int = 0) -> Any:
        found = await until(lambda: self.of(kind, since), kind.__name__)
        return found[0]

    def seconds(self) -> float:
        """Of audio."""
        sound = self.of(TTSAudioRawFrame)
        return sum(len(frame.audio) for frame in sound) / 2 / RATE

    def said(self, since: int = 0) -> str:
        return "".join(frame.text for frame in self.of(TTSTextFrame, since))


async def weather(params: Any) -> None:
    """The weather of a place."""
    await params.result_callback("sunny")


async def conversation(
    setting: Setting, worker: Any, service: Any, before: Kept, after: Kept
) -> None:
    """Spoken to, it answers; spoken over, it truncates."""
    items: list[Any] = []

    @service.event_handler("on_conversation_item_updated")  # type: ignore[untyped-decorator]
    async def _updated(_service: Any, _item_id: str, item: Any) -> None:
        items.append(item)

    async def send(pcm: bytes) -> None:
        frame = InputAudioRawFrame(audio=pcm, sample_rate=RATE, num_channels=1)
        await worker.queue_frame(frame)

    await setting.speak(send)
    assert (await before.next(TranscriptionFrame)).text == HEARD
    await after.next(LLMFullResponseEndFrame)
    assert after.said() == ANSWER
    assert after.seconds() == REPLY_S
    since = len(after.frames)
    await setting.speak(send)
    await after.next(InterruptionFrame, since)
    await after.next(LLMFullResponseEndFrame, since)
    answers = [item for item in items if item and item.role == "assistant"]
    kept = await service.retrieve_conversation_item(answers[0].id)
    assert ANSWER.startswith(kept.content[0].transcript)
    assert kept.content[0].transcript != ANSWER


async def update(worker: Any, service: Any) -> None:
    """New instructions are taken and shown."""
    shown: list[str] = []
    took = service._handle_evt_session_updated

    async def updated(event: Any) -> None:
        shown.append(event.session.instructions)
        await took(event)

    service._handle_evt_session_updated = updated
    delta = OpenAIRealtimeLLMService.Settings(system_instruction="Be briefer.")
    await worker.queue_frame(LLMUpdateSettingsFrame(delta=delta))
    await until(lambda: "Be briefer." in shown, "the update of the session")


async def main(setting: Setting) -> None:
    logger.remove()
    logger.add(sys.stderr, level="WARNING")
    names = setting.run_lines(
        "pipecat", {"OpenAIRealtimeLLMService": OpenAIRealtimeLLMService}
    )
    service = names["service"]
    asked: Any = [{"role": "user", "content": "Please use the tool."}]
    context = LLMContext(asked, tools=[weather])
    pair = LLMContextAggregatorPair(context)
    before, after = Kept(), Kept()
    pipeline = Pipeline([pair.user(), before, service, after, pair.assistant()])
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(runner.run())
        await worker.queue_frame(LLMContextFrame(context))
        await after.next(FunctionCallResultFrame)
        await until(lambda: "sunny" in after.said(), "the result of the tool")
        await until(lambda: after.seconds() == REPLY_S, "all of its sound")
        await asyncio.sleep(0.5)
        after.frames.clear()
        await update(worker, service)
        await conversation(setting, worker, service, before, after)
        errors: Any = await asyncio.gather(
            service.retrieve_conversation_item("none"), return_exceptions=True
        )
        assert "there is no item 'none'" in str(errors[0])
        await worker.queue_frame(EndFrame())
        await asyncio.wait({running}, timeout=10)
        assert running.done()
    faults = before.of(ErrorFrame) + after.of(ErrorFrame)
    assert not faults, faults


if __name__ == "__main__":
    run(main)
