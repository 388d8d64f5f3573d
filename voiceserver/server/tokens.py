"""Tokens that a client may be given in place of the key.

A token lets its holder place calls, and nothing else, until it expires; the session it
was made with travels inside, for devices that send nothing but an offer. Tokens live in
memory: they end with the server. Only their digests are kept.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Mapping
from typing import Any

from voiceserver.server.answers import busy

PREFIX = "ek_"
MAX_TOKENS = 1000  # each may hold a session of 64 kB

Session = Mapping[str, Any]


class Tokens:
    """The tokens of one server.

    Args:
        now_s: The time, in seconds since 1970.
    """

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._by_digest: dict[bytes, tuple[float, Session]] = {}

    def new(self, session: Session, lasts_s: int) -> tuple[str, int]:
        """Make a token; return it and when it expires, in seconds since 1970.

        Raises:
            Refusal: If there are too many (503).
        """
        now_s = self._now_s()
        self._by_digest = {
            digest: kept for digest, kept in self._by_digest.items() if kept[0] > now_s
        }
        if len(self._by_digest) >= MAX_TOKENS:
            raise busy("Too many tokens are in use.", "too_many_tokens")
        value = f"{PREFIX}{secrets.token_hex(24)}"
        expires_s = int(now_s) + lasts_s
        self._by_digest[_digest(value)] = float(expires_s), session
        return value, expires_s

    def session_of(self, value: str) -> Session | None:
        """The session of a token; None if it has expired or never was."""
        # Looked up by its digest: how long that takes says nothing of the token.
        expires_s, session = self._by_digest.get(_digest(value), (0.0, {}))
        return session if expires_s > self._now_s() else None


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()


def merged(below: Session, above: Session) -> dict[str, Any]:
    """Lay one session over another; objects merge, unless their types differ."""
    result = dict(below)
    for name, value in above.items():
        old = result.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            same = "type" not in value or value["type"] == old.get("type")
            result[name] = merged(old, value) if same else value
        else:
            result[name] = value
    return result
