"""Start-up, the end, and what holds the calls."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import ipaddress
import os
import signal
import ssl
from collections.abc import AsyncGenerator
from pathlib import Path

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.server.running import fake_engines, running
from voiceserver.config import Config, ServerConfig
from voiceserver.engines.opened import Engines
from voiceserver.errors import ConfigError, EngineFailed, VoiceServerError
from voiceserver.metrics import Metrics
from voiceserver.server.connections import bound_socket, tls_context
from voiceserver.server.serve import ServerParts, left_alone, serve, stopped_by_signals

pytestmark = pytest.mark.net


async def test_the_end_tells_the_calls_and_is_bounded() -> None:
    """They hear why, and are over before the engines go."""
    async with running() as server:
        for _ in range(3):
            assert (await server.place())[0] == 201
        server.stop.set()
        for call in server.placed:
            await call.over.wait()
    assert [call.reasons for call in server.placed] == [
        ["The server is shutting down."]
    ] * 3
    assert server.lines[-1] == "voiceserver ends ..."


async def test_an_engine_that_cannot_be_opened_ends_the_start() -> None:
    """With its own words."""

    @contextlib.asynccontextmanager
    async def broken(config: Config, metrics: Metrics) -> AsyncGenerator[Engines, None]:
        if config.engines.speech != "stub":
            raise EngineFailed("speech", "no voice file")
        yield fake_engines()

    def no_calls(config: Config, metrics: Metrics) -> object:
        return None

    with bound_socket("127.0.0.1", 0) as listening:
        parts = ServerParts(broken)
        with pytest.raises(ExceptionGroup) as failed:
            await serve(Config(), listening, parts, asyncio.Event(), lambda url: None)
    assert failed.group_contains(VoiceServerError, match="no voice file")


async def test_the_end_does_not_wait_for_engines_to_load() -> None:
    """They are given up, and cleaned up."""
    opening, closed = asyncio.Event(), asyncio.Event()

    @contextlib.asynccontextmanager
    async def endless(
        config: Config, metrics: Metrics
    ) -> AsyncGenerator[Engines, None]:
        try:
            opening.set()
            await asyncio.Event().wait()
            yield fake_engines()
        finally:
            closed.set()

    def no_calls(config: Config, metrics: Metrics) -> object:
        return None

    stop = asyncio.Event()
    with bound_socket("127.0.0.1", 0) as listening:
        parts = ServerParts(endless)
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(Config(), listening, parts, stop, lambda url: None))
            await opening.wait()
            stop.set()
    assert closed.is_set()


def test_what_is_loaded_is_left_out_of_collections() -> None:
    """For as long as the server runs."""
    loaded: list[object] = []

    def looked_at() -> bool:
        return any(one is loaded for one in gc.get_objects())

    try:
        with left_alone():
            assert not looked_at()
        assert looked_at()
    finally:
        gc.freeze()  # as all tests find it


async def test_a_drain_lets_calls_finish_and_takes_no_new_ones() -> None:
    """``/readyz`` says so meanwhile; the last call's end is the server's."""
    async with running() as server:
        await server.place()
        server.drain.set()
        while "waits" not in server.lines[-1]:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)
        status, error = await server.error("GET", "/readyz")
        assert (status, error["code"]) == (503, "closing")
        status, text, headers = await server.place()
        assert (status, "shutting down" in text) == (503, True)
        assert int(headers["Retry-After"]) > 0
        [call] = server.placed
        assert call.reasons == []
        call.hang_up("done")
    assert call.reasons == ["done"]


async def test_a_drain_has_its_limit() -> None:
    """Then the calls are told, as at any end."""
    async with running(drain_s=1) as server:
        await server.place()
        server.drain.set()
        await server.placed[0].over.wait()
    assert server.placed[0].reasons == ["The server is shutting down."]


async def test_the_page_is_served_over_tls(tmp_path: Path) -> None:
    """Browsers give no microphone to a page of another machine without it."""
    cert, key = self_signed(tmp_path)
    async with running(tls_cert=str(cert), tls_key=str(key)) as server:
        url = server.url.replace("http:", "https:")
        context = ssl.create_default_context(cafile=str(cert))
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"{url}/readyz", ssl=context) as answer,
        ):
            assert answer.status == 200


async def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    """Before anything is served."""
    (tmp_path / "cert.pem").write_text("no certificate")
    config = ServerConfig(
        tls_cert=str(tmp_path / "cert.pem"), tls_key=str(tmp_path / "key.pem")
    )
    with pytest.raises(ConfigError, match=r"cert\.pem"):
        tls_context(config)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 and its key."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(private, hashes.SHA256())
    )
    cert, key = folder / "cert.pem", folder / "key.pem"
    cert.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return cert, key


async def test_sigterm_asks_to_drain_and_a_second_one_for_the_end() -> None:
    """SIGINT is somebody at a keyboard, who does not want to wait."""
    stop, drain = asyncio.Event(), asyncio.Event()
    with stopped_by_signals(stop, drain):
        async with asyncio.timeout(5):
            os.kill(os.getpid(), signal.SIGTERM)
            await drain.wait()
            assert not stop.is_set()
            os.kill(os.getpid(), signal.SIGTERM)
            await stop.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_ask_for_the_end(number: int) -> None:
    """And are let go of afterwards."""
    stop = asyncio.Event()
    without = (signal.SIG_DFL, signal.default_int_handler)
    with stopped_by_signals(stop):
        assert signal.getsignal(number) not in without
        os.kill(os.getpid(), number)
        async with asyncio.timeout(5):
            await stop.wait()
    assert signal.getsignal(number) in without
