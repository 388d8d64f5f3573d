"""Whoever holds calls, and is asked; the kinds of them in files of their own."""

from __future__ import annotations

import contextlib

from tests.server.front.hosted import SECRET
from voiceserver.cluster.secret import Secrets
from voiceserver.server.front.host import Host
from voiceserver.server.front.workers import Worker


async def test_a_call_is_counted_while_it_is_held() -> None:
    """Also when it fails; whichever kind holds it."""
    for holder in (Worker(1, "", ""), Host("b", "http://b", "a", Secrets(SECRET))):
        with contextlib.suppress(ZeroDivisionError), holder.holding_call():
            assert holder.n_calls == 1
            raise ZeroDivisionError
        assert holder.n_calls == 0


def test_a_worker_is_shown_what_the_client_showed() -> None:
    """And nothing besides."""
    headers = {"Authorization": "Bearer x"}
    assert dict(Worker(1, "", "").shown("GET", "/", headers, "1.2.3.4")) == headers
