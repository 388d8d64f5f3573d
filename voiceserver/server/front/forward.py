"""Passes requests on to workers, and their answers back.

Knows what belongs to a connection and not to what it carries, and who is asked next
when a worker is gone or refuses. Knows nothing of what is asked.

Where a request's body begins and ends is never taken over from the client's head: the
body is passed on as the front has read and unpacked it, with a length that is its own.
Else the worker could take the end of one request for the beginning of another.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TypeAlias, TypeVar

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from voiceserver.server.answers import Refusal, busy, invalid
from voiceserver.server.body import AUDIO_LIMIT
from voiceserver.server.connections import keep_little
from voiceserver.server.front.holder import (
    Holder,
    HolderLost,
    HolderResponse,
    target_of,
)

log = logging.getLogger(__name__)

H = TypeVar("H", bound=Holder)

# Of one connection, not of what it carries (RFC 9110, 7.6.1), or said anew here.
_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-connection te trailer transfer-encoding upgrade "
    "expect date server".split()
)
# Of a body as the client sent it: packed, and as long as that.
_OF_THE_BODY = ("Content-Length", "Content-Encoding")


def lost_worker() -> Refusal:
    """Say that a worker died, and its calls with it (503)."""
    what = "The worker of this call has stopped; please call again."
    return busy(what, "worker_lost")


async def first_to_take(
    request: web.Request, workers: Sequence[H], body: bytes
) -> tuple[H, HolderResponse]:
    """The first worker that is alive and does not refuse (503), and its answer.

    Args:
        request: What is asked.
        workers: Who is asked, in this order.
        body: The request's, read already, so that each may be given it.

    Returns:
        The last refusal if all refuse.

    Raises:
        Refusal: If none is alive (503).
    """
    refused: tuple[H, HolderResponse] | None = None
    for worker in workers:
        try:
            with worker.holding_call():
                reply = await worker.ask(
                    request.method, target_of(request), asked_with(request), body
                )
        except HolderLost as error:
            log.warning("a worker gave no answer", extra={"why": str(error)})
            continue
        refused = worker, reply
        if reply.status != 503:
            break
    if refused is None:
        raise lost_worker()
    return refused


async def pass_on(
    request: web.Request, workers: Sequence[Holder]
) -> web.StreamResponse:
    """Pass a request and its answer on, as they come.

    Whoever is tried second has to be given the body again, so only a request without
    one gets a second try.
    """
    declared = request.content_length or 0
    if declared > AUDIO_LIMIT:
        raise Refusal(413, "The request body is too large.", "too_large")
    headers = asked_with(request)
    body = request.content if request.can_read_body else None
    if body and declared and "Content-Encoding" not in request.headers:
        # As many bytes are read, or reading fails; a worker may refuse by it.
        headers["Content-Length"] = str(declared)
    for worker in workers if body is None else workers[:1]:
        answer: web.StreamResponse | None = None
        try:
            async with worker.asked(
                request.method, target_of(request), headers, body
            ) as reply:
                answer = web.StreamResponse(
                    status=reply.status, headers=passed_on(reply.headers)
                )
                keep_little(request)
                await answer.prepare(request)
                async for chunk in reply.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except HolderLost:
            if answer is not None and answer.prepared:
                # Half an answer must not pass for a whole one.
                raise ConnectionResetError("the worker is gone") from None
            if request.content.exception() is not None:
                raise invalid("The request body is malformed.") from None
    raise lost_worker()


Headers: TypeAlias = "CIMultiDict[str] | CIMultiDictProxy[str]"


def asked_with(request: web.Request) -> CIMultiDict[str]:
    """A request's headers for a worker, without any that say where a body ends."""
    kept = passed_on(request.headers)
    for name in _OF_THE_BODY:
        kept.popall(name, None)
    return kept


def passed_on(headers: Headers) -> CIMultiDict[str]:
    """Headers without those that mean one connection."""
    kept = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        kept.popall(name, None)
    return kept


def answer_of(reply: HolderResponse) -> web.Response:
    """A worker's whole answer, as the front's."""
    headers = passed_on(reply.headers)
    headers.popall("Content-Length", None)
    return web.Response(status=reply.status, body=reply.body, headers=headers)
