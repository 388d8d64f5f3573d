"""Pages of ``docs/phone.md`` run as written, with a real Asterisk and a telephone."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest

from tests.carriers.sip.baresip import Baresip, telephone
from tests.e2e.asterisk import Asterisk, asterisk, page, program
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import Running, running
from voiceserver.carriers.table import listeners
from voiceserver.config.parse import parse

pytestmark = pytest.mark.net

SOCKET, AUDIO = "Asterisk, by `chan_websocket`", "Asterisk, by AudioSocket"
EXTENSION = "An extension of a PBX"
AUDIBLE = 0.05


async def heard(server: Running, phone: Baresip, pbx: Asterisk, number: str) -> None:
    """Ring a number of the PBX: greeted, a key is pressed, hung up, all over."""
    phone.command("dial", f"sip:{number}@127.0.0.1:{pbx.sip_port}")
    await phone.until("CALL_ESTABLISHED", 20)
    await until(lambda: server.metrics.calls._value.get() == 1)
    await asyncio.sleep(1)
    phone.command("sndcode", "5")
    await asyncio.sleep(0.3)
    phone.command("hangup")
    await until(lambda: server.metrics.calls._value.get() == 0, 20)
    await until(lambda: np.abs(phone.heard()).max() > AUDIBLE)


async def test_a_call_by_chan_websocket(tmp_path: Path) -> None:
    """The page's two files; Asterisk dials the socket, and proves itself."""
    program()
    settings = parse("")
    async with (
        running(settings, listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        port = server.url.rpartition(":")[2]
        files = {
            "websocket_client.conf": page(SOCKET, "ini").replace("8080", port),
            "extensions.conf": page(SOCKET, "ini", 1),
        }
        async with asterisk(
            tmp_path / "pbx", free_port(), phone.sip_port, files
        ) as pbx:
            await heard(server, phone, pbx, "100")


async def test_a_call_by_audiosocket(tmp_path: Path) -> None:
    """The page's settings and its dialplan."""
    program()
    port = str(free_port())
    settings = parse(page(AUDIO, "toml").replace("9092", port))
    async with (
        running(settings, listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        files = {"extensions.conf": page(AUDIO, "ini").replace("9092", port)}
        async with asterisk(
            tmp_path / "pbx", free_port(), phone.sip_port, files
        ) as pbx:
            await heard(server, phone, pbx, "101")


async def test_an_extension(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Registered; rung, held and taken up; rings somebody, and hands the call over."""
    program()
    monkeypatch.setenv("EXTENSION_200", "secret")
    sip_port = free_port()
    text = page(EXTENSION, "toml").replace("5060", str(free_port()))
    text = text.replace("pbx.example.org", f"127.0.0.1:{sip_port}")
    settings = parse(text.replace("0.0.0.0", "127.0.0.1"))
    async with (
        telephone(tmp_path / "phone", answers=True) as phone,
        asterisk(tmp_path / "pbx", sip_port, phone.sip_port, {}) as pbx,
        running(settings, listeners=listeners) as server,
    ):
        await pbx.until("pjsip show contacts", "sip:200@")
        phone.command("dial", f"sip:200@127.0.0.1:{sip_port}")
        await phone.until("CALL_ESTABLISHED", 20)
        await asyncio.sleep(1)
        phone.command("hold")
        await asyncio.sleep(0.5)
        phone.command("resume")
        phone.command("sndcode", "5")
        await asyncio.sleep(0.5)
        phone.command("hangup")
        await until(lambda: server.metrics.calls._value.get() == 0, 20)
        await until(lambda: np.abs(phone.heard()).max() > AUDIBLE)
        async with server.client.post("/v1/calls", json={"to": "201"}) as answer:
            assert answer.status == 201, await answer.text()
            call = (await answer.json())["id"]
        await phone.until("CALL_ESTABLISHED", 20)
        # Asterisk tells us a moment later that it was taken.
        async with asyncio.timeout(20):
            async with server.client.get(f"/v1/calls/{call}/events") as events:
                while b'"answered"' not in await events.content.readline():
                    pass
        async with server.client.post(
            f"/v1/realtime/calls/{call}/refer", json={"target_uri": "tel:202"}
        ) as answer:
            assert answer.status == 200, await answer.text()
        await until(lambda: server.metrics.calls._value.get() == 0, 20)
        await pbx.until("dialplan show globals", "TRANSFERRED=yes")
        assert "200" in await pbx.told("pjsip show endpoints")
        phone.command("hangup")
