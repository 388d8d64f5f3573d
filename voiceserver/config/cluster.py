"""``[cluster]``: engines on other machines, by Ray Serve; calls on any host."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from voiceserver.config.checks import require

_NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_ADDRESS = re.compile(r"[^\s:/@]+:[0-9]{1,5}")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_URL = re.compile(r"https?://([^\s:/?#@]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """``[cluster.recogniser]``, ``[cluster.speech]``: one engine's replicas.

    Attributes:
        engine: Which engine replicas run, as in ``[engines]``; its settings are those
            of this file, its files must be at every host. Empty deploys none.
        replicas: At least so many.
        max_replicas: At most; 0 is as many as ``replicas``. Between the two they
            follow the work in flight.
        streams: Phrases or utterances at once in one replica.
        cpus: Cores that Ray reserves for one.
        gpus: Of a GPU, the share that Ray reserves for one.
        drain_s: A replica that is to go may finish what it has for so long.
    """

    engine: str = ""
    replicas: int = 1
    max_replicas: int = 0
    streams: int = 8
    cpus: float = 1.0
    gpus: float = 0.0
    drain_s: float = 60.0

    def __post_init__(self) -> None:
        require(self.engine != "ray", 'engine = "ray" would be behind itself')
        require(1 <= self.replicas <= 10_000, "replicas must be 1 to 10000")
        most = self.max_replicas
        require(
            most == 0 or self.replicas <= most <= 10_000,
            "max_replicas must be 0, or at least replicas and at most 10000",
        )
        require(1 <= self.streams <= 1_000, "streams must be 1 to 1000")
        require(0 <= self.cpus <= 1_000, "cpus must be 0 to 1000")
        require(0 <= self.gpus <= 64, "gpus must be 0 to 64")
        require(1 <= self.drain_s <= 86_400, "drain_s must be 1 to 86400")

    @property
    def slots(self) -> int:
        """Streams at once in all replicas that there may be, as a server asks them."""
        return min(60_000, self.streams * max(self.replicas, self.max_replicas))


@dataclass(frozen=True, slots=True)
class HostConfig:
    """``[cluster.calls]``: this server is one host of several, as if they were one.

    Attributes:
        host: This host's name, of at most 32 small letters, digits and hyphens; it is
            in the ids of its calls. ``"auto"`` is the machine's; empty: it is alone.
        url: Where the other hosts reach this one, like ``"http://10.0.0.5:8080"``;
            ``"auto"`` is the machine's address and ``port`` of ``[server]``.
        secret_env: Environment variable with the secret that all hosts share, of 24
            characters or more.
        second_secret_env: With one that is taken as well, while all change to another.
        ca_file: Certificates that hosts at ``https`` are known by; empty: the system's.
    """

    host: str = ""
    url: str = "auto"
    secret_env: str = "VOICESERVER_CLUSTER_SECRET"
    second_secret_env: str = ""
    ca_file: str = ""

    def __post_init__(self) -> None:
        require(
            not self.host or bool(_HOST.fullmatch(self.host)),
            "host must be of 1 to 32 small letters, digits and hyphens",
        )
        require(
            self.url == "auto"
            or (bool(_URL.fullmatch(self.url)) and len(self.url) < 100),
            'url must be "auto" or like "http://10.0.0.5:8080"',
        )
        require(
            not self.host or bool(self.secret_env),
            "secret_env must name the variable with the secret that all hosts share",
        )


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """``[cluster]``: engines of Ray Serve, and calls on any host (extra ``cluster``).

    They are deployed by ``voiceserver cluster deploy`` and used where ``[engines]``
    says ``"ray"``.

    Attributes:
        address: Of Ray's head, ``"host:port"``; ``"auto"`` is the cluster that this
            machine has joined by ``ray start``.
        name: Under which the engines are deployed; two fleets in one cluster need two.
        recogniser: Replicas that hear.
        speech: Replicas that speak.
        calls: Whether this server's calls are those of one host of several.
    """

    address: str = "auto"
    name: str = "voiceserver"
    recogniser: PoolConfig = field(default_factory=PoolConfig)
    speech: PoolConfig = field(default_factory=PoolConfig)
    calls: HostConfig = field(default_factory=HostConfig)

    def __post_init__(self) -> None:
        require(
            self.address == "auto" or bool(_ADDRESS.fullmatch(self.address)),
            'address must be "auto" or like "10.0.0.1:6379"',
        )
        require(
            bool(_NAME.fullmatch(self.name)),
            "name must be of small letters, digits and hyphens",
        )
