"""How many workers a server has, and what of its settings each one gets.

A worker is a whole server that few can reach: it holds calls and has engines of its
own, so that it shares nothing whose death could end another's calls. What the machine
has once is divided: the UDP ports, the recognisers. What is counted once (calls, in all
and by address) the front counts. Pure.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from voiceserver.config import (
    Config,
    MediaConfig,
    RecogniserProvider,
    SpeechProvider,
    TextProvider,
)
from voiceserver.errors import ConfigError

P = TypeVar("P", TextProvider, SpeechProvider, RecogniserProvider)

CORES_EACH = 4  # of a worker: itself, its voice and its recognisers
CALLS_EACH = 8  # fewer are no reason for another set of engines


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of a server a process is.

    Attributes:
        number: From 1.
        workers: How many there are.
        secret: Shows the front's own requests to its workers.
        keys: Digests of the API keys, in hexadecimal, as the front has read them: one
            that starts later takes those too, not what a file says by then.
        host: Name of this host among several; ``""`` where there is one.
        token_keys: Of tokens that are good at every host, in hexadecimal.
    """

    number: int
    workers: int
    secret: str
    keys: tuple[str, ...] = ()
    host: str = ""
    token_keys: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What stands in the ids of its calls."""
        return f"{self.host}.{self.number}" if self.host else str(self.number)

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Share:
        """Read one that went through JSON."""
        lists = {name: tuple(table[name]) for name in ("keys", "token_keys")}
        return cls(**{**table, **lists})


def worker_count(config: Config, cores: int) -> int:
    """How many processes are to hold calls; 1 is the server itself.

    Args:
        config: ``server.workers``, unless that is 0.
        cores: That this process may use.

    Raises:
        ConfigError: If there are fewer UDP ports than workers.
    """
    limits, media = config.server, config.media
    most = max(1, limits.max_calls // CALLS_EACH)
    workers = limits.workers or max(1, min(cores // CORES_EACH, most))
    n_ports = media.udp_port_max - media.udp_port_min + 1
    if media.udp_port_max and n_ports < workers:
        raise ConfigError(
            f"media.udp_port_min and udp_port_max leave {n_ports} ports to {workers} "
            "workers; widen the range or set workers in [server]"
        )
    return workers


def worker_config(config: Config, share: Share) -> Config:
    """The settings of one worker.

    The front has the certificate and the keys, and counts calls by address and key: all
    that a worker sees come from the front. What a provider takes at a time is divided.
    """
    server = dataclasses.replace(
        config.server,
        workers=1,
        max_calls_per_address=0,
        max_calls_per_key=0,
        tls_cert="",
        tls_key="",
        api_key_env="",
        api_key_file="",
    )
    processes = -(-config.recogniser.processes // share.workers)
    return dataclasses.replace(
        config,
        server=server,
        media=_with_ports(config.media, share),
        recogniser=dataclasses.replace(
            config.recogniser,
            processes=processes,
            provider=tuple(
                _with_places(each, share) for each in config.recogniser.provider
            ),
        ),
        text=dataclasses.replace(
            config.text,
            provider=tuple(_with_places(each, share) for each in config.text.provider),
        ),
        speech=dataclasses.replace(
            config.speech,
            provider=tuple(
                _with_places(each, share) for each in config.speech.provider
            ),
        ),
    )


def _with_places(provider: P, share: Share) -> P:
    """With its part of what may be asked at a time, rounded up."""
    places = -(-provider.max_concurrency // share.workers)
    return dataclasses.replace(provider, max_concurrency=places)


def _with_ports(media: MediaConfig, share: Share) -> MediaConfig:
    """With its slice of the UDP ports; none of two workers' overlap."""
    low, n_ports = media.udp_port_min, media.udp_port_max - media.udp_port_min + 1
    if not low:
        return media
    first = low + n_ports * (share.number - 1) // share.workers
    after = low + n_ports * share.number // share.workers
    return dataclasses.replace(media, udp_port_min=first, udp_port_max=after - 1)
