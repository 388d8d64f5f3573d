"""A real telephone rings the whole server: real sockets, scripted engines."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.carriers.sip.baresip import telephone
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import Running, running
from voiceserver.carriers.table import listeners
from voiceserver.config import Config, SipConfig

pytestmark = pytest.mark.net


def config() -> Config:
    return Config(sip=SipConfig(port=free_port()))


async def emptied(server: Running) -> None:
    await until(lambda: server.metrics.calls._value.get() == 0)


async def test_it_rings_hears_the_greeting_and_hangs_up(tmp_path: Path) -> None:
    """And the server has room again."""
    settings = config()
    async with (
        running(settings, listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_RINGING")
        await phone.until("CALL_ESTABLISHED")
        await asyncio.sleep(1)
        phone.command("hangup")
        await emptied(server)
        await until(lambda: np.abs(phone.heard()).max() > 0.05)


async def test_the_server_hangs_up(tmp_path: Path) -> None:
    """A server that ends says goodbye to its telephones."""
    settings = config()
    async with (
        telephone(tmp_path / "phone") as phone,
        running(settings, listeners=listeners) as server,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_ESTABLISHED")
        server.stop.set()
        await phone.until("CALL_CLOSED")


async def test_it_is_held_and_taken_up_again(tmp_path: Path) -> None:
    """Two re-INVITEs; the call lives on."""
    settings = config()
    async with (
        running(settings, listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{settings.sip.port}")
        await phone.until("CALL_ESTABLISHED")
        phone.command("hold")
        await asyncio.sleep(0.5)
        phone.command("resume")
        await asyncio.sleep(0.5)
        phone.command("hangup")
        closed = await phone.until("CALL_CLOSED")
        assert "Rejected" not in closed.get("param", "")
        await emptied(server)
