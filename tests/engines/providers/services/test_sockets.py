"""WebSockets to services: every fault is told, in words that hold no secret."""

from __future__ import annotations

import asyncio

import pytest

from tests.faulty_live_server import FaultyLiveServer
from voiceserver.engines.providers.services.sockets import WebSockets, socket_url
from voiceserver.errors import ProviderFailed
from voiceserver.server.connections import address_of, bound_socket

KEY = "very-secret"
HEADERS = {"Authorization": f"Token {KEY}", "User-Agent": "voiceserver/1"}


def url_of(base_url: str) -> str:
    return socket_url(base_url, "v1/listen")


async def refused(url: str) -> ProviderFailed:
    """Why it cannot be opened."""
    with pytest.raises(ProviderFailed) as failure:
        await WebSockets(0.5).open("ears", url, HEADERS)
    assert str(failure.value).startswith("ears: ")
    assert KEY not in str(failure.value)
    return failure.value


def test_an_address_is_of_a_socket() -> None:
    assert socket_url("https://h/", "v1/listen") == "wss://h/v1/listen"
    assert socket_url("http://h:81", "v1/listen") == "ws://h:81/v1/listen"


@pytest.mark.net
@pytest.mark.parametrize(
    ("fault", "kind", "words"),
    [
        ("401", "misconfigured", "refused the key"),
        ("404", "doubtful", "does not know the address"),
        ("429", "busy", "over its rate limit"),
        ("302", "misconfigured", "sends elsewhere"),
        ("500", "error", "has a fault"),
        ("hang", "late", "did not answer in time"),
    ],
)
async def test_what_opens_nothing_is_told(fault: str, kind: str, words: str) -> None:
    async with FaultyLiveServer(fault=fault) as server:
        failure = await refused(url_of(server.base_url))
    assert (failure.kind, words in str(failure)) == (kind, True)
    assert failure.retry_after_s == (3 if fault in ("429", "500") else 0)
    assert len(server.paths) == 1


@pytest.mark.net
async def test_who_is_not_there_or_speaks_otherwise_is_told() -> None:
    with bound_socket("127.0.0.1", 0) as unused:
        url = url_of(address_of(unused))
    failure = await refused(url)
    assert "cannot be reached" in str(failure)
    async with FaultyLiveServer() as server:
        secure = url_of(server.base_url).replace("ws://", "wss://")
        await refused(secure)


@pytest.mark.net
@pytest.mark.parametrize("fault", ["hang_up", "cut"])
async def test_a_proper_end_is_told_from_a_break(fault: str) -> None:
    async with FaultyLiveServer(fault=fault) as server:
        socket = await WebSockets().open("ears", url_of(server.base_url), HEADERS)
        await socket.send(bytes(32_000))
        async with asyncio.timeout(5):
            if fault == "hang_up":
                assert await socket.receive() is None
            else:
                with pytest.raises(ProviderFailed, match="broke off"):
                    await socket.receive()
        socket.abort()
