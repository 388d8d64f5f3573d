"""Which hosts take calls: who is there, for how long, and with how much room.

A host tells what it is every second and is told who else there is, and what all know
of providers and money; one that says nothing for ``LEASE_S`` is gone. Who cannot be one
of us is refused, with the reason.
Pure: time is told, and how hosts reach the directory is not known here. It holds no
call and decides nothing of one: a directory that is gone, or has been started anew,
knows all again a second later.
"""

from __future__ import annotations

import heapq
import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeAlias

from voiceserver.cluster.common import Board, Ledger, Stand
from voiceserver.errors import VoiceServerError

BEAT_S = 1.0  # between two of a host's
LEASE_S = 3.0  # a host that says nothing for so long is gone
CLOCKS_APART_S = 60.0  # seals of requests hold for as long
MAX_HOSTS = 200  # of a directory; what all of them are is told in one message
MAX_COUNTS = 200  # addresses and keys of which a host tells
MAX_TOLD = 500  # of which it is told
FEW_COUNTS = 2_000  # of which those with the most are looked for each time
LOOKED_EVERY_S = 0.25  # where there are more

Json: TypeAlias = "dict[str, Any]"


class Refused(VoiceServerError):
    """A host cannot be one of this cluster's; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a host tells of itself.

    Attributes:
        name: In the ids of its calls.
        url: Where other hosts reach it.
        boot: Of this start of it: another one is another host of the same name.
        version: Of voiceserver.
        secrets: Fingerprints of the secrets that it takes.
        wall_s: Its clock, in seconds since 1970.
        free: Calls that it would take.
        calls: That it has.
        draining: It takes none any more.
        held: Its calls by address and by key, under names that only hosts can tell.
        stands: Where breakers were put at it.
        day: Of what it has spent, as an ISO date.
        spent: USD by account, in that day.
    """

    name: str
    url: str
    boot: str
    version: str
    secrets: tuple[str, ...]
    wall_s: float
    free: int = 0
    calls: int = 0
    draining: bool = False
    held: Mapping[str, int] = field(default_factory=dict)
    stands: tuple[Stand, ...] = ()
    day: str = ""
    spent: Mapping[str, float] = field(default_factory=dict)

    @property
    def alike(self) -> tuple[str, tuple[str, ...]]:
        """What others are held against."""
        return self.version, self.secrets

    def told(self) -> Json:
        """As JSON."""
        return asdict(self)

    @classmethod
    def read(cls, told: Json) -> Standing:
        """Read what ``told`` wrote, there perhaps by another version.

        Raises:
            Refused: If it is of one that tells less than is to be known.
        """
        known = {one.name: told[one.name] for one in fields(cls) if one.name in told}
        try:
            known["secrets"] = tuple(told["secrets"])
            known["stands"] = tuple(Stand(**one) for one in told.get("stands", ()))
            return cls(**known)
        except (KeyError, TypeError) as error:
            version = told.get("version", "?")
            raise Refused(f"voiceserver {version} tells too little: {error}") from error


@dataclass(frozen=True, slots=True)
class Peer:
    """Another host.

    Attributes:
        name: In the ids of its calls.
        url: Where it is reached.
        free: Calls that it would have taken, a second ago.
        calls: That it had.
        draining: It takes none any more.
    """

    name: str
    url: str
    free: int
    calls: int
    draining: bool


@dataclass(frozen=True, slots=True)
class View:
    """What a host is told.

    Attributes:
        peers: All other hosts.
        held: Calls of addresses and keys at all other hosts, of those with the most.
        stands: Where breakers were put last, at any host.
        day: Of what was spent: that of the host which is told.
        spent: USD by account, of all others.
    """

    peers: tuple[Peer, ...] = ()
    held: Mapping[str, int] = field(default_factory=dict)
    stands: tuple[Stand, ...] = ()
    day: str = ""
    spent: Mapping[str, float] = field(default_factory=dict)

    def told(self) -> Json:
        """As JSON: one list for each host, as there may be many."""
        rows = [[p.name, p.url, p.free, p.calls, int(p.draining)] for p in self.peers]
        return {
            "peers": rows,
            "held": dict(self.held),
            "stands": [asdict(one) for one in self.stands],
            "day": self.day,
            "spent": dict(self.spent),
        }

    @classmethod
    def read(cls, told: Json) -> View:
        """Read what ``told`` wrote."""
        peers = [
            Peer(name, url, free, calls, bool(draining))
            for name, url, free, calls, draining in told["peers"]
        ]
        stands = tuple(Stand(**one) for one in told["stands"])
        return cls(tuple(peers), told["held"], stands, told["day"], told["spent"])


def most_held(counts: Mapping[str, int]) -> dict[str, int]:
    """Of calls by address and key, what a host tells: where there are the most."""
    most = heapq.nlargest(MAX_COUNTS, counts.items(), key=lambda one: one[1])
    return dict(most)


