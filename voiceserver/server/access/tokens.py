"""Tokens that a client may be given in place of the key.

A token lets its holder place calls, and nothing else, until it expires; the session it
was made with travels inside, for devices that send nothing but an offer. Tokens live in
memory: they end with the server. Only their digests are kept, and are all that a front
and its workers tell each other of them.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from voiceserver.server.answers import busy

PREFIX = "ek_"
MAX_TOKENS = 1000  # each may hold a session of 64 kB

Session = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a token.

    Attributes:
        digest: SHA-256 of it.
        expires_s: In seconds since 1970.
        session: It was made with this.
        key_name: Of the API key it was made with; its calls count for that key.
    """

    digest: bytes
    expires_s: float
    session: Session
    key_name: str = ""


class Tokens:
    """The tokens of one server.

    Args:
        now_s: The time, in seconds since 1970.
    """

    def __init__(self, now_s: Callable[[], float] = time.time) -> None:
        self._now_s = now_s
        self._kept: dict[bytes, Kept] = {}

    def new(
        self, session: Session, lasts_s: int, key_name: str = ""
    ) -> tuple[str, int]:
        """Make a token; return it and when it expires, in seconds since 1970.

        Raises:
            Refusal: If there are too many (503).
        """
        if len(list(self.all())) >= MAX_TOKENS:
            raise busy("Too many tokens are in use.", "too_many_tokens")
        value = f"{PREFIX}{secrets.token_hex(24)}"
        expires_s = int(self._now_s()) + lasts_s
        self.keep(Kept(digest_of(value), float(expires_s), session, key_name))
        return value, expires_s

    def keep(self, kept: Kept) -> None:
        """Take a token, made here or elsewhere; those that have expired are dropped."""
        self._kept = {one.digest: one for one in self.all()} | {kept.digest: kept}

    def all(self) -> Iterator[Kept]:
        """Every token that has not expired."""
        now_s = self._now_s()
        return (one for one in self._kept.values() if one.expires_s > now_s)

    def find(self, value: str) -> Kept | None:
        """What is kept of a token; None if it has expired or never was."""
        # Looked up by its digest: how long that takes says nothing of the token.
        kept = self._kept.get(digest_of(value))
        if kept is None or kept.expires_s <= self._now_s():
            return None
        return kept


def digest_of(value: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()
