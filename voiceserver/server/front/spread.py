"""Requests over several hosts: who takes a call, and who is asked about one.

A call goes to the host with room that is asked first and takes it; what is asked of it
later goes where its id says. A request that a host has passed on stays where it came,
so that none goes round. Knows no engine and no protocol of calls.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator

from aiohttp import web
from aiohttp.typedefs import Middleware

from voiceserver.cluster.secret import SealRefused
from voiceserver.errors import Overloaded
from voiceserver.server.answers import (
    Refusal,
    Route,
    error_answer,
    json_answer,
    refusal_of,
)
from voiceserver.server.body import json_object, read_body
from voiceserver.server.front.forward import answer_of, asked_with, pass_on
from voiceserver.server.front.holder import HolderLost, target_of
from voiceserver.server.front.host import SEAL_HEADER, Host
from voiceserver.server.front.hosts import ClusterRoom, Hosts, Membership
from voiceserver.server.front.relay import handshake, relay
from voiceserver.server.state import CLIENT

log = logging.getLogger(__name__)

PATH = "/v1/hosts"
DRAIN = PATH + "/{host}/drain"
OPS_LIMIT_S = 2.0
MAX_REASONS = 100  # of refused seals that are logged, each once

Here = Callable[[], Awaitable[web.StreamResponse]]


class Spread:
    """Spreads the requests of one front.

    Args:
        hosts: All of them.
        wall_s: Seconds since 1970.
    """

    def __init__(self, hosts: Hosts, wall_s: Callable[[], float] = time.time) -> None:
        self.hosts = hosts
        self._wall_s = wall_s
        self._told: set[str] = set()
        self._n_relayed = 0
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def draining(self) -> bool:
        """Whether no call is taken at this host any more."""
        return self.hosts.draining

    async def idle(self) -> None:
        """Wait until no socket of a call at another host goes through here."""
        await self._idle.wait()

    @contextlib.contextmanager
    def _relaying(self) -> Iterator[None]:
        self._n_relayed += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._n_relayed -= 1
            if not self._n_relayed:
                self._idle.set()

    def add_to(self, app: web.Application) -> None:
        """Add what requests of other hosts pass through, and the routes of hosts."""
        # Behind what answers errors, before what asks for a key.
        app.middlewares.insert(2, self._unsealed())
        app.router.add_get(PATH, self.listed)
        app.router.add_post(DRAIN, self.drained)
        app.router.add_delete(DRAIN, self.drained)

    def _unsealed(self) -> Middleware:
        @web.middleware
        async def unsealed(request: web.Request, handler: Route) -> web.StreamResponse:
            if (seal := request.headers.get(SEAL_HEADER)) is not None:
                request[CLIENT] = self._client(request, seal)
            return await handler(request)

        return unsealed

    def _client(self, request: web.Request, seal: str) -> str:
        """Address of whom another host has passed on.

        Raises:
            Refusal: If it is no host of ours (403).
        """
        me = self.hosts.me
        try:
            passed = me.secrets.opened(
                seal, request.method, target_of(request), me.name, self._wall_s()
            )
        except SealRefused as error:
            why = str(error)
            if why not in self._told and len(self._told) < MAX_REASONS:
                self._told.add(why)
                log.warning("what a host passed on is refused", extra={"why": why})
            what = f"What this host passed on is refused: {why}."
            refused = {SEAL_HEADER: "refused"}
            raise Refusal(403, what, "host_refused", None, refused) from None
        return passed.client

    async def placed(
        self,
        request: web.Request,
        limit: int,
        here: Callable[[bytes], Awaitable[web.Response]],
    ) -> web.Response:
        """Have a host answer an offer.

        Args:
            request: With the offer.
            limit: Bytes of its body.
            here: Has this host answer it.
        """
        body = await read_body(request, limit)
        if CLIENT in request:
            return await here(body)

        async def locally() -> web.StreamResponse:
            return await here(body)

        answer: web.StreamResponse | None = None
        for host in self.hosts.order():
            if host is None:
                answer = await _unless_full(locally)
            elif (given := await self._asked(request, host, body)) is not None:
                answer = given
            if answer is not None and answer.status != 503:
                break
        assert isinstance(answer, web.Response)  # this host always is asked
        return answer

    async def _asked(
        self, request: web.Request, host: Host, body: bytes
    ) -> web.Response | None:
        """Ask a host to take a call; None if it does not answer as one of ours."""
        try:
            with host.holding_call():
                reply = await host.ask(
                    request.method,
                    target_of(request),
                    asked_with(request),
                    body,
                    client=request.remote or "",
                )
        except HolderLost as error:
            self.hosts.lost(host, str(error))
            return None
        answer = answer_of(reply)
        return answer if self._took(host, answer) else None

    def _took(self, host: Host, answer: web.Response) -> bool:
        """Take note of an answer; False if it is of one that does not know us."""
        if SEAL_HEADER in answer.headers:
            body = answer.body
            text = body.decode("utf-8", "replace") if isinstance(body, bytes) else ""
            self.hosts.lost(host, f"{host.name} refuses this one: {text[:300]}")
            return False
        if answer.status == 503:
            self.hosts.full(host)
        else:
            self.hosts.sent(host)
        return True

    async def connected(self, request: web.Request, here: Here) -> web.StreamResponse:
        """Have a host take a socket, and relay it if that is another one."""
        if CLIENT in request:
            return await here()
        answer: web.StreamResponse | None = None
        for host in self.hosts.order():
            if host is None:
                answer = await _unless_full(here)
            else:
                answer = await self._relayed(request, host) or answer
            if answer is not None and answer.status != 503:
                break
        assert answer is not None  # this host always is asked
        return answer

    async def _relayed(
        self, request: web.Request, host: Host
    ) -> web.StreamResponse | None:
        """Relay to a host, or return its refusal; None if it is not there."""
        try:
            with host.holding_call(), self._relaying():
                async with handshake(request, host) as upstream:
                    if upstream.taken:
                        self.hosts.sent(host)
                        return await relay(request, upstream)
                    refused = upstream.refusal()
        except HolderLost as error:
            self.hosts.lost(host, str(error))
            return None
        return refused if self._took(host, refused) else None

    def of_call(self, request: web.Request, call_id: str) -> Host | None:
        """The other host that has a call; None if this one has it, or had to."""
        return None if CLIENT in request else self.hosts.of_call(call_id)

    async def ops(self, request: web.Request) -> list[object]:
        """What the processes of all other hosts tell, by ``GET /v1/ops``."""
        if CLIENT in request:
            return []
        asked = (self._ops_of(host, request) for host in self.hosts.peers)
        return [one for found in await asyncio.gather(*asked) for one in found]

    async def _ops_of(self, host: Host, request: web.Request) -> list[object]:
        headers = asked_with(request)
        try:
            reply = await host.ask(
                "GET", target_of(request), headers, None, OPS_LIMIT_S
            )
            data = json_object(reply.body, "The host's answer")["data"]
        except (HolderLost, Refusal, KeyError) as error:
            log.warning("a host told nothing", extra={"why": str(error)})
            return []
        return data if isinstance(data, list) else []

    async def listed(self, _request: web.Request) -> web.Response:
        """``GET /v1/hosts``: the hosts that there are."""
        return json_answer({"object": "list", "data": self.hosts.listed()})

    async def drained(self, request: web.Request) -> web.StreamResponse:
        """``POST`` or ``DELETE /v1/hosts/{host}/drain``: take no call, or take some."""
        name = request.match_info["host"]
        if name != self.hosts.me.name:
            host = next((one for one in self.hosts.peers if one.host == name), None)
            if host is None or CLIENT in request:
                there = ", ".join(str(one["host"]) for one in self.hosts.listed())
                what = f"There is no host {name!r}; there are: {there}."
                raise Refusal(404, what, "host_not_found", "host")
            return await pass_on(request, [host])
        self.hosts.draining = request.method == "POST"
        log.warning("this host drains: %s", self.hosts.draining)
        return json_answer(self.hosts.listed()[0] | {"relayed": self._n_relayed})


@contextlib.asynccontextmanager
async def spread_over(
    me: Membership, room: ClusterRoom, able: Callable[[], bool]
) -> AsyncGenerator[Spread, None]:
    """Be one of the hosts inside.

    Args:
        me: What makes this server a host.
        room: Of this host.
        able: Whether this host can take a call, if it has room.
    """
    async with (
        Hosts(me, room, able, random.Random()) as hosts,
        asyncio.TaskGroup() as group,
    ):
        asking = group.create_task(me.registry.run())
        beating = group.create_task(hosts.run())
        try:
            yield Spread(hosts)
        finally:
            beating.cancel()
            await asyncio.wait({beating})  # it says goodbye
            asking.cancel()


async def _unless_full(here: Here) -> web.StreamResponse:
    """Ask this host, whose refusal another one's taking makes good."""
    try:
        return await here()
    except (Overloaded, Refusal) as error:
        refusal = refusal_of(error)
        if refusal.status != 503:
            raise
        return error_answer(refusal)
