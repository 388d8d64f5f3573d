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


class Directory:
    """The hosts of one cluster."""

    def __init__(self) -> None:
        self._standings: dict[str, Standing] = {}
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
            del self._standings[name], self._until_s[name]

    def hosts(self, now_s: float) -> tuple[Standing, ...]:
        """Those that are there."""
        self._end_leases(now_s)
        return tuple(self._standings.values())

    def _end_leases(self, now_s: float) -> None:
        for name in [one for one, until in self._until_s.items() if until <= now_s]:
            del self._standings[name], self._until_s[name]

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
        for other in self._standings.values():
            if other.name != new.name:
                _check_alike(new, other)

    def _view(self, of: Standing, now_s: float) -> View:
        others = [one for one in self._standings.values() if one.name != of.name]
        held: Counter[str] = Counter()
        for one in others:
            held.update(one.held)
        peers = [Peer(o.name, o.url, o.free, o.calls, o.draining) for o in others]
        return View(
            tuple(peers),
            dict(held.most_common(MAX_TOLD)),
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
