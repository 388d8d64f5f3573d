"""Passes requests on to workers, and their answers back.

Knows what belongs to a connection and not to what it carries, and who is asked next
when a worker is gone or refuses. Knows nothing of what is asked.
"""

from __future__ import annotations

import logging
from typing import TypeAlias

from aiohttp import web
from multidict import CIMultiDict, CIMultiDictProxy

from voiceserver.server.answers import Refusal, busy
from voiceserver.server.body import AUDIO_LIMIT
from voiceserver.server.front.workers import Reply, Worker, WorkerLost, target_of

log = logging.getLogger(__name__)

# Of one connection, not of what it carries (RFC 9110, 7.6.1), or said anew here.
_HOP_BY_HOP = frozenset(
    "connection keep-alive proxy-connection te trailer transfer-encoding upgrade "
    "expect date server".split()
)


def lost_worker() -> Refusal:
    """Say that a worker died, and its calls with it (503)."""
    what = "The worker of this call has stopped; please call again."
    return busy(what, "worker_lost")


async def first_to_take(
    request: web.Request, workers: list[Worker], body: bytes
) -> tuple[Worker, Reply]:
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
    refused: tuple[Worker, Reply] | None = None
    for worker in workers:
        try:
            with worker.holding_call():
                reply = await worker.ask(
                    request.method, target_of(request), passed_on(request.headers), body
                )
        except WorkerLost as error:
            log.warning("a worker gave no answer", extra={"why": str(error)})
            continue
        refused = worker, reply
        if reply.status != 503:
            break
    if refused is None:
        raise lost_worker()
    return refused


async def pass_on(request: web.Request, workers: list[Worker]) -> web.StreamResponse:
    """Pass a request and its answer on, as they come.

    Whoever is tried second has to be given the body again, so only a request without
    one gets a second try.
    """
    declared = request.content_length or 0
    if declared > AUDIO_LIMIT:
        raise Refusal(413, "The request body is too large.", "too_large")
    for worker in workers if not request.can_read_body else workers[:1]:
        answer: web.StreamResponse | None = None
        try:
            body = request.content if request.can_read_body else None
            headers = passed_on(request.headers)
            async with worker.asked(
                request.method, target_of(request), headers, body
            ) as reply:
                answer = web.StreamResponse(
                    status=reply.status, headers=passed_on(reply.headers)
                )
                await answer.prepare(request)
                async for chunk in reply.content.iter_any():
                    await answer.write(chunk)
                await answer.write_eof()
                return answer
        except WorkerLost:
            if answer is not None and answer.prepared:
                # Half an answer must not pass for a whole one.
                raise ConnectionResetError("the worker is gone") from None
    raise lost_worker()


Headers: TypeAlias = "CIMultiDict[str] | CIMultiDictProxy[str]"


def passed_on(headers: Headers) -> CIMultiDict[str]:
    """Headers without those that mean one connection."""
    kept = CIMultiDict(headers)
    for name in _HOP_BY_HOP:
        kept.popall(name, None)
    return kept


def answer_of(reply: Reply) -> web.Response:
    """A worker's whole answer, as the front's."""
    headers = passed_on(reply.headers)
    headers.popall("Content-Length", None)
    return web.Response(status=reply.status, body=reply.body, headers=headers)
