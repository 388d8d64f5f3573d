"""Log lines."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator
from typing import Literal

import pytest

from tests.server.running import running
from voiceserver.config import LogConfig
from voiceserver.server.observability.log import STRUCK, Problems, call_named, set_up

SECRET = "canary-secret-4711"
UTTERANCE = "the canary sings at midnight"


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """Undo what a test does to the process's logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("aiohttp.server").filters.clear()


def test_a_line_for_people_names_the_call_and_the_fields() -> None:
    """On one line, whatever is in them."""
    stream = io.StringIO()
    set_up(LogConfig(), stream=stream)
    with call_named("rtc_1"):
        logging.getLogger("x").info("call began", extra={"reason": "a\nb"})
    line = stream.getvalue()
    assert line.endswith(" info call began call=rtc_1 reason=a\\nb\n")


def test_what_a_library_marks_every_record_with_is_not_told() -> None:
    """Ray gives each one its own time, in every process that imports it."""
    stream = io.StringIO()
    set_up(LogConfig(), stream=stream)
    marked = {"_ray_timestamp_ns": 1, "n": 3}
    logging.getLogger("x").warning("odd", extra=marked)
    assert stream.getvalue().endswith(" warning odd n=3\n")


def test_a_line_for_machines_is_json() -> None:
    """Exceptions too stay on one line."""
    stream = io.StringIO()
    set_up(LogConfig(format="json"), stream=stream)
    failed = ValueError("x")
    logging.getLogger("x").error("failed", extra={"turn": 3}, exc_info=failed)
    content = json.loads(stream.getvalue())
    assert (content["message"], content["turn"]) == ("failed", 3)
    assert "ValueError" in content["traceback"]
    assert "call" not in content


@pytest.mark.parametrize("kind", ["text", "json"])
def test_a_secret_is_struck_out_wherever_it_turns_up(kind: str) -> None:
    """In message, field or traceback; and bearer tokens without being told."""
    stream = io.StringIO()
    set_up(LogConfig(format=kind), [SECRET], stream)  # type: ignore[arg-type]
    log = logging.getLogger("x")
    log.warning("given %s", SECRET, extra={"header": f"Bearer {SECRET}"})
    log.warning("token", extra={"header": "Bearer abcdefghijkl", "key": "sk-abcdef123"})
    log.error("failed", exc_info=ValueError(SECRET))
    written = stream.getvalue()
    assert SECRET not in written
    assert "abcdef" not in written
    assert STRUCK in written


@pytest.mark.net
async def test_neither_a_key_nor_words_are_ever_logged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Through every route that takes words, at the most talkative level."""
    monkeypatch.setenv("VS_TEST_KEY", SECRET)
    stream = io.StringIO()
    set_up(LogConfig(level="debug"), [], stream)
    key = {"Authorization": f"Bearer {SECRET}"}
    async with running(api_key_env="VS_TEST_KEY") as server:
        spoken = {"input": UTTERANCE, "voice": "alloy", "response_format": "pcm"}
        for headers in (key, {"Authorization": f"Bearer x{SECRET}"}, {}):
            async with server.client.post(
                "/v1/audio/speech", json=spoken, headers=headers
            ) as answer:
                await answer.read()
        await server.place(f"bug {UTTERANCE}", headers=key)
        await server.place("late bug", headers=key)
    assert SECRET not in stream.getvalue()
    assert UTTERANCE not in stream.getvalue()


@pytest.mark.net
@pytest.mark.parametrize("level", ["info", "debug"])
async def test_what_is_no_http_is_answered_and_not_logged(
    level: Literal["info", "debug"],
) -> None:
    """Anybody can send it, as often as they like; who looks for it asks for debug."""
    stream = io.StringIO()
    set_up(LogConfig(level), stream=stream)
    async with running() as server:
        port = int(server.url.rsplit(":", 1)[1])
        for junk in (
            b"GET / HTTP/1.1\r\nHost: a\r\nbad bad\r\n\r\n",
            b"GET / HTTQ\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(junk)
            async with asyncio.timeout(5):
                assert b" 400 " in await reader.readline()
            writer.close()
    assert ("Traceback" in stream.getvalue()) == (level == "debug")


def test_the_newest_problems_are_kept_as_they_are_logged() -> None:
    """Warnings and errors, bounded, with secrets struck out; none once it is left."""
    set_up(LogConfig(), [SECRET], io.StringIO())
    problems = Problems(most=2)
    log = logging.getLogger("voiceserver.x")
    with problems:
        log.info("fine")
        log.warning("first")
        log.warning("key %s", SECRET)
        log.error("broken", extra={"why": "x\ny"})
    log.error("later")
    assert [one["line"] for one in problems.told] == [
        f"key {STRUCK}",
        "broken why=x\\ny",
    ]
    assert [one["level"] for one in problems.told] == ["warning", "error"]
