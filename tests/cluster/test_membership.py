"""What is between a host and the directory."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace

import pytest

from tests.cluster.local_directory import LocalDirectory
from voiceserver import __version__
from voiceserver.cluster import membership as module
from voiceserver.cluster.directory import Standing, View
from voiceserver.cluster.membership import passed_on
from voiceserver.processes.ipc import Kind, Line, Message, pair

pytestmark = pytest.mark.net

A = Standing("a", "http://a", "1", __version__, ("s",), 0.0)


async def test_one_slow_answer_keeps_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is of the number that was asked with; a goodbye is passed on at the end."""
    monkeypatch.setattr(module, "ASK_LIMIT_S", 0.2)
    ours, theirs = pair()
    told: asyncio.Queue[Message] = asyncio.Queue()
    directory = LocalDirectory()
    async with asyncio.timeout(20), asyncio.TaskGroup() as group:
        serving = group.create_task(passed_on(theirs, directory))
        line = Line(ours, told.put_nowait, lambda _why: None)
        assert (await told.get()).kind is Kind.READY
        for number, name in ((1, "silent"), (2, "a")):
            standing = replace(A, name=name, wall_s=time.time())
            asked = json.dumps({"beat": standing.told()}).encode()
            line.send(Message(Kind.NEWS, meta={"number": number}, body=asked))
        answers = [await told.get() for _ in range(2)]
        assert [one.meta["number"] for one in answers] == [2, 1]
        assert View.read(json.loads(answers[0].body)) == View()
        assert json.loads(answers[1].body) == {"lost": "TimeoutError"}
        goodbye = json.dumps({"leave": ["a", "1"]}).encode()
        line.send(Message(Kind.NEWS, meta={"number": 0}, body=goodbye))
        line.close()
        await serving
    assert directory.left == ["a"]
