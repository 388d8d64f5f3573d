"""The front of a server whose calls are held by workers: its routes.

It admits, counts and picks; what is asked goes to the worker with the fewest calls, or
to the one that holds the call which is meant. It holds no call and knows no engine, so
that nothing in a call can end it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from voiceserver.metrics import Metrics
from voiceserver.overload import Load, Overload
from voiceserver.server.access.security import AccessRules
from voiceserver.server.access.tokens import Kept, Tokens, digest_of
from voiceserver.server.answers import Refusal, busy, json_answer
from voiceserver.server.app import SOCKETS
from voiceserver.server.body import (
    JSON_LIMIT,
    OFFER_LIMIT,
    json_object,
    read_body,
)
from voiceserver.server.front.common import CommonBook, News, Tell
from voiceserver.server.front.counts import Counts
from voiceserver.server.front.forward import (
    answer_of,
    asked_with,
    first_to_take,
    lost_worker,
    pass_on,
)
from voiceserver.server.front.holder import (
    Holder,
    HolderLost,
    HolderResponse,
    target_of,
)
from voiceserver.server.front.relay import handshake, relay
from voiceserver.server.front.sums import Sums
from voiceserver.server.front.workers import Worker, Workers
from voiceserver.server.places import Room
from voiceserver.server.routes import (
    call_control,
    calls,
    calls_out,
    client_secrets,
    internal,
    providers,
    sockets,
    stream,
    telephony,
)
from voiceserver.server.routes.listings import healthz
from voiceserver.server.routes.ops import PATH as OPS
from voiceserver.server.state import CLIENT, KEY_NAME

if TYPE_CHECKING:  # where there is one host, nothing of several is loaded
    from voiceserver.server.front.spread import Spread

log = logging.getLogger(__name__)

# An offer, its session, and what a form puts around them.
PLACE_LIMIT = OFFER_LIMIT + 2 * JSON_LIMIT
METRICS_LIMIT_S = 2.0
SPREAD_LIMIT_S = 2.0
ASK_AGAIN_S = 0.5
PING_LIMIT_S = 5.0


@dataclass(frozen=True, slots=True)
class FrontState:
    """All that the front's routes need.

    Attributes:
        metrics: Of the front itself.
        rules: Whom to let in.
        room: Counts the calls of all workers.
        workers: Who holds them.
        group: Where the ends of calls are waited for.
        tokens: Those that any worker made.
        overload: How late the front itself is.
        sums: Metrics of all processes.
        departed: Workers that died since metrics were last asked for.
        summing: One at a time.
        common: What all workers know together.
        counts: Calls that came past the front.
        hosts: All hosts that are one server with this; None if it is alone.
    """

    metrics: Metrics
    rules: AccessRules
    room: Room
    workers: Workers
    group: asyncio.TaskGroup
    tokens: Tokens = field(default_factory=Tokens)
    overload: Overload = field(default_factory=Overload)
    sums: Sums = field(default_factory=Sums)
    departed: list[int] = field(default_factory=list)
    summing: asyncio.Lock = field(default_factory=asyncio.Lock)
    common: CommonBook = field(default_factory=CommonBook)
    counts: Counts = field(init=False)
    hosts: Spread | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "counts", Counts(self.room))
        if self.hosts is not None:
            self.hosts.hosts.shared.joined(self.common)

    def heard(self, number: int, news: News) -> None:
        """Take what a worker tells."""
        if not self.counts.heard(number, news):
            self.common.heard(number, news)

    def check_room(self, place: str, key: str) -> None:
        """Check that one more call would be taken.

        Raises:
            Overloaded: If there are too many.
            Refusal: If the front cannot keep up, or takes none any more (503).
        """
        if self.hosts is not None and self.hosts.draining:
            raise busy("This host takes no more calls.", "draining")
        self.room.check(place, key)
        if self.overload.level is Load.FULL:
            what = "The server cannot keep up; try again in a moment."
            raise busy(what, "overloaded")


FRONT: web.AppKey[FrontState] = web.AppKey("front", FrontState)


def add_routes(app: web.Application, front: FrontState) -> None:
    """Add the front's routes to an application that checks who asks."""
    app[FRONT] = front
    router = app.router
    router.add_get("/healthz", healthz)
    router.add_get("/readyz", readyz)
    router.add_get("/metrics", metrics)
    router.add_get(OPS, ops)
    for path in SOCKETS:
        router.add_get(path, connect)
    router.add_post(client_secrets.PATH, mint)
    router.add_post(calls.PATH, place)
    router.add_delete(calls.PATH + "/{call_id}", of_call)
    for action in call_control.ACTIONS:
        router.add_post(calls.PATH + "/{call_id}/" + action, of_call)
    router.add_post(calls_out.PATH, dial)
    router.add_route("*", calls_out.PATH + "/{call_id}{rest:.*}", of_call)
    router.add_post(providers.PATH + providers.ACTION, drain)
    router.add_route("*", "/v1/{rest:.*}", anything)


