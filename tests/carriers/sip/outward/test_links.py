"""Connections that the server opens."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.polling import until
from tests.server.test_serve import self_signed
from voiceserver.carriers.sip.connections import tls_context
from voiceserver.carriers.sip.outward.links import Home, Links
from voiceserver.carriers.sip.udp import Address
from voiceserver.errors import CallRefused

pytestmark = pytest.mark.net
MESSAGE = b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"


class Far:
    """The other side: takes connections, says a message, and may hang up."""

    def __init__(self) -> None:
        self.writers: list[asyncio.StreamWriter] = []
        self.address: Address = ("", 0)

    async def take(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.writers.append(writer)
        while await reader.read(100):
            writer.write(MESSAGE)
        writer.close()


@contextlib.asynccontextmanager
async def far(tls: ssl.SSLContext | None = None) -> AsyncGenerator[Far, None]:
    it = Far()
    server = await asyncio.start_server(it.take, "127.0.0.1", 0, ssl=tls)
    it.address = server.sockets[0].getsockname()[:2]
    async with server:
        yield it
        for writer in it.writers:
            writer.close()


async def test_one_connection_serves_until_it_is_lost() -> None:
    """Then another is opened; what comes is given on, with where it came from."""
    got: list[tuple[bytes, Address]] = []
    links = Links(
        Home("203.0.113.7", 5060, 0), lambda what, _link, who: got.append((what, who))
    )
    async with far() as there, asyncio.TaskGroup() as group:
        with pytest.raises(CallRefused):
            await links.to(there.address, "here", "tcp")
        links.open(group)
        first = await links.to(there.address, "here", "tcp")
        assert await links.to(there.address, "here", "tcp") is first
        assert (first.transport, first.reliable) == ("TCP", True)
        assert first.contact(there.address) == ("203.0.113.7", 5060)
        first.send(b"hello", there.address)
        await until(lambda: got == [(MESSAGE, there.address)])
        there.writers[0].close()
        await until(lambda: first.gone)
        assert await links.to(there.address, "here", "tcp") is not first
        assert len(there.writers) == 2
        links.close()


async def test_a_certificate_of_nobody_is_refused(tmp_path: Path) -> None:
    """And so is a port where nobody is."""
    certificate, key = self_signed(tmp_path)
    links = Links(Home("", 5060, 5061), lambda _what, _link, _who: None)
    tls = tls_context(str(certificate), str(key))
    async with far(tls) as there, asyncio.TaskGroup() as group:
        links.open(group)
        with pytest.raises(CallRefused, match=r"self.signed"):
            await links.to(there.address, "127.0.0.1", "tls")
        links.close()
    async with asyncio.TaskGroup() as group:
        links.open(group)
        with pytest.raises(CallRefused, match="no TCP connection"):
            await links.to(there.address, "127.0.0.1", "tcp")
        links.close()


async def test_a_certificate_that_is_trusted_is_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an authority that the environment names."""
    certificate, key = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    links = Links(Home("", 5060, 5061), lambda _what, _link, _who: None)
    tls = tls_context(str(certificate), str(key))
    async with far(tls) as there, asyncio.TaskGroup() as group:
        links.open(group)
        link = await links.to(there.address, "127.0.0.1", "tls")
        assert (link.transport, link.contact(there.address)[1]) == ("TLS", 5061)
        links.close()
