"""What a front asks of its worker."""

from __future__ import annotations

import asyncio

import pytest

from tests.server.front.fronted import fronted
from voiceserver.server.access.tokens import Kept, digest_of
from voiceserver.server.front.workers import Worker
from voiceserver.server.routes import internal

pytestmark = pytest.mark.net


async def test_it_takes_the_fronts_secret() -> None:
    """Though only this user can open the socket."""
    async with fronted(1) as server:
        async with Worker(1, server.worker(1).path, "guessed") as stranger:
            assert (await stranger.tell("GET", "/internal/x")).status == 403
            reply = await stranger.ask("POST", internal.TOKENS, body=b"{}")
            assert reply.status == 403
        ours = await server.worker(1).tell("GET", "/internal/x")
        assert ours.status == 404


async def test_a_token_given_is_a_token() -> None:
    """With its session, until it expires."""
    async with fronted(1) as server:
        for value, expires_s in (("ek_new", 9e9), ("ek_old", 1.0)):
            kept = Kept(digest_of(value), expires_s, {"model": "m"})
            body = internal.written(kept)
            reply = await server.worker(1).tell("POST", internal.TOKENS, body)
            assert reply.status == 204


async def test_the_end_of_a_call_is_told_when_it_is_there() -> None:
    """At once if there is no such call."""
    async with fronted(1) as server:
        worker = server.worker(1)
        path = internal.ENDED.format(call_id="rtc_1_none")
        assert (await worker.tell("GET", path)).status == 204
        await server.place()
        call = server.placed[0]
        path = internal.ENDED.format(call_id=call.call_id)
        async with asyncio.TaskGroup() as group:
            told = group.create_task(worker.tell("GET", path))
            await asyncio.sleep(0.05)
            assert not told.done()
            call.hang_up("over")
        assert told.result().status == 204
