"""ChatModel: streams, falls back, fails clearly, and never shows a key."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing

import pytest

from tests.faulty_text_server import DELTAS, TEXT, FaultyTextServer
from voiceserver.config import TextConfig, TextProvider
from voiceserver.engines.base import Message, TextRequest
from voiceserver.engines.chat import ChatLimits, ChatModel
from voiceserver.errors import ConfigError, EngineFailed

KEY = "sk-very-secret"
ENVIRON = {"TEST_KEY": KEY}
LIMITS = ChatLimits(connect_s=1, first_content_s=0.2, gap_s=0.3, total_s=3, warm_s=1)
ASK = TextRequest((Message("user", "is the light on"),), "Be brief.", 32)


def model(server: FaultyTextServer, *faults: str) -> ChatModel:
    """A model with a provider for each fault, named after it."""
    providers = tuple(
        TextProvider(f"at-{fault}", server.base_url, fault, "TEST_KEY")
        for fault in faults
    )
    return ChatModel(TextConfig(provider=providers), LIMITS, ENVIRON)


async def answer(chat: ChatModel) -> list[str]:
    async with asyncio.timeout(5), aclosing(chat.reply(ASK)) as stream:
        return [str(item) async for item in stream]


@pytest.mark.parametrize("key", ["", "  ", "\u00e9clair", "two\nlines"])
def test_an_unusable_key_is_a_configuration_error(key: str) -> None:
    """The error names provider and variable, and never the value."""
    config = TextConfig(provider=(TextProvider("mine", "http://h/v1", "m", "K"),))
    with pytest.raises(ConfigError, match=r"'mine'.* K ") as caught:
        ChatModel(config, environ={"K": key})
    assert not key.strip() or key not in str(caught.value)


def test_no_provider_is_a_configuration_error() -> None:
    """There must be somebody to ask."""
    with pytest.raises(ConfigError, match="provider"):
        ChatModel(TextConfig())


def test_the_key_is_not_in_the_representation() -> None:
    """A model that lands in a log shows no key."""
    config = TextConfig(provider=(TextProvider("p", "http://h/v1", "m", "K"),))
    chat = ChatModel(config, environ={"K": KEY})
    assert KEY not in repr(chat) + repr(vars(chat))


# Against a server on loopback.


@pytest.mark.net
@pytest.mark.parametrize("mode", ["ok", "think", "drop-once"])
async def test_an_answer_is_streamed(mode: str) -> None:
    """Deltas come one by one; thinking, or a dropped connection, changes nothing."""
    async with FaultyTextServer() as server, model(server, mode) as chat:
        assert await answer(chat) == list(DELTAS)
        sent = server.requests[-1]
        assert sent.target == "/v1/chat/completions"
        assert sent.headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.net
async def test_the_connection_is_opened_at_the_start_and_kept() -> None:
    """Warming and three answers use one connection."""
    async with FaultyTextServer() as server, model(server, "ok") as chat:
        assert server.connections == 1
        for _ in range(3):
            await answer(chat)
        assert server.connections == 1


@pytest.mark.net
@pytest.mark.parametrize(
    ("mode", "message"),
    [
        ("302", "HTTP 302"),
        ("401", "refused the key"),
        ("404", "address or the model .* code_404"),
        ("429", "rate limit"),
        ("500", "has a fault"),
        ("hang", "in time"),
        ("headers-hang", "stopped"),
        ("stall:2", "stopped"),
        ("cut:2", "broke off"),
        ("junk:2", "not JSON"),
        ("huge:2", "too long"),
        ("error:2", "overloaded"),
        ("no-done", "broke off"),
        ("empty", "empty"),
        ("html", "text/html"),
    ],
)
async def test_a_fault_is_an_engine_failure(
    mode: str, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It says who failed and how, soon, and shows no key anywhere."""
    caplog.set_level(logging.DEBUG)
    async with FaultyTextServer() as server, model(server, mode) as chat:
        with pytest.raises(EngineFailed, match=message) as caught:
            await answer(chat)
        assert caught.value.engine == f"at-{mode}"
    logged = "".join(str(vars(record)) for record in caplog.records)
    assert KEY not in str(caught.value) + logged


@pytest.mark.net
@pytest.mark.parametrize("mode", ["401", "429", "500", "hang", "empty", "cut:0"])
async def test_the_next_provider_answers(mode: str) -> None:
    """A provider that gives no word is passed over."""
    async with FaultyTextServer() as server, model(server, mode, "ok") as chat:
        assert "".join(await answer(chat)) == TEXT


@pytest.mark.net
async def test_a_begun_answer_is_not_continued_by_another() -> None:
    """Two answers are never spliced."""
    async with FaultyTextServer() as server, model(server, "stall:2", "ok") as chat:
        async with aclosing(chat.reply(ASK)) as stream:
            assert [await anext(stream), await anext(stream)] == list(DELTAS[:2])
            with pytest.raises(EngineFailed, match="stopped"):
                await anext(stream)
        assert len(server.requests) == 1


@pytest.mark.net
async def test_the_last_fault_is_told_when_all_fail() -> None:
    """With nobody left to ask the reply fails."""
    async with FaultyTextServer() as server, model(server, "500", "429") as chat:
        with pytest.raises(EngineFailed, match="at-429"):
            await answer(chat)


@pytest.mark.net
@pytest.mark.parametrize("count", range(4))
async def test_closing_the_stream_closes_the_response(count: int) -> None:
    """Whatever was taken, the server sees the connection end at once."""
    async with FaultyTextServer() as server, model(server, "stall:3") as chat:
        stream = chat.reply(ASK)
        for _ in range(count):
            await anext(stream)
        await stream.aclose()
        if count:
            async with asyncio.timeout(1):
                await server.closed.wait()
        assert server.open == (0 if count else 1)  # the one warmed


@pytest.mark.net
@pytest.mark.parametrize("mode", ["hang", "headers-hang", "stall:2"])
async def test_cancelling_ends_the_wait_at_once(mode: str) -> None:
    """A task that waits for words can be cancelled, and its connection ends."""
    async with FaultyTextServer() as server, model(server, mode) as chat:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(answer(chat))
            await server.asked.wait()
            task.cancel()
        assert task.cancelled()
        async with asyncio.timeout(1):
            await server.closed.wait()


@pytest.mark.net
async def test_a_server_that_is_away_does_not_stop_the_start() -> None:
    """Warming warns and goes on; asking fails clearly."""
    async with FaultyTextServer() as server:
        gone = model(server, "ok")
    async with gone as chat:
        with pytest.raises(EngineFailed, match="cannot be reached"):
            await answer(chat)


async def test_a_model_that_is_not_open_says_so() -> None:
    """Asking before entering is our fault, told as an engine's."""
    config = TextConfig(provider=(TextProvider("p", "http://h/v1", "m"),))
    with pytest.raises(EngineFailed, match="not open"):
        await anext(ChatModel(config).reply(ASK))
