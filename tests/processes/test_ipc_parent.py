"""The parent's end of a child's socket."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import pytest

from voiceserver.processes import ipc
from voiceserver.processes.ipc import BlockingLine, Kind, Line, Message


class Ends:
    """A line, what it told, and the raw other end."""

    def __init__(self) -> None:
        ours, self.theirs = ipc.pair()
        self.messages: list[Message] = []
        self.ends: list[str] = []
        self.line = Line(ours, self.messages.append, self.ends.append)

    def close(self) -> None:
        self.line.close()
        self.theirs.close()


async def until(condition: object, limit_s: float = 5.0) -> None:
    assert callable(condition)
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - a socket, not an event
            await asyncio.sleep(0.001)


@pytest.mark.net
async def test_messages_arrive_in_order() -> None:
    """A burst is read whole, though in several turns of the loop."""
    ends = Ends()
    child = BlockingLine(ends.theirs)
    for number in range(100):
        child.send(Message(Kind.ITEM, generation=number))
    await until(lambda: len(ends.messages) == 100)
    assert [m.generation for m in ends.messages] == list(range(100))
    ends.close()


@pytest.mark.net
async def test_what_the_child_does_not_read_waits_and_follows() -> None:
    """More than the socket holds is queued, then sent in order."""
    ends = Ends()
    for number in range(50):
        ends.line.send(Message(Kind.PUSH, generation=number, body=bytes(50_000)))
    assert ends.line.queued > 0
    ends.theirs.setblocking(False)
    numbers: list[int] = []

    def read_some() -> bool:
        with contextlib.suppress(BlockingIOError):
            numbers.append(ipc.decode(ipc.receive_packet(ends.theirs)).generation)
        return len(numbers) == 50

    await until(read_some)
    assert numbers == list(range(50))
    assert ends.line.queued == 0
    ends.close()


@pytest.mark.net
async def test_a_child_that_reads_nothing_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The outgoing queue is bounded: past it the line ends."""
    monkeypatch.setattr(ipc, "MAX_QUEUED", 200_000)
    ends = Ends()
    for _ in range(30):
        ends.line.send(Message(Kind.PUSH, body=bytes(50_000)))
    assert ends.ends == []  # told later, not from within send
    await until(lambda: ends.ends)
    assert ends.ends == ["it stopped reading"]
    assert ends.line.queued == 0
    ends.close()


@pytest.mark.net
async def test_a_dead_child_is_told_once() -> None:
    """The end comes after the child's last message, and once."""
    ends = Ends()
    BlockingLine(ends.theirs).send(Message(Kind.FAILED))
    ends.theirs.close()
    ends.line.send(Message(Kind.PUSH))  # the pipe is broken already
    await until(lambda: ends.ends)
    await asyncio.sleep(0.01)
    assert [m.kind for m in ends.messages] == [Kind.FAILED]
    assert ends.ends == ["it ended"]
    ends.close()


@pytest.mark.net
async def test_nonsense_ends_the_line() -> None:
    """A packet that is no message is as good as a crash."""
    ends = Ends()
    ends.theirs.send(b"\xff" * 40)
    await until(lambda: ends.ends)
    assert "nonsense" in ends.ends[0]
    ends.close()


@pytest.mark.net
async def test_nothing_is_told_after_close() -> None:
    """Whoever closes knows; a second close and a late send are harmless."""
    ends = Ends()
    ends.theirs.shutdown(socket.SHUT_RDWR)
    ends.line.close()
    ends.line.close()
    ends.line.send(Message(Kind.PUSH))
    await asyncio.sleep(0.01)
    assert ends.ends == []
    ends.close()
