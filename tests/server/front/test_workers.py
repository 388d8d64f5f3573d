"""Workers as a front sees them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from voiceserver.server.answers import Refusal
from voiceserver.server.front.holder import HolderLost
from voiceserver.server.front.workers import Worker, Workers


def several(number: int) -> Workers:
    return Workers(tuple(Worker(n, "", "") for n in range(1, number + 1)))


def test_the_least_busy_comes_first() -> None:
    """By calls, then by other requests; who is down does not come."""
    workers = several(4)
    one, two, three, four = workers
    one.n_calls, two.n_requests, four.n_calls = 1, 3, 2
    for worker in (one, two, three):
        worker.up = True
    assert workers.up == [three, two, one]


def test_none_is_an_answer_to_wait() -> None:
    """503, as while engines load."""
    with pytest.raises(Refusal, match="still loading"):
        _ = several(2).up


@pytest.mark.parametrize(
    ("call_id", "number"),
    [("rtc_2_ab", 2), ("rtc_12_ab", 12), ("rtc_13_ab", None), ("rtc_abc", None)],
)
def test_an_id_tells_the_worker(call_id: str, number: int | None) -> None:
    """And one that is not ours tells none."""
    found = several(12).of_call(call_id)
    assert (found and found.number) == number


async def test_a_call_is_counted_while_it_is_held() -> None:
    """Also when it fails."""
    worker = Worker(1, "", "")
    with contextlib.suppress(ZeroDivisionError), worker.holding_call():
        assert worker.n_calls == 1
        raise ZeroDivisionError
    assert worker.n_calls == 0


@pytest.mark.net
async def test_a_worker_that_is_not_there_is_lost(tmp_path: Path) -> None:
    """With its number."""
    async with Worker(7, str(tmp_path / "none.sock"), "") as worker:
        with pytest.raises(HolderLost, match="worker 7"):
            await worker.ask("GET", "/v1/models")
        assert worker.n_requests == 0
