"""Tells an operator's URL of alarms, one after another; nobody waits for it.

A URL that hangs or fails costs its own alarms only: they wait in a short queue whose
oldest is dropped, and each is tried three times. Knows not what an alarm is.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping

from voiceserver.engines.providers.services.http import Transport
from voiceserver.engines.watch.backlog import Backlog
from voiceserver.errors import ProviderFailed

log = logging.getLogger(__name__)

KEPT = 32  # alarms that wait
LIMIT_S = 5.0  # of one try
AGAIN_S = (1.0, 10.0)  # before the second try, and the third
_NAME = "drift.webhook"


class Webhook(Backlog[bytes]):
    """An operator's URL; an asynchronous context manager that sends to it.

    Args:
        url: Where to; gets each alarm by ``POST``, as JSON.
        transport: Sends.
    """

    def __init__(self, url: str, transport: Transport) -> None:
        super().__init__(KEPT, self._send)
        self._url = url
        self._transport = transport

    def tell(self, alarm: Mapping[str, object]) -> None:
        """Have an alarm sent; never waits."""
        self.add(json.dumps(alarm).encode())

    async def _send(self, body: bytes) -> None:
        why = await self._try(body)
        for wait_s in AGAIN_S:
            if not why:
                return
            await asyncio.sleep(wait_s)
            why = await self._try(body)
        if why:
            log.warning("an alarm could not be sent", extra={"why": why})

    async def _try(self, body: bytes) -> str:
        """Send it; return why that failed, ``""`` if it did not."""
        headers = {"Content-Type": "application/json"}
        try:
            async with asyncio.timeout(LIMIT_S):
                answer = await self._transport.send(
                    _NAME, "POST", self._url, headers, body
                )
        except TimeoutError:
            return "it is late"
        except ProviderFailed as failure:
            return str(failure)
        answer.close()
        return "" if answer.status < 300 else f"it answered {answer.status}"
