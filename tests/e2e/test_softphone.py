"""The README's lines, rung by a softphone; and scanned by a stranger meanwhile."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.carriers.sip.baresip import telephone
from tests.carriers.sip.test_torture import MESSAGES
from tests.clients.setting import README
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import running
from voiceserver.carriers.sip.udp import UdpSocket, bound_udp
from voiceserver.carriers.table import listeners
from voiceserver.config.parse import parse

pytestmark = pytest.mark.net

STRANGER = "127.0.0.9"
SCAN_LIMIT_S = 60.0  # of a busy machine; one takes some two seconds


def lines(port: int) -> str:
    """What the README shows, on loopback."""
    found = re.search(
        r"\*\*Ring it\.\*\*.*?```\n(.*?)```", README.read_text(), re.DOTALL
    )
    assert found is not None
    text = found[1]
    for was, now in (
        ("5060", str(port)),
        ("0.0.0.0", "127.0.0.1"),
        ("192.168.0.0/16", "127.0.0.1"),
    ):
        assert was in text
        text = text.replace(was, now)
    return text


async def scanned(folder: Path, source: str, *command: str) -> str:
    """What one of sipvicious' programs finds from an address."""
    program = shutil.which(command[0])
    if program is None:
        pytest.skip(f"no {command[0]} (on Debian: sh scripts/install_phones.sh)")
    port = str(free_port())
    running = await asyncio.create_subprocess_exec(
        *(program, "-b", source, "-x", source, "-P", port, *command[1:]),
        env=os.environ | {"HOME": str(folder)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(SCAN_LIMIT_S):
            said, _ = await running.communicate()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    return said.decode(errors="replace")


async def test_a_softphone_rings_while_a_stranger_scans(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Who is in no ``cidr`` finds nothing, and fills no log; who is in one does.

    Neither do the messages of RFC 4475 from the telephone's own address end its call.
    """
    port = free_port()
    async with (
        running(parse(lines(port)), listeners=listeners) as server,
        telephone(tmp_path / "phone") as phone,
    ):
        phone.command("dial", f"sip:100@127.0.0.1:{port}")
        await phone.until("CALL_ESTABLISHED", 20)
        svmap = ("svmap", "-p", str(port), "127.0.0.1")
        svwar = ("svwar", "-p", str(port), "-e100-110", "127.0.0.1")
        with caplog.at_level(logging.INFO):
            there, nothing, nobody = await asyncio.gather(
                scanned(tmp_path, "127.0.0.1", *svmap),
                scanned(tmp_path, STRANGER, *svmap),
                scanned(tmp_path, STRANGER, *svwar),
            )
        assert f"127.0.0.1:{port} |" in there, there
        assert f"127.0.0.1:{port} |" not in nothing, nothing
        assert "| 100 " not in nobody, nobody
        assert len([each for each in caplog.records if "sip" in each.name]) <= 10
        near = UdpSocket(bound_udp("127.0.0.1", 0))
        for message in MESSAGES:
            near.send(message, ("127.0.0.1", port))
            await asyncio.sleep(0)
        await asyncio.sleep(0.5)
        near.close()
        assert "Traceback" not in caplog.text
        phone.command("hangup")
        await until(lambda: np.abs(phone.heard()).max() > 0.05)
        assert server.metrics.calls._value.get() <= 1 + len(MESSAGES)
