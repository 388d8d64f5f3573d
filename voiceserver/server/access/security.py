"""Who may use the server: where it binds, and which requests it takes.

With no key configured the server listens on loopback only and then takes any key, but
checks ``Host`` and ``Origin``: without that, any web page could point a name of its
own at 127.0.0.1 (DNS rebinding) or post a form here (which needs no preflight). With
a key, requests to the API need it. Pure but for reading the keys once.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from voiceserver.config import ServerConfig
from voiceserver.errors import ConfigError
from voiceserver.server.answers import Refusal

SHORT_KEY = 16  # characters; one below this is called short
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.\-_]+)(?::\d{1,5})?\Z")


def is_loopback(host: str) -> bool:
    """Whether a host name or address, without port, means this machine."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761, 6.3
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def host_name(header: str) -> str | None:
    """Take the name out of a ``Host`` header; None if it is malformed."""
    match = _HOST.match(header)
    return match["name"].lower() if match else None


def origin_host(origin: str) -> str | None:
    """Take ``host[:port]`` out of an ``Origin`` header; None if it is malformed."""
    try:
        parts = urlsplit(origin)
        port = parts.port  # raises for a port that is no number
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.hostname is None:
        return None
    name = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return name if port is None else f"{name}:{port}"


@dataclass(frozen=True, slots=True)
class AccessRules:
    """What a request must show.

    Attributes:
        key_digests: SHA-256 of each API key; empty if none is asked for.
        origins: Web origins allowed besides loopback, in lower case.
        short_key: A key is so short that it may be guessed.
    """

    key_digests: tuple[bytes, ...]
    origins: frozenset[str]
    short_key: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The digests, in hexadecimal, for ``worker_rules``."""
        return tuple(digest.hex() for digest in self.key_digests)

    def check_source(self, host: str | None, origin: str | None) -> None:
        """Check where a request says it was sent, and from which page.

        Args:
            host: The ``Host`` header, None if absent.
            origin: The ``Origin`` header, None if absent.

        Raises:
            Refusal: If it was sent by a page of somebody else.
        """
        name = host_name(host or "")
        if name is None:
            raise Refusal(400, "The Host header is missing or malformed.", "bad_host")
        # A key cannot be sent by a foreign page, so behind one any name will do.
        if not self.key_digests and not (is_loopback(name) or self._lists(name)):
            message = (
                "This Host is not known here. Use http://127.0.0.1, or add the page's "
                "origin to allowed_origins in [server]."
            )
            raise Refusal(403, message, "host_not_allowed")
        if origin is not None and not self.allows_origin(origin, host or ""):
            message = (
                "Pages of this origin may not use the server; its operator can add it "
                "to allowed_origins in [server]."
            )
            raise Refusal(403, message, "origin_not_allowed")

    def _lists(self, name: str) -> bool:
        """Whether a listed origin is served under this name, as by a proxy."""
        hosts = (origin_host(origin) for origin in self.origins)
        return any(host is not None and host_name(host) == name for host in hosts)

    def allows_origin(self, origin: str, host: str) -> bool:
        """Whether a page of ``origin`` may use the server.

        Args:
            origin: The ``Origin`` header.
            host: The ``Host`` header; with a key the server's own page is allowed.
        """
        if origin.lower() in self.origins:
            return True
        place = origin_host(origin)
        if place is None:
            return False
        if self.key_digests and place.lower() == host.lower():
            return True
        name = host_name(place)
        return name is not None and is_loopback(name)

    def check_key(self, authorization: str | None) -> str:
        """Check the ``Authorization`` header.

        Returns:
            A name of the key, for limits: the beginning of its digest; ``""`` if none
            is asked for.

        Raises:
            Refusal: If a key is asked for and this is not it.
        """
        if not self.key_digests:
            return ""
        scheme, _, key = (authorization or "").partition(" ")
        # Digests, so that neither content nor length of the key shows in the time.
        given = hashlib.sha256(key.strip().encode("utf-8", "replace")).digest()
        # All of them, so that the time does not tell which one comes close.
        same = sum(hmac.compare_digest(given, each) for each in self.key_digests)
        if not same or scheme.lower() != "bearer":
            message = "Give the server's API key as 'Authorization: Bearer KEY'."
            headers = {"WWW-Authenticate": "Bearer"}
            raise Refusal(401, message, "invalid_api_key", None, headers)
        return given.hex()[:16]


def worker_rules(config: ServerConfig, names: Sequence[str]) -> AccessRules:
    """The rules of a worker: the front's keys, whatever a file says by now.

    Args:
        config: Of the worker.
        names: ``AccessRules.names`` of the front's.
    """
    origins = frozenset(origin.lower().rstrip("/") for origin in config.allowed_origins)
    return AccessRules(tuple(map(bytes.fromhex, names)), origins)


def access_rules(
    config: ServerConfig, environment: Mapping[str, str] = os.environ
) -> AccessRules:
    """Read the rules off the configuration, and refuse an open public server.

    Raises:
        ConfigError: If the key is missing, or the address is public without one.
    """
    for origin in config.allowed_origins:
        if origin != "null" and origin_host(origin) is None:
            raise ConfigError(
                f"server.allowed_origins: '{origin}' is no web origin; write it like "
                "'https://voice.example.org'"
            )
    origins = frozenset(origin.lower().rstrip("/") for origin in config.allowed_origins)
    keys = _keys(config, environment)
    if keys:
        digests = tuple(hashlib.sha256(key.encode()).digest() for key in keys)
        return AccessRules(digests, origins, min(map(len, keys)) < SHORT_KEY)
    if not is_loopback(config.host):
        raise ConfigError(
            f"server.host: refusing to listen at {config.host}, which others can "
            "reach, without an API key. Put one into an environment variable and name "
            "it:\n"
            "  export VOICESERVER_API_KEY=$(openssl rand -hex 24)\n"
            "  and in voiceserver.toml, under [server]: "
            'api_key_env = "VOICESERVER_API_KEY"\n'
            "Or listen on this machine only: --host 127.0.0.1"
        )
    return AccessRules((), origins)


def _keys(config: ServerConfig, environment: Mapping[str, str]) -> list[str]:
    """The API keys of environment and file.

    Raises:
        ConfigError: If there is none where the configuration says that there is.
    """
    keys = []
    if config.api_key_env:
        key = environment.get(config.api_key_env, "").strip()
        if not key:
            raise ConfigError(
                f"server.api_key_env: the environment variable {config.api_key_env} "
                "is not set or empty; set it to the API key, e.g. "
                f"export {config.api_key_env}=$(openssl rand -hex 24)"
            )
        keys.append(key)
    return keys + keys_of_file(config)


def keys_of_file(config: ServerConfig) -> list[str]:
    """The API keys of ``api_key_file``; none where none is configured.

    Raises:
        ConfigError: If the file cannot be read or holds none.
    """
    if not config.api_key_file:
        return []
    try:
        text = Path(config.api_key_file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise ConfigError(
            f"server.api_key_file: {config.api_key_file} cannot be read: {reason}"
        ) from None
    lines = [line.strip() for line in text.splitlines()]
    found = [line for line in lines if line and not line.startswith("#")]
    if not found:
        raise ConfigError(
            f"server.api_key_file: there is no key in {config.api_key_file}; "
            "write one a line"
        )
    return found