async def readyz(request: web.Request) -> web.Response:
    """``GET /readyz``: calls are taken by at least one worker."""
    front = request.app[FRONT]
    if front.room.closing:
        raise busy("The server is shutting down.", "closing")
    if front.hosts is not None and front.hosts.draining:
        raise busy("This host takes no more calls.", "draining")
    up = len(front.workers.up)
    n_calls = len(front.room) + front.room.elsewhere
    return json_answer({"status": "ready", "calls": n_calls, "workers": up})


async def metrics(request: web.Request) -> web.Response:
    """``GET /metrics``: those of all processes, added up."""
    front = request.app[FRONT]
    async with front.summing, asyncio.TaskGroup() as group:
        asked = [
            group.create_task(_metrics_of(worker, request))
            for worker in front.workers
            if worker.reachable
        ]
        await asyncio.gather(*asked)
        own = await asyncio.to_thread(generate_latest, front.metrics.registry)
        told = (one.result() for one in asked)
        texts = [(0, own.decode()), *(text for text in told if text is not None)]
        departed = tuple(front.departed)
        front.departed.clear()
        # Some milliseconds once there are many series: not on the loop.
        sums = await asyncio.to_thread(front.sums.of, texts, departed)
    return web.Response(
        body=sums.encode(), headers={"Content-Type": CONTENT_TYPE_LATEST}
    )


async def ops(request: web.Request) -> web.Response:
    """``GET /v1/ops``: what each worker tells, one after the other."""
    front, headers = request.app[FRONT], asked_with(request)
    found: list[object] = []
    for worker in front.workers:
        if not worker.reachable:
            continue
        try:
            reply = await worker.ask("GET", OPS, headers, limit_s=METRICS_LIMIT_S)
            data = json_object(reply.body, "The worker's answer")["data"]
        except (HolderLost, KeyError) as error:
            log.warning("a worker told nothing", extra={"why": str(error)})
            continue
        found += data if isinstance(data, list) else []
    if front.hosts is not None:
        found += await front.hosts.ops(request)
    return json_answer({"object": "list", "data": found})


async def _metrics_of(worker: Worker, request: web.Request) -> tuple[int, str] | None:
    try:
        headers = asked_with(request)
        reply = await worker.ask("GET", "/metrics", headers, limit_s=METRICS_LIMIT_S)
    except HolderLost:
        return None
    return (worker.number, reply.body.decode()) if reply.status == 200 else None


async def place(request: web.Request) -> web.Response:
    """``POST /v1/realtime/calls``: a worker answers the offer, and holds the call."""
    front = request.app[FRONT]
    if front.hosts is not None:
        return await front.hosts.placed(
            request, PLACE_LIMIT, lambda body: _held(request, front.workers.up, body)
        )
    return await _held(request, front.workers.up)


