"""Work that may wait for the next turn of the loop."""

from __future__ import annotations

import asyncio
import time

from tests.virtual_time import VirtualClock, run_virtual
from voiceserver.loop_turns import MOST_WAITING, LoopTurn, goes_first


async def test_one_is_done_in_each_turn_whatever_it_takes() -> None:
    """The others wait, in their order; whatever else is ready has its turn between."""
    turn, done, n_turns = LoopTurn(part_ms=0), list[tuple[int, int]](), 0

    def next_turn() -> None:
        nonlocal n_turns
        n_turns += 1
        if len(done) < 20:
            asyncio.get_running_loop().call_soon(next_turn)

    async def work(number: int) -> None:
        for _ in range(4):
            await turn.room()
            done.append((number, n_turns))
            await asyncio.sleep(0)

    next_turn()
    await asyncio.gather(*(work(number) for number in range(5)))
    assert [number for number, _ in done] == [0, 1, 2, 3, 4] * 4
    turns = [at for _, at in done]
    assert len(set(turns)) == len(turns)
    assert turn.longest_s() > 0
    assert turn.longest_s() == 0


async def test_a_burst_is_done_in_its_order_while_others_have_their_turns() -> None:
    """A piece in each turn; what comes meanwhile is behind it."""
    turn, done = LoopTurn(part_ms=0), list[bytes]()
    for n in range(5):
        turn.do(done.append, bytes([n]))
    assert done == [b"\0"]
    for n in range(5, 8):
        await asyncio.sleep(0)
        turn.do(done.append, bytes([n]))
        assert len(done) <= n - 3
    assert turn.longest_s() > 0
    for _ in range(8):
        await asyncio.sleep(0)
    assert done == [bytes([n]) for n in range(8)]
    await asyncio.sleep(0)
    turn.do(done.append, b"at once")
    assert done[-1] == b"at once"


async def test_few_pieces_are_done_at_once() -> None:
    """Only then it is looked whether there is room: never for the next five of six."""
    turn, done = LoopTurn(part_ms=0, at_once=6), list[bytes]()
    assert turn.has_room()
    for n in range(8):
        turn.do(done.append, bytes([n]))
    assert len(done) == 5
    for _ in range(8):
        await asyncio.sleep(0)
    assert done == [bytes([n]) for n in range(8)]


async def test_of_far_more_than_can_be_done_the_oldest_is_dropped() -> None:
    """It would come too late for anybody."""
    turn, done = LoopTurn(part_ms=0), list[bytes]()
    n_all = MOST_WAITING + 100
    for n in range(n_all):
        turn.do(done.append, n.to_bytes(2, "big"))
    for _ in range(n_all):
        await asyncio.sleep(0)
    numbers = [int.from_bytes(one, "big") for one in done]
    assert numbers == [0, *range(n_all - MOST_WAITING, n_all)]


async def test_what_is_quick_waits_for_nothing() -> None:
    """All of it is done in one turn."""
    turn = LoopTurn(part_ms=10_000)
    assert all(turn.has_room() for _ in range(100))
    await turn.room()
    assert turn.longest_s() == 0


def test_a_loop_that_has_ended_leaves_nothing_behind() -> None:
    """In the midst of a turn of its own."""
    turn = LoopTurn(part_ms=0)

    async def first() -> bool:
        return turn.has_room()

    async def full() -> bool:
        turn.has_room()
        return turn.has_room()

    assert asyncio.run(first())
    assert asyncio.run(first())
    assert not asyncio.run(full())


def test_in_virtual_time_a_turn_takes_none() -> None:
    """So replays go the same way however long the machine takes."""
    turn = LoopTurn(part_ms=0.001)

    async def run() -> list[bool]:
        rooms = []
        for _ in range(3):
            rooms.append(turn.has_room(VirtualClock()))
            time.sleep(0.001)  # noqa: ASYNC251 - the machine takes its time
        await turn.room(VirtualClock())
        return rooms

    assert run_virtual(run()) == [True] * 3
    assert turn.longest_s() == 0


async def test_what_goes_first_is_done_before_each_piece() -> None:
    """As long as it is asked for; in this loop."""
    turn, n_first = LoopTurn(part_ms=10_000), 0

    def first() -> None:
        nonlocal n_first
        n_first += 1

    goes_first(first)
    goes_first(first)
    await turn.room()
    assert turn.has_room()
    assert n_first == 2
    goes_first(first, no_more=True)
    assert turn.has_room()
    assert n_first == 2
