"""What differs between a server that is alone and one host of several.

Alone nothing of several is loaded, and limits and tokens are what they always were.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from voiceserver.config import ServerConfig
from voiceserver.metrics import Metrics
from voiceserver.overload import Load, Overload
from voiceserver.server.access.tokens import Tokens
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.places import Room
from voiceserver.server.shares import Share

if TYPE_CHECKING:
    from voiceserver.server.front.hosts import Membership
    from voiceserver.server.front.spread import Spread


@dataclass(frozen=True, slots=True)
class Placing:
    """By what calls are let in.

    Attributes:
        room: Counts them.
        tokens: Taken in place of a key.
        overload: How late the front is.
        spread: Over other hosts; None if there are none.
    """

    room: Room
    tokens: Tokens
    overload: Overload
    spread: Spread | None = None


@contextlib.asynccontextmanager
async def placing(
    limits: ServerConfig, metrics: Metrics, me: Membership | None, workers: Workers
) -> AsyncGenerator[Placing, None]:
    """Give what lets calls in; inside, this server is a host, if it is to be one.

    Args:
        limits: Of this server.
        metrics: Where refused calls are counted.
        me: What makes it a host; None if it is alone.
        workers: Who hold its calls.
    """
    most, overload = limits.max_calls, Overload()
    by_address, by_key = limits.max_calls_per_address, limits.max_calls_per_key
    if me is None:
        yield Placing(Room(most, by_address, metrics, by_key), Tokens(), overload)
        return
    from voiceserver.server.access.signed_tokens import SignedTokens
    from voiceserver.server.front.hosts import ClusterRoom
    from voiceserver.server.front.spread import spread_over

    def able() -> bool:
        up = any(worker.up for worker in workers)
        return up and overload.level is not Load.FULL

    room = ClusterRoom(most, by_address, metrics, by_key, me.secrets)
    tokens = SignedTokens(me.secrets.token_keys)
    async with spread_over(me, room, able) as spread:
        yield Placing(room, tokens, overload, spread)


def share_of(
    worker: Worker,
    n_workers: int,
    secret: str,
    keys: tuple[str, ...],
    me: Membership | None,
) -> Share:
    """Which part of the server a worker is.

    Args:
        worker: Which one.
        n_workers: How many there are.
        secret: Shows the front's own requests to its workers.
        keys: Digests of the API keys, in hexadecimal.
        me: What makes the server a host; None if it is alone.
    """
    if me is None:
        return Share(worker.number, n_workers, secret, keys)
    tokens = tuple(key.hex() for key in me.secrets.token_keys)
    return Share(worker.number, n_workers, secret, keys, me.name, tokens)