class Held:
    """Calls by address and key at all hosts, added up as hosts tell of them.

    What is told is of the ones with the most. Where there are many, forty thousand of
    two hundred hosts, those are looked for a few times a second, not for each host.
    """

    def __init__(self) -> None:
        self._total: Counter[str] = Counter()
        self._most: list[str] = []  # and with any host's own taken away enough
        self._looked_s = -math.inf

    def tell(self, before: Mapping[str, int], now: Mapping[str, int]) -> None:
        """A host has these, in place of those that it told before."""
        if before == now:
            return
        for name, count in before.items():
            self._total[name] -= count
            if not self._total[name]:
                del self._total[name]
        self._total.update(now)

    def elsewhere(self, own: Mapping[str, int], now_s: float) -> dict[str, int]:
        """At all hosts but the one that has these, of the ones with the most."""
        few = len(self._total) <= FEW_COUNTS
        if few or not 0 <= now_s - self._looked_s < LOOKED_EVERY_S:
            self._looked_s = now_s
            n_most = MAX_TOLD + MAX_COUNTS
            self._most = heapq.nlargest(
                n_most, self._total, key=self._total.__getitem__
            )
        others = ((name, self._total[name] - own.get(name, 0)) for name in self._most)
        most = [one for one in others if one[1] > 0]
        most.sort(key=lambda one: -one[1])
        return dict(most[:MAX_TOLD])


class Directory:
    """The hosts of one cluster."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}
        self._held = Held()
        self._until_s: dict[str, float] = {}
        self._board = Board()
        self._ledger = Ledger()

    def beat(self, standing: Standing, now_s: float, wall_s: float) -> View:
        """Take what a host tells; its lease begins anew.

        Args:
            standing: Of the host.
            now_s: Monotonic time.
            wall_s: Of the directory's own clock, in seconds since 1970.

        Raises:
            Refused: If it cannot be one of us; a lease that it had ends by itself.
        """
        self._end_leases(now_s)
        self._check(standing, wall_s)
        known = self._standings.get(standing.name)
        self._held.tell(known.held if known else {}, standing.held)
        self._standings[standing.name] = standing
        self._until_s[standing.name] = now_s + LEASE_S
        self._board.put(standing.stands, now_s)
        start = standing.name, standing.boot
        self._ledger.tell(start, standing.day, standing.spent)
        return self._view(standing, now_s)

    def leave(self, name: str, boot: str) -> None:
        """A host ends; nothing if another of that name has come."""
        known = self._standings.get(name)
        if known is not None and known.boot == boot:
            self._forget(name)

    def hosts(self, now_s: float) -> tuple[Standing, ...]:
        """Those that are there."""
        self._end_leases(now_s)
        return tuple(self._standings.values())

    def _end_leases(self, now_s: float) -> None:
        for name in [one for one, until in self._until_s.items() if until <= now_s]:
            self._forget(name)

    def _forget(self, name: str) -> None:
        self._held.tell(self._standings.pop(name).held, {})
        del self._until_s[name]

    def _check(self, new: Standing, wall_s: float) -> None:
        known = self._standings.get(new.name)
        if known is not None and known.boot != new.boot:
            raise Refused(
                f'a host named "{new.name}" is there, at {known.url}; give each host a '
                f"name of its own (one that died is forgotten after {LEASE_S:g} s)"
            )
        if known is None and len(self._standings) >= MAX_HOSTS:
            raise Refused(
                f"the directory is full: {MAX_HOSTS} hosts; another [cluster] name is "
                "another one"
            )
        apart_s = new.wall_s - wall_s
        if abs(apart_s) > CLOCKS_APART_S:
            way = "ahead of" if apart_s > 0 else "behind"
            raise Refused(
                f"the clock of this host is {abs(apart_s):.0f} s {way} the cluster's; "
                "set it (chrony, systemd-timesyncd)"
            )
        if known is not None and known.alike == new.alike:
            return  # as it was, and the others were held against it when they came
        for other in self._standings.values():
            if other.name != new.name:
                _check_alike(new, other)

    def _view(self, of: Standing, now_s: float) -> View:
        others = [one for one in self._standings.values() if one.name != of.name]
        peers = [Peer(o.name, o.url, o.free, o.calls, o.draining) for o in others]
        return View(
            tuple(peers),
            self._held.elsewhere(of.held, now_s),
            self._board.told(now_s),
            of.day,
            self._ledger.elsewhere((of.name, of.boot), of.day),
        )


def _check_alike(new: Standing, other: Standing) -> None:
    if other.version != new.version:
        raise Refused(
            f'host "{other.name}" runs voiceserver {other.version}, this one '
            f"{new.version}; hosts of another version are another [cluster] name"
        )
    if not set(other.secrets) & set(new.secrets):
        raise Refused(
            f'the secret of this host is not that of host "{other.name}"; all hosts '
            "share one (secret_env of [cluster.calls])"
        )
