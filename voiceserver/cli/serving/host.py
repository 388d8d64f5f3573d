"""What makes a server one host of several, out of ``[cluster.calls]`` and its machine.

Reads the secrets from the environment and finds out the machine's name and address
where the settings leave that to it.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Mapping

from voiceserver.cluster.registry import ChildRegistry
from voiceserver.cluster.secret import SHORTEST, Secrets
from voiceserver.config import Config, HostConfig
from voiceserver.errors import ConfigError
from voiceserver.server.front.hosts import Membership

AUTO = "auto"


def membership(
    config: Config, port: int, environment: Mapping[str, str] = os.environ
) -> Membership:
    """Describe this host.

    Args:
        config: All settings.
        port: That it listens at.
        environment: Of the process.

    Raises:
        ConfigError: If there is no secret, or too short a one, or the machine has no
            name or address that others could use.
    """
    calls = config.cluster.calls
    first = _secret(calls.secret_env, "secret_env", environment)
    second = ""
    if calls.second_secret_env:
        second = _secret(calls.second_secret_env, "second_secret_env", environment)
    name = host_name() if calls.host == AUTO else calls.host
    url = calls.url
    if url == AUTO:
        url = own_url(port, secure=bool(config.server.tls_cert))
    cluster = config.cluster
    registry = ChildRegistry(cluster.address, cluster.name)
    return Membership(name, url, Secrets(first, second), registry, _tls(calls))


def host_name() -> str:
    """Return the machine's name, without its domain, as a host's.

    Raises:
        ConfigError: If nothing is left of it.
    """
    plain = socket.gethostname().partition(".")[0].lower()
    name = re.sub("[^a-z0-9]+", "-", plain)[-32:].strip("-")
    if not name:
        raise ConfigError('cluster.calls.host: this machine has no name; give one, "a"')
    return name


def own_url(port: int, secure: bool) -> str:
    """Return where others reach this machine, by its name's address.

    Raises:
        ConfigError: If that is loopback or none.
    """
    try:
        address = socket.gethostbyname(socket.gethostname())
    except OSError:
        address = ""
    if not address or address.startswith("127."):
        raise ConfigError(
            "cluster.calls.url: this machine's name has no address that others could "
            'use; write it: url = "http://10.0.0.5:8080"'
        )
    return f"{'https' if secure else 'http'}://{address}:{port}"


def _secret(variable: str, setting: str, environment: Mapping[str, str]) -> str:
    secret = environment.get(variable, "").strip()
    if len(secret) < SHORTEST:
        raise ConfigError(
            f"cluster.calls.{setting}: {variable} must hold the secret that all hosts "
            f"share, of {SHORTEST} characters or more: export "
            f"{variable}=$(openssl rand -hex 24), the same at each"
        )
    return secret


def _tls(calls: HostConfig) -> ssl.SSLContext | None:
    if not calls.ca_file:
        return None
    try:
        return ssl.create_default_context(cafile=calls.ca_file)
    except OSError as error:
        raise ConfigError(
            f"cluster.calls.ca_file: {calls.ca_file} cannot be used: {error}"
        ) from error