async def dial(request: web.Request) -> web.Response:
    """``POST /v1/calls``: the worker that has the telephones makes a call."""
    first = next(iter(request.app[FRONT].workers))
    if not first.reachable:
        raise lost_worker()
    return await _held(request, [first])


async def _held(
    request: web.Request, workers: list[Worker], body: bytes | None = None
) -> web.Response:
    """Have a worker hold one more call, and keep its place until that is over."""
    front = request.app[FRONT]
    where = _whose(request)
    front.check_room(*where)
    if body is None:
        body = await read_body(request, PLACE_LIMIT)
    front.check_room(*where)  # others may have come meanwhile
    front.room.take(*where)
    held = False
    try:
        worker, reply = await first_to_take(request, workers, body)
        location = reply.headers.get("Location", "")
        if reply.status == 201 and location:
            front.group.create_task(
                _until_ended(front, worker, location.rpartition("/")[2], where)
            )
            held = True
    finally:
        if not held:
            front.room.leave(*where)
    return answer_of(reply)


def _whose(request: web.Request) -> tuple[str, str]:
    """Whom a call counts for: the client's address and the name of its key."""
    place = request.get(CLIENT, request.remote or "")
    return place, request.get(KEY_NAME, "")


async def _until_ended(
    front: FrontState, worker: Worker, call_id: str, where: tuple[str, str]
) -> None:
    """Keep a call's place until the worker says that it is over, or dies.

    One that is only late is asked again: else there would be more calls than places.
    """
    target, start = internal.ENDED.format(call_id=call_id), worker.starts
    try:
        with worker.holding_call():
            while worker.reachable and worker.starts == start:
                try:
                    reply = await worker.tell("GET", target)
                except HolderLost:
                    await asyncio.sleep(ASK_AGAIN_S)
                    continue
                if reply.status != 204:
                    log.error("a worker does not tell ends", extra={"call": call_id})
                return
        log.info("a call was lost with its worker", extra={"call": call_id})
    except Exception as error:  # one call's must not end the others
        front.metrics.faults.labels("front", type(error).__name__).inc()
        log.exception("a call's end cannot be waited for", extra={"call": call_id})
    finally:
        front.room.leave(*where)


async def connect(request: web.Request) -> web.StreamResponse:
    """``/v1/realtime`` and its kin: relay a socket until it is over."""
    front = request.app[FRONT]
    if request.path.startswith(telephony.PREFIX) and not telephony.is_upgrade(request):
        return await anything(request)  # a webhook
    hint = stream.HINT if request.path == stream.PATH else sockets.HINT
    sockets.require_upgrade(request, hint)
    if (call_id := request.query.get("call_id")) is not None:
        return await _connect_to(request, [_holder(request, call_id)])
    if front.hosts is not None:
        return await front.hosts.connected(request, lambda: _connect_here(request))
    return await _connect_here(request)


async def _connect_here(request: web.Request) -> web.StreamResponse:
    """Hold a call on a socket at this host."""
    front, where = request.app[FRONT], _whose(request)
    front.check_room(*where)
    front.room.take(*where)
    try:
        return await _connect_to(request, front.workers.up)
    finally:
        front.room.leave(*where)


async def _connect_to(
    request: web.Request, workers: Sequence[Holder]
) -> web.StreamResponse:
    """Relay to the first worker that is alive and takes the socket."""
    refused: web.Response | None = None
    for worker in workers:
        try:
            with worker.holding_call():
                async with handshake(request, worker) as upstream:
                    if upstream.taken:
                        return await relay(request, upstream)
                    refused = upstream.refusal()
        except HolderLost as error:
            log.warning("a worker gave no answer", extra={"why": str(error)})
            continue
        if refused.status != 503:
            break
    if refused is None:
        raise lost_worker()
    return refused


