"""A text model in a process of its own, answering by a script."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from tests.engines.conformance import answered, check_text_model
from tests.engines.llm.scripted import ANSWER
from tests.processes.test_supervised import until
from voiceserver.budget import Spent
from voiceserver.engines.base import Message, Shortened, TextItem, TextRequest
from voiceserver.engines.notes import Note, Probable
from voiceserver.engines.remote.text import RemoteText, text_spec
from voiceserver.errors import EngineFailed, ProviderFailed
from voiceserver.metrics import Metrics
from voiceserver.tools import Tool, ToolCall, ToolUse

pytestmark = pytest.mark.net

CORE = "tests.engines.llm.scripted:load"
TOOL = Tool("note", "", {"type": "object"})


@asynccontextmanager
async def remote(answer: str = ANSWER) -> AsyncGenerator[RemoteText, None]:
    spec = text_spec("house", CORE, {"answer": answer})
    async with RemoteText(spec, "letters@1", Metrics()) as model:
        await model.ready()
        yield model


def request(*said: str, **more: object) -> TextRequest:
    roles = ("user", "assistant")
    messages = tuple(Message(roles[n % 2], text) for n, text in enumerate(said))
    return TextRequest(messages, **more)  # type: ignore[arg-type]


def joined(items: list[TextItem]) -> str:
    return "".join(item for item in items if isinstance(item, str))


async def test_a_remote_text_model_conforms_and_gives_its_account() -> None:
    """Text, probabilities, tokens; cut answers; one process for all of it."""
    async with remote() as model:
        assert (model.name, model.version) == ("house", "letters@1")
        await check_text_model(model, "Is it?")
        notes: list[Note] = []
        items = await answered(model, request("Is it?", observe=notes.append))
        assert joined(items) == ANSWER
        assert notes[:-1] == [Probable((-0.5,))] * len(ANSWER)
        assert notes[-1] == Spent(len("uIs it?\n"), len(ANSWER))
        items = await answered(model, request("Is it?", max_output_tokens=5))
        assert (joined(items), items[-1]) == (ANSWER[:5], Shortened())


async def test_an_answer_that_is_closed_frees_the_model_at_once() -> None:
    """It would go on for ever; the next one begins within a step."""
    async with remote() as model:
        async with aclosing(model.reply(request("slow ever"))) as stream:
            await anext(stream)
        async with asyncio.timeout(5):
            assert joined(await answered(model, request("Is it?"))) == ANSWER


async def test_what_goes_wrong_is_a_provider_that_fails() -> None:
    """So that the next is asked; without any words of the conversation."""
    async with remote() as model:
        for said, wanted, kind in [
            ("break", "house: ZeroDivisionError", "error"),
            ("word " * 100, "too long", "refused"),
            ("nothing", "house: its answer was empty", "refused"),
        ]:
            with pytest.raises(ProviderFailed, match=wanted) as failure:
                await answered(model, request(said))
            assert failure.value.kind == kind
        forced = ToolUse((TOOL,), "=note")
        with pytest.raises(ProviderFailed, match="cannot be made to call") as refusal:
            await answered(model, request("Hello.", tools=forced))
        assert refusal.value.kind == "refused"
        assert joined(await answered(model, request("Is it?"))) == ANSWER


async def test_a_process_that_dies_fails_its_answer_and_comes_back() -> None:
    """Nobody waits for a model that is being loaded again."""
    async with remote() as model:
        with pytest.raises(ProviderFailed, match="exit code 3"):
            await answered(model, request("die"))
        with pytest.raises(ProviderFailed):
            await answered(model, request("Is it?"))
        await until(lambda: model.pid is not None)
        assert joined(await answered(model, request("Is it?"))) == ANSWER
        assert model.pid is not None
        with contextlib.suppress(ProviderFailed):
            async with aclosing(model.reply(request("for ever"))) as stream:
                await anext(stream)
                os.kill(model.pid, signal.SIGKILL)
                async for _ in stream:
                    pass


async def test_a_call_that_is_written_is_a_call() -> None:
    """The template taught the model to write it; nobody hears it."""
    written = '<tool_call>{"name": "note", "arguments": {"a": 1}}</tool_call>'
    async with remote(written) as model:
        items = await answered(model, request("Note it.", tools=ToolUse((TOOL,))))
        [call] = items
        assert isinstance(call, ToolCall)
        assert (call.name, call.arguments) == ("note", '{"a": 1}')


async def test_thoughts_are_not_spoken() -> None:
    """Where the template opens them only the closing tag is seen."""
    async with remote("They ask.</think>Yes.") as model:
        assert joined(await answered(model, request("thinking"))) == "Yes."


async def test_a_core_that_cannot_be_loaded_says_why() -> None:
    """With what to do."""
    spec = text_spec("house", "voiceserver.engines.llm.jobs:load", {"model": "/gone"})
    async with RemoteText(spec, "x", Metrics()) as model:
        with pytest.raises(EngineFailed, match=r"/gone is not there; \[transformers\]"):
            await model.ready()
