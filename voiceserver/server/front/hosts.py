"""The hosts that are one server together: who is there, who has room, who has a call.

Tells the directory every second how this host stands and is told of the others, and
what all know of providers and money (``shared``). While the directory does not answer,
new calls stay here and those at other hosts are still found: it is needed for nothing
but new ones. Knows no request.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import random
import secrets as random_names
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType

from voiceserver import __version__
from voiceserver.cluster.choice import order
from voiceserver.cluster.directory import (
    BEAT_S,
    LEASE_S,
    Peer,
    Refused,
    Standing,
    View,
    most_held,
)
from voiceserver.cluster.registry import Registry, RegistryLost
from voiceserver.cluster.secret import Secrets
from voiceserver.metrics import Metrics
from voiceserver.server.front.host import Host
from voiceserver.server.front.shared import Shared
from voiceserver.server.front.workers import holder_of
from voiceserver.server.places import Room

log = logging.getLogger(__name__)

MAX_KNOWN = 400  # hosts, those that have gone included: they may still have calls
MAX_NAMES = 4_096  # of addresses and keys, remembered
SHUNNED_S = 3.0  # a host that did not answer is asked for no call


@dataclass(frozen=True, slots=True)
class Membership:
    """What makes a server a host.

    Attributes:
        name: In the ids of its calls.
        url: Where others reach it.
        secrets: That all hosts share.
        registry: Where the directory is asked.
        tls: How other hosts at ``https`` are known; None: by the system's.
    """

    name: str
    url: str
    secrets: Secrets
    registry: Registry
    tls: ssl.SSLContext | None = None


class ClusterRoom(Room):
    """The places of one host, whose limits of an address or a key are the cluster's.

    What others hold is up to two beats old: all hosts together may be beyond a limit
    by what they have let in meanwhile.
    """

    def __init__(
        self,
        max_calls: int,
        max_calls_from: int,
        metrics: Metrics,
        max_calls_by: int,
        secrets: Secrets,
    ) -> None:
        super().__init__(max_calls, max_calls_from, metrics, max_calls_by)
        self.others: Mapping[str, int] = {}  # by ``name_of``
        self._limited = {"address": max_calls_from > 0, "key": max_calls_by > 0}
        self._name_of = functools.lru_cache(MAX_NAMES)(secrets.name_of)

    def held_from(self, place: str) -> int:
        """Calls of an address, at all hosts."""
        return self._by_place[place] + self._elsewhere("address", place)

    def held_by(self, key: str) -> int:
        """Calls of an API key, at all hosts."""
        return self._by_key[key] + self._elsewhere("key", key)

    def _elsewhere(self, kind: str, name: str) -> int:
        if not self._limited[kind]:
            return 0  # then it is as many as this host may have
        return self.others.get(self._name_of(kind, name), 0)

    def counts(self) -> dict[str, int]:
        """What the others are told: calls here by address and key."""
        both = {"address": self._by_place, "key": self._by_key}
        return most_held(
            {
                self._name_of(kind, name): n
                for kind, counter in both.items()
                if self._limited[kind]
                for name, n in counter.items()
                if name
            }
        )


class Hosts:
    """This host among the others; an asynchronous context manager.

    Args:
        me: What makes this server a host.
        room: Of this host.
        able: Whether this host can take a call, if it has room.
        rng: Chooses between hosts.
        now_s: Monotonic time.
        wall_s: Seconds since 1970.

    Attributes:
        draining: No call is taken here any more; those that come go to others.
        shared: What workers here know together, and those of other hosts.
    """

    def __init__(
        self,
        me: Membership,
        room: ClusterRoom,
        able: Callable[[], bool],
        rng: random.Random,
        now_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self.me = me
        self.draining = False
        self.shared = Shared(now_s)
        self._room = room
        self._able = able
        self._rng = rng
        self._now_s = now_s
        self._wall_s = wall_s
        self._boot = random_names.token_hex(8)
        self._known: dict[str, Host] = {}
        self._view = View()
        self._free: dict[str, int] = {}  # less what was sent there since
        self._shunned: dict[str, float] = {}  # until when
        self._seen_s = -LEASE_S
        self._said = ""

    async def __aenter__(self) -> Hosts:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for host in self._known.values():
            await host.__aexit__(None, None, None)

    @property
    def joined(self) -> bool:
        """Whether what is known of the others is fresh."""
        return self._now_s() - self._seen_s < LEASE_S

    @property
    def free(self) -> int:
        """Calls that would be taken here."""
        return 0 if self.draining or not self._able() else self._room.free

    def standing(self) -> Standing:
        """What is told of this host."""
        return Standing(
            self.me.name,
            self.me.url,
            self._boot,
            __version__,
            self.me.secrets.fingerprints,
            self._wall_s(),
            self.free,
            len(self._room) + self._room.elsewhere,
            self.draining or self._room.closing,
            self._room.counts(),
            self.shared.stands,
            self.shared.day,
            self.shared.spent,
        )

    async def run(self) -> None:
        """Tell and be told, for ever; cancelled, say that this host ends."""
        try:
            while True:
                await self.beat()
                await asyncio.sleep(BEAT_S)
        finally:
            self.me.registry.leave(self.me.name, self._boot)

    async def beat(self) -> None:
        """Tell once, and be told."""
        try:
            view = await self.me.registry.beat(self.standing())
        except Refused as error:
            self._say(f"this host is alone: {error}", logging.ERROR)
        except RegistryLost as error:
            self._say(
                f"the cluster's directory does not answer; new calls stay at this host "
                f"({error})",
                logging.WARNING,
            )
        else:
            await self.take(view)
            self._say("this host is one of the cluster's", logging.INFO)

    def _say(self, line: str, level: int) -> None:
        """Log what has changed, once."""
        told = line.partition("(")[0]  # the reason may differ each time
        if told != self._said:
            self._said = told
            log.log(level, line)

    async def take(self, view: View) -> None:
        """Take what the directory tells."""
        # All before any is named: calls come while one that has moved is let go of.
        for peer in view.peers:
            await self._know(peer.name, peer.url)
        self._view, self._seen_s = view, self._now_s()
        self._room.others = view.held
        self.shared.take(view)
        self._free = {
            peer.name: 0 if peer.draining else peer.free for peer in view.peers
        }
        gone = [name for name in self._known if name not in self._free]
        for name in gone[: max(0, len(self._known) - MAX_KNOWN)]:
            await self._known.pop(name).__aexit__(None, None, None)

    async def _know(self, name: str, url: str) -> None:
        known = self._known.get(name)
        if known is not None and known.url == url:
            return
        me = self.me
        host = Host(name, url, me.name, me.secrets, me.tls, self._wall_s)
        self._known[name] = await host.__aenter__()
        if known is not None:
            await known.__aexit__(None, None, None)

    @property
    def peers(self) -> list[Host]:
        """The other hosts that are there."""
        if not self.joined:
            return []
        return [self._known[peer.name] for peer in self._view.peers]

    def order(self) -> list[Host | None]:
        """Who is asked to take one more call, in this order; None is this host."""
        here, now_s = self.me.name, self._now_s()
        free = {here: self.free}
        if self.joined:
            shunned = {one for one, until in self._shunned.items() if until > now_s}
            free |= {n: left for n, left in self._free.items() if n not in shunned}
        names = order(here, free, self._rng)
        return [None if name == here else self._known[name] for name in names]

    def sent(self, host: Host) -> None:
        """A call went there."""
        self._free[host.host] = max(0, self._free.get(host.host, 0) - 1)

    def full(self, host: Host) -> None:
        """It takes none just now."""
        self._free[host.host] = 0

    def lost(self, host: Host, why: str) -> None:
        """It did not answer, or does not know us."""
        log.warning("a host is not asked for calls", extra={"why": why})
        self._shunned[host.host] = self._now_s() + SHUNNED_S

    def of_call(self, call_id: str) -> Host | None:
        """The other host that has, or had, a call; None if it is of this one."""
        name, _ = holder_of(call_id)
        return None if name == self.me.name else self._known.get(name)

    def listed(self) -> list[dict[str, object]]:
        """What is known of all hosts, this one first."""
        hosts: list[Standing | Peer] = [self.standing()]
        hosts += self._view.peers if self.joined else ()
        return [
            {
                "host": one.name,
                "url": one.url,
                "free": one.free,
                "calls": one.calls,
                "draining": one.draining,
            }
            for one in hosts
        ]
