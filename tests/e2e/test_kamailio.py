"""A proxy in the path, as ``docs/phone.md`` sets it up: kamailio and rtpengine."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import re
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import numpy as np
import pytest

from tests.carriers.sip.baresip import telephone
from tests.e2e.asterisk import page
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import Running, running
from tests.server.test_serve import self_signed
from voiceserver.carriers.table import listeners
from voiceserver.config.parse import parse

pytestmark = pytest.mark.net

HEADING = "kamailio and rtpengine in front"
AUDIBLE = 0.05


@contextlib.asynccontextmanager
async def program(*command: str, folder: Path) -> AsyncGenerator[None, None]:
    """Run one inside; skips where there is none."""
    found = shutil.which(command[0], path="/usr/sbin:/usr/bin:/usr/local/bin")
    if found is None:
        pytest.skip(f"no {command[0]} (on Debian: sh scripts/install_phones.sh)")
    log = folder / f"{command[0]}.log"
    with log.open("wb") as out:
        running = await asyncio.create_subprocess_exec(
            found,
            *command[1:],
            stdin=asyncio.subprocess.DEVNULL,
            stdout=out,
            stderr=out,
        )
        try:
            yield
            assert running.returncode is None, log.read_text(errors="replace")[-3000:]
        finally:
            if running.returncode is None:
                running.terminate()
            await running.wait()


@contextlib.asynccontextmanager
async def edge(folder: Path, server_port: int) -> AsyncGenerator[tuple[int, int], None]:
    """The page's proxy; its ports of UDP and of TLS."""
    udp_port, tls_port, media_port = free_port(), free_port(), free_port()
    certificate, key = self_signed(folder)
    text = page(HEADING, "cfg").replace("203.0.113.7", "127.0.0.1")
    for was, now in (
        ("/usr/lib/x86_64-linux-gnu", f"/usr/lib/{platform.machine()}-linux-gnu"),
        (":5060", f":{udp_port}"),
        (":5061", f":{tls_port}"),
        (":5070", f":{server_port}"),
        (":2223", f":{media_port}"),
        ("/etc/kamailio/cert.pem", str(certificate)),
        ("/etc/kamailio/key.pem", str(key)),
    ):
        assert was in text
        text = text.replace(was, now)
    (folder / "kamailio.cfg").write_text(text)
    line = page(HEADING, "sh").replace("203.0.113.7", "127.0.0.1")
    media = line.replace(":2223", f":{media_port}").split()
    alone = ("--foreground", "--config-file=none", "--log-stderr")
    proxy = ("kamailio", "-DD", "-E", "-m", "32", "-M", "8", "-n", "1", "-N", "1")
    async with (
        program(*media, *alone, folder=folder),
        program(*proxy, "-f", str(folder / "kamailio.cfg"), folder=folder),
    ):
        await listening(tls_port)
        yield udp_port, tls_port


async def listening(port: int) -> None:
    """Wait until somebody does."""
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.close()
                return
            await asyncio.sleep(0.05)


async def over(server: Running) -> None:
    await until(lambda: server.metrics.calls._value.get() == 0, 20)


@pytest.mark.parametrize("transport", ["udp", "tls"])
async def test_a_call_through_the_proxy(tmp_path: Path, transport: str) -> None:
    """In the clear, or with TLS and SRTP outside: held, taken up, and over at once."""
    port = free_port()
    settings = parse(re.sub(r"\b5070\b", str(port), page(HEADING, "toml")))
    async with (
        edge(tmp_path, port) as (udp_port, tls_port),
        running(settings, listeners=listeners) as server,
        telephone(
            tmp_path / "phone",
            transport,
            transport == "tls",
            str(tmp_path / "cert.pem"),
        ) as phone,
    ):
        outside = tls_port if transport == "tls" else udp_port
        uri = f"sip:100@127.0.0.1:{outside};transport={transport}"
        phone.command("dial", uri)
        await phone.until("CALL_ESTABLISHED", 20)
        await asyncio.sleep(1)
        phone.command("hold")
        await asyncio.sleep(0.3)
        phone.command("resume")
        await asyncio.sleep(0.3)
        phone.command("hangup")
        await over(server)
        await until(lambda: np.abs(phone.heard()).max() > AUDIBLE)
        if transport == "tls":
            return
        # The other way round: the server says goodbye through the proxy.
        phone.command("dial", uri)
        await phone.until("CALL_ESTABLISHED", 20)
        server.stop.set()
        closed = await phone.until("CALL_CLOSED", 20)
        assert "Rejected" not in closed.get("param", "")
