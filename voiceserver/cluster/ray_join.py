"""Becoming a client of a cluster of Ray, or saying soon why that cannot be."""

from __future__ import annotations

import logging
import os
import socket

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # read as Ray is imported

import ray

from voiceserver.errors import EngineFailed

NAMESPACE = "voiceserver"
REACH_LIMIT_S = 3.0


def join(address: str) -> None:
    """Become a client of the cluster.

    Raises:
        EngineFailed: If it cannot be reached.
    """
    if address != "auto":
        _reach(address)
    try:
        ray.init(
            address=address,
            namespace=NAMESPACE,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise EngineFailed("ray", _advice(address, str(error))) from error


def _reach(address: str) -> None:
    """Find out soon whether anybody listens: Ray itself tries for a minute."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), REACH_LIMIT_S).close()
    except (OSError, ValueError) as error:
        raise EngineFailed("ray", _advice(address, str(error))) from error


def _advice(address: str, why: str) -> str:
    return (
        f'no cluster at [cluster] address = "{address}" ({why.splitlines()[0][:200]}): '
        "`ray start --head` begins one, `ray start --address=HEAD:6379` joins it"
    )
