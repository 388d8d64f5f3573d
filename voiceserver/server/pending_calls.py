"""Calls that ring until a program outside takes or declines them, as OpenAI's API.

A URL is told of each, signed, and told again until it has heard; the program then says
by HTTP what becomes of the call. Where it says nothing in time the settings do. Knows
no carrier and no route.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from voiceserver.carriers.base import Accepted, Alerting, Declined, merged
from voiceserver.config import CallWebhookConfig
from voiceserver.engines.providers.services.http import Http, Transport
from voiceserver.errors import (
    ConfigError,
    Overloaded,
    ProviderFailed,
    SessionEnded,
    VoiceServerError,
)
from voiceserver.server.access.webhook_signature import secret_of, signed

log = logging.getLogger(__name__)

TRY_S = 5.0  # for one answer of the URL
FIRST_WAIT_S, LONGEST_WAIT_S = 0.5, 8.0  # before it is tried again
UNDECIDED, DECLINED = 480, 603  # statuses of SIP
_NAME = "sip.webhook"


class PendingCall:
    """One call that rings.

    Args:
        call_id: That it will have.
        alerting: What is known of it.
        undecided: What becomes of it if nobody says.
        limit_s: For a decision.
        over: Called once when nobody can take it any more.
    """

    def __init__(
        self,
        call_id: str,
        alerting: Alerting,
        undecided: Accepted | Declined,
        limit_s: float,
        over: Callable[[], None],
    ) -> None:
        self.call_id = call_id
        self._alerting = alerting
        self._undecided = undecided
        self._until_s = asyncio.get_running_loop().time() + limit_s
        self._limit = over
        self._decision: asyncio.Future[Accepted | Declined] = _future()
        self._outcome: asyncio.Future[None] = _future()
        self._is_over = False

    async def decided(self) -> Accepted | Declined:
        """Wait for a decision, within the limit; may be asked again."""
        try:
            async with asyncio.timeout_at(self._until_s):
                return await asyncio.shield(self._decision)
        except TimeoutError:
            log.warning("nobody decided about a call", extra={"call": self.call_id})
            self.over()
            return self._undecided

    def settled(self, error: VoiceServerError | None = None) -> None:
        """Tell who decided what became of it; after an error it may decide again."""
        outcome, self._outcome = self._outcome, _future()
        if error is None:
            outcome.set_result(None)
        else:
            self._decision = _future()
            outcome.set_exception(error)

    def over(self) -> None:
        """Nobody can take it any more; may be called again."""
        if self._is_over:
            return
        self._is_over = True
        self._limit()
        if self._decision.done() and not self._outcome.done():
            gone = SessionEnded("The caller gave up.")
            self._outcome.set_exception(gone)

    async def accept(self, session: Mapping[str, object]) -> None:
        """Have the call taken; returns when it is.

        Args:
            session: What it is to be, laid over what it would be otherwise.

        Raises:
            VoiceServerError: If it cannot be, or somebody was earlier.
        """
        laid = merged(dict(self._alerting.session), dict(session))
        await self._decide(Accepted(laid, attended=False))

    async def decline(self, status: int) -> None:
        """Have the call refused.

        Raises:
            VoiceServerError: If somebody was earlier.
        """
        await self._decide(Declined(status))

    async def _decide(self, decision: Accepted | Declined) -> None:
        if self._decision.done() or self._is_over:
            raise SessionEnded("It was decided about this call already.")
        outcome = self._outcome
        self._decision.set_result(decision)
        await asyncio.shield(outcome)


class PendingCalls:
    """All of one server.

    Args:
        config: ``[sip.webhook]``.
        environment: Of the process.
        transport: Reaches the URL; None is HTTP.
        now_s: The time, in seconds since 1970.

    Raises:
        ConfigError: If the secret is not there, or is none.
    """

    def __init__(
        self,
        config: CallWebhookConfig,
        environment: Mapping[str, str] = os.environ,
        transport: Transport | None = None,
        now_s: Callable[[], float] = time.time,
    ) -> None:
        self._config = config
        self._transport = transport
        self._now_s = now_s
        self._secret = _secret(config, environment)
        self._calls: dict[str, PendingCall] = {}
        self._group: asyncio.TaskGroup | None = None

    def __len__(self) -> int:
        return len(self._calls)

    @property
    def asks(self) -> bool:
        """Whether anybody is asked."""
        return bool(self._config.url)

    def find(self, call_id: str) -> PendingCall | None:
        """A call that rings; None if none of that id does."""
        return self._calls.get(call_id)

    async def run(self) -> None:
        """Tell the URL of calls until cancelled."""
        if not self.asks:
            return
        async with Http() as http, asyncio.TaskGroup() as group:
            self._transport = self._transport or http
            self._group = group
            try:
                await asyncio.Event().wait()
            finally:
                self._group = None

    def pend(self, call_id: str, alerting: Alerting) -> PendingCall:
        """Have the URL told of a call.

        Raises:
            Overloaded: If the server is about to end.
        """
        if self._group is None:
            raise Overloaded("The server is starting or shutting down.")
        config = self._config
        undecided: Accepted | Declined = Declined(UNDECIDED)
        if config.undecided == "answer":
            undecided = Accepted(alerting.session, attended=True)
        telling = self._group.create_task(self._tell(call_id, alerting))

        def over() -> None:
            self._calls.pop(call_id, None)
            telling.cancel()

        made = PendingCall(call_id, alerting, undecided, config.limit_s, over)
        self._calls[call_id] = made
        return made

    async def _tell(self, call_id: str, alerting: Alerting) -> None:
        """Tell the URL until it has heard; whoever waits for the call ends this."""
        event_id = f"evt_{secrets.token_hex(16)}"
        body = json.dumps(
            incoming_event(event_id, int(self._now_s()), call_id, alerting)
        ).encode()
        wait_s = FIRST_WAIT_S
        try:
            while why := await self._try(event_id, body):
                log.warning("a call could not be told", extra={"why": why})
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, 2 * wait_s)
        except Exception:  # a fault of ours; others' calls are told
            log.exception("a call could not be told")

    async def _try(self, event_id: str, body: bytes) -> str:
        """Tell it once; return why that failed, ``""`` if it did not."""
        assert self._transport is not None
        headers = {
            "Content-Type": "application/json",
            **signed(self._secret, event_id, int(self._now_s()), body),
        }
        try:
            async with asyncio.timeout(TRY_S):
                answer = await self._transport.send(
                    _NAME, "POST", self._config.url, headers, body
                )
        except TimeoutError:
            return "it is late"
        except ProviderFailed as failure:
            return str(failure)
        answer.close()
        return "" if answer.status < 300 else f"it answered {answer.status}"


def incoming_event(
    event_id: str, at_s: int, call_id: str, alerting: Alerting
) -> dict[str, object]:
    """What the URL is told, as OpenAI's ``realtime.call.incoming``.

    Source: ``RealtimeCallIncomingWebhookEvent`` of openai-python 3.54.
    """
    told: dict[str, object] = {
        "call_id": call_id,
        "sip_headers": [
            {"name": name, "value": value} for name, value in alerting.headers
        ],
    }
    if alerting.encrypted is not None:
        told["sip_media_security"] = "srtp" if alerting.encrypted else "rtp"
    return {
        "id": event_id,
        "object": "event",
        "created_at": at_s,
        "type": "realtime.call.incoming",
        "data": told,
    }


def _secret(config: CallWebhookConfig, environment: Mapping[str, str]) -> bytes:
    if not config.url:
        return b""
    name = config.secret_env
    secret = secret_of(environment.get(name, "").strip())
    if secret is None:
        raise ConfigError(
            f"[sip.webhook] secret_env: {name} holds no secret: set it to whsec_ and "
            f'24 to 64 bytes in base64, e.g. {name}="whsec_$(openssl rand -base64 32)"'
        )
    return secret


def _future() -> asyncio.Future[Any]:
    made: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    made.add_done_callback(_seen)
    return made


def _seen(future: asyncio.Future[Any]) -> None:
    """Nobody may wait for it any more."""
    if not future.cancelled():
        future.exception()
