"""Waiting, in tests, for what tells nobody that it happens."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], limit_s: float = 10) -> None:
    """Look every 10 ms until something holds.

    Raises:
        TimeoutError: If it does not within the limit.
    """
    async with asyncio.timeout(limit_s):
        while not holds():  # noqa: ASYNC110 - there is no event for it
            await asyncio.sleep(0.01)
