"""A chat service in a process of its own, healthy or faulty by the model's name.

Healthy answers begin after 150 to 300 ms, as a near service's do, and come at 50
tokens a second. Prints its base URL, serves until its standard input ends.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import AsyncGenerator
from typing import Any

from tests.chat_faults import ChatService, Head
from tests.faulty_text_server import FaultyTextServer

FIRST_S = (0.15, 0.30)
GAP_S = 0.02
DELTAS = ("The light ", "is on, ", "as you ", "asked, ", "and the door ", "is shut.")
NAMED = b'{"object": ', b'{"id": "chatcmpl-1", "object": '  # clients of others want one


class NearService(ChatService):
    """Answers after a time of its own each time."""

    async def answer(
        self, body: dict[str, Any], key: str = ""
    ) -> AsyncGenerator[Head | bytes, None]:
        """Give head and bytes of the answer to a request."""
        service = ChatService(random.uniform(*FIRST_S), GAP_S, DELTAS)
        async for part in service.answer(body, key):
            yield part.replace(*NAMED) if isinstance(part, bytes) else part


async def main() -> None:
    """Serve until standard input ends."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(sys.stdin, ended.set)
    async with FaultyTextServer(service=NearService()) as server:
        print(server.base_url, flush=True)
        await ended.wait()
        loop.remove_reader(sys.stdin)
        server.closed.set()
        sys.stdout.flush()
        raise SystemExit(0)


if __name__ == "__main__":
    asyncio.run(main())
