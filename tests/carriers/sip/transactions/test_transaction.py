"""What all transactions have in common."""

from __future__ import annotations

import asyncio

import pytest

from tests.virtual_time import run_virtual
from voiceserver.carriers.sip.transactions.transaction import State, Transaction


@pytest.mark.parametrize("reliable", [True, False])
def test_it_is_over_once(reliable: bool) -> None:
    """However often it is stopped; copies are waited for where there may be any."""

    async def run() -> list[float]:
        loop = asyncio.get_running_loop()
        ends: list[float] = []
        made = Transaction(
            lambda _packet: None,
            reliable,
            lambda: ends.append(loop.time()),
            State.PROCEEDING,
        )
        made._linger(5.0)
        await asyncio.sleep(10)
        made.stop()
        assert made.state is State.OVER
        return ends

    assert run_virtual(run()) == [0.0 if reliable else 5.0]
