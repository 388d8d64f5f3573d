"""Audio sent as it is made, at most 5 s ahead."""

from __future__ import annotations

import asyncio

import numpy as np

from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.audio import SPEECH_RATE, Samples
from voiceserver.events import Played
from voiceserver.reply.ahead import AHEAD_S, SLICE, Ahead
from voiceserver.reply.playout import Notices


def seconds(duration_s: float) -> Samples:
    return np.full(round(duration_s * SPEECH_RATE), 0.1, np.float32)


class Client:
    """What was sent and told, with its time."""

    def __init__(self) -> None:
        self.sent: list[tuple[float, int, int]] = []
        self.told: list[tuple[float, int, Played]] = []
        self.ahead = Ahead(VirtualClock().now_ns, Notices(self._told, made=self._sent))

    def _now_s(self) -> float:
        return asyncio.get_running_loop().time()

    def _told(self, turn: int, state: Played) -> None:
        self.told.append((self._now_s(), turn, state))

    async def _sent(self, turn: int, samples: Samples) -> None:
        self.sent.append((self._now_s(), turn, len(samples)))


def test_never_more_than_five_seconds_ahead() -> None:
    """12 s of audio at once: the last slice leaves 7 s later, none is lost."""

    async def scenario() -> Client:
        client = Client()
        client.ahead.begin(1)
        assert await client.ahead.put(1, seconds(12))
        return client

    client = run_virtual(scenario())
    total = 0
    for at_s, _, n_samples in client.sent:
        total += n_samples
        assert total / SPEECH_RATE - at_s <= AHEAD_S + SLICE / SPEECH_RATE + 0.001
    assert total == 12 * SPEECH_RATE
    assert 6 < client.sent[-1][0] <= 7


def test_the_end_is_told_when_it_should_have_sounded() -> None:
    """2 s made at once sound for 2 s."""

    async def scenario() -> Client:
        client = Client()
        client.ahead.begin(1)
        await client.ahead.put(1, seconds(2))
        client.ahead.finish(1)
        await asyncio.sleep(0.5)
        assert client.ahead.played == SPEECH_RATE // 2
        await asyncio.sleep(2)
        assert client.ahead.played == 2 * SPEECH_RATE
        return client

    client = run_virtual(scenario())
    assert client.told == [(0.0, 1, Played.STARTED), (2.0, 1, Played.DONE)]


def test_a_gap_in_the_making_is_not_played() -> None:
    """1 s, a pause of 2 s, 1 s: 0.5 s into the second part 1.5 s were played."""

    async def scenario() -> int:
        client = Client()
        client.ahead.begin(1)
        await client.ahead.put(1, seconds(1))
        await asyncio.sleep(2)
        await client.ahead.put(1, seconds(1))
        await asyncio.sleep(0.5)
        return client.ahead.played

    assert run_virtual(scenario()) == SPEECH_RATE * 3 // 2


def test_flush_stops_a_producer_that_waits() -> None:
    """Nothing of the old turn is sent after it, and its end is not told."""

    async def scenario() -> Client:
        client = Client()
        client.ahead.begin(1)
        async with asyncio.TaskGroup() as group:
            putting = group.create_task(client.ahead.put(1, seconds(12)))
            await asyncio.sleep(1)
            before = len(client.sent)
            client.ahead.flush(2)
            assert await putting is False
        assert len(client.sent) == before
        client.ahead.finish(1)
        await asyncio.sleep(20)
        return client

    assert run_virtual(scenario()).told == [(0.0, 1, Played.STARTED)]


def test_the_answer_may_begin_after_other_audio() -> None:
    """A filler is sent first; the answer is told of with its own first audio."""
    answered: list[tuple[int, int]] = []

    async def scenario() -> Client:
        client = Client()
        client.ahead.report_to(
            Notices(
                client._told,
                lambda turn: answered.append((turn, len(client.sent))),
                client._sent,
            )
        )
        client.ahead.begin(1)
        await client.ahead.put(1, seconds(0.3))
        client.ahead.answer_begins(1)
        await client.ahead.put(1, seconds(0.3))
        await client.ahead.put(1, seconds(0.3))
        client.ahead.flush(2)
        return client

    client = run_virtual(scenario())
    assert answered == [(1, 1)]
    assert [told[2] for told in client.told] == [Played.STARTED]


def test_it_is_over_once_all_of_it_should_have_sounded() -> None:
    """2 s after 2 s were sent, if no more comes."""

    async def scenario() -> list[bool]:
        ahead = Client().ahead
        ahead.begin(1)
        await ahead.put(1, seconds(2))
        ahead.finish(1)
        seen = [ahead.over]
        await asyncio.sleep(2)
        return [*seen, ahead.over]

    assert run_virtual(scenario()) == [False, True]