async def mint(request: web.Request) -> web.Response:
    """``POST /v1/realtime/client_secrets``: one worker makes a token, all take it."""
    front = request.app[FRONT]
    body = await read_body(request, JSON_LIMIT)
    maker, reply = await first_to_take(request, front.workers.up, body)
    if reply.status == 200:
        made = json_object(reply.body, "The worker's answer")
        if front.hosts is not None:
            return answer_of(reply)  # signed: good everywhere
        session = json_object(body, "The body").get("session", {})
        assert isinstance(session, dict)
        digest = digest_of(str(made["value"]))
        key_name = request.get(KEY_NAME, "")
        kept = Kept(digest, float(str(made["expires_at"])), session, key_name)
        front.tokens.keep(kept)
        others = [one for one in front.workers if one.reachable and one is not maker]
        # Before the client knows it, so that wherever it goes it is known.
        await asyncio.gather(*(_give(worker, kept) for worker in others))
    return answer_of(reply)


async def _give(worker: Worker, kept: Kept) -> None:
    try:
        token = internal.written(kept)
        reply = await worker.tell("POST", internal.TOKENS, token, SPREAD_LIMIT_S)
        if reply.status != 204:
            log.error("a worker took no token", extra={"why": str(reply.status)})
    except HolderLost as error:
        # It will be given them all when it is started again.
        log.warning("a worker took no token", extra={"why": str(error)})


async def join(front: FrontState, worker: Worker, tell: Tell) -> None:
    """A worker has started: give it what it must know, and let it take calls.

    Args:
        front: Of the server.
        worker: Which one.
        tell: Gives it news.
    """
    worker.starts += 1
    worker.reachable = True
    front.common.joined(worker.number, tell)
    front.counts.joined(worker.number, tell)
    for kept in list(front.tokens.all()):
        await _give(worker, kept)
    worker.up = True
    worker.came_up.set()


async def answers(worker: Worker) -> bool:
    """Whether a worker still does; while it does not, or ends, it gets no calls."""
    try:
        reply = await worker.ask("GET", "/readyz", limit_s=PING_LIMIT_S)
    except HolderLost:
        worker.up = False
        return False
    worker.up = reply.status == 200
    return True


def part(front: FrontState, worker: Worker) -> None:
    """A worker is gone."""
    worker.up = worker.reachable = False
    front.departed.append(worker.number)
    front.common.parted(worker.number)
    front.counts.parted(worker.number)


async def of_call(request: web.Request) -> web.StreamResponse:
    """What is asked of one call goes to the worker that holds it."""
    return await pass_on(request, [_holder(request, request.match_info["call_id"])])


def _holder(request: web.Request, call_id: str) -> Holder:
    """The worker of a call, or the host that has it.

    Raises:
        Refusal: If there is none of that id (404), or it is gone (503).
    """
    front = request.app[FRONT]
    if front.hosts is not None and (host := front.hosts.of_call(request, call_id)):
        return host
    worker = front.workers.of_call(call_id)
    if worker is None:
        raise Refusal(404, "There is no such call.", "call_not_found", "call_id")
    # While it drains, or was late once, it takes no calls but still holds them.
    if not worker.reachable:
        raise lost_worker()
    return worker


async def drain(request: web.Request) -> web.Response:
    """``POST /v1/providers/...``: every worker drains or restores its own."""
    front, headers = request.app[FRONT], asked_with(request)
    answered: list[HolderResponse] = []
    for worker in front.workers:
        if not worker.reachable:
            continue
        try:
            reply = await worker.ask("POST", target_of(request), headers)
        except HolderLost as error:
            log.warning("a worker drained nothing", extra={"why": str(error)})
            continue
        answered.append(reply)
    if not answered:
        raise lost_worker()
    return answer_of(max(answered, key=lambda reply: reply.status))


async def anything(request: web.Request) -> web.StreamResponse:
    """Everything else any worker can answer.

    What is work by itself, as audio is, goes where the fewest requests are: a worker
    takes so many, however few its calls.
    """
    workers = request.app[FRONT].workers
    audio = request.path.startswith("/v1/audio/")
    return await pass_on(request, workers.least_asked if audio else workers.up)
