"""A domain as a ``TextModel``: it answers what is its own, another model the rest.

What was asked for, and confirmed, is sent to the operator's service as JSON; what that
says is spoken. Nothing is sent for an answer that is begun on a guess of the caller's
words, and nothing twice: a request's key is that of the call and the conversation up
to where it was first confirmed, so that one that failed and is tried again has the
same, and another caller who says the same words another.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from types import TracebackType

from voiceserver.engines.base import Form, Message, TextItem, TextModel, TextRequest
from voiceserver.engines.domain.dialogue import Dialogue, Move, State
from voiceserver.engines.domain.terms import Domain, Intent, fill_in
from voiceserver.engines.notes import Answering
from voiceserver.engines.providers.services.http import (
    HttpResponse,
    Transport,
    read_up_to,
)
from voiceserver.errors import EngineFailed, ProviderFailed

log = logging.getLogger(__name__)

MAX_ANSWER_BYTES = 64 * 1024
MAX_SAID = 1000  # characters of the service's answer that are spoken
_AT_WORK_S = 0.2  # between signs of life while the service is waited for


class DomainFirst:
    """A ``TextModel`` that asks the domain first; an asynchronous context manager.

    Args:
        domain: What it answers itself.
        rest: Answers everything else.
        transport: Carries what was asked for to the operator's service.
    """

    def __init__(self, domain: Domain, rest: TextModel, transport: Transport) -> None:
        self._domain = domain
        self._dialogue = Dialogue(domain)
        self._rest = rest
        self._transport = transport
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> DomainFirst:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._group.__aexit__(kind, error, traceback)

    @property
    def name(self) -> str:
        """Of the model that answers the rest; what the domain answers is noted."""
        return self._rest.name

    @property
    def version(self) -> str:
        """The rest's, and the checksum of the domain's file."""
        return f"{self._rest.version}+{self._domain.checksum}"

    def reply(self, request: TextRequest) -> AsyncGenerator[TextItem, None]:
        """Return the domain's answer, or the rest's own: none of it passes here."""
        move = self._dialogue.answer(request.messages)
        if not move.say and not move.carry_out:
            return self._rest.reply(request)
        return self._answer(move, request)

    async def _answer(
        self, move: Move, request: TextRequest
    ) -> AsyncGenerator[TextItem, None]:
        request.observe(Answering(self._domain.name))
        if request.guess and move.carry_out:
            raise EngineFailed(self._domain.name, "nothing is carried out on a guess")
        state = move.state
        yield Form(self._domain.name, state.intent, state.slots, state.stage.value)
        if not move.carry_out:
            yield move.say
            return
        key = _key(request.call, request.messages[: move.since])
        async with aclosing(self._carry_out(move.state, key)) as said:
            async for text in said:
                yield text

    async def _carry_out(self, state: State, key: str) -> AsyncGenerator[str, None]:
        """Send it where the domain says, then say what came of it."""
        intent = self._domain.intent(state.intent)
        done = fill_in(intent.done, self._dialogue.values(state))
        if not intent.url:
            yield done
            return
        # In the group, not here: an order that was confirmed is placed even if the
        # caller speaks meanwhile.
        sending = self._group.create_task(self._send(intent, state, key))
        while not (await asyncio.wait({sending}, timeout=_AT_WORK_S))[0]:
            yield ""
        answer = sending.result()
        yield self._domain.lines.failed if answer is None else answer or done

    async def _send(self, intent: Intent, state: State, key: str) -> str | None:
        """Return what the service says, ``""`` for nothing; None if it failed."""
        try:
            async with asyncio.timeout(intent.limit_s):
                return await self._post(intent, state, key)
        except Exception as error:  # noqa: BLE001 - one order must not end the others
            why = type(error).__name__
            if isinstance(error, ProviderFailed):
                why = str(error)
            log.warning("what was asked for could not be placed", extra={"why": why})
            return None

    async def _post(self, intent: Intent, state: State, key: str) -> str:
        order = {
            "domain": self._domain.name,
            "intent": intent.name,
            "slots": dict(state.slots),
            "id": key,
        }
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        body = json.dumps(order).encode()
        name, url = self._domain.name, intent.url
        response = await self._transport.send(name, "POST", url, headers, body)
        try:
            return await _said(name, response)
        finally:
            response.close()


async def _said(source: str, response: HttpResponse) -> str:
    """What a service's answer says: ``{"say": "..."}``, or plain text; checked."""
    if not 200 <= response.status < 300:
        raise ProviderFailed(source, f"answered {response.status}")
    body = await read_up_to(response, MAX_ANSWER_BYTES)
    try:
        text = body.decode()
        if response.content_type == "application/json":
            answer = json.loads(text or "{}")
            text = answer.get("say", "") if isinstance(answer, dict) else ""
    except (ValueError, RecursionError):
        raise ProviderFailed(source, "answered what cannot be read") from None
    if response.content_type not in ("application/json", "text/plain"):
        return ""
    return " ".join(text.split())[:MAX_SAID] if isinstance(text, str) else ""


def _key(call: str, messages: Sequence[Message]) -> str:
    """A key that is the same for the same words of the same call."""
    told = json.dumps([call, *((each.role, each.text) for each in messages)])
    return hashlib.sha256(told.encode()).hexdigest()[:32]
