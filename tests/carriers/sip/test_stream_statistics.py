"""What tshark makes of a call's packets: an analyser that knows nothing of ours."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from pathlib import Path

import pytest

from benchmarks.phone_caller import Telephone
from tests.e2e.running import free_port
from tests.polling import until
from tests.server.running import running
from voiceserver.carriers.table import listeners
from voiceserver.config import Config, SipConfig, TelephonyConfig

pytestmark = pytest.mark.net

LIMIT_S = 60.0  # of a busy machine; it is there after a second
N_PACKETS = 100
HOST = "127.0.0.1"
MUCH = 1000  # bytes: more than the head of an empty capture


async def printed(*command: str) -> str:
    """What a command prints."""
    running_ = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(LIMIT_S):
        out, _ = await running_.communicate()
    return out.decode()


def size(path: Path) -> int:
    """In bytes; 0 as long as there is nothing."""
    return path.stat().st_size if path.exists() else 0


async def begun(wire: Path, capture: asyncio.subprocess.Process, port: int) -> bool:
    """Wait until it captures, which packets that are no RTP tell; False if it ends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        async with asyncio.timeout(LIMIT_S):
            while capture.returncode is None:
                probe.sendto(b"?", (HOST, port))
                await asyncio.sleep(0.05)
                if size(wire) > MUCH:
                    return True
    return False


async def test_the_stream_is_whole_and_in_order(tmp_path: Path) -> None:
    """One each way, of mu-law; nothing of what we send is lost or out of order."""
    tshark = shutil.which("tshark")
    if tshark is None:
        pytest.skip("no tshark (on Debian: sh scripts/install_phones.sh)")
    if os.geteuid() != 0:
        pytest.skip("capturing on loopback needs root")
    rtp_port = 31_300
    sip = SipConfig(port=free_port(), rtp_port_min=rtp_port, rtp_port_max=31_303)
    quiet = TelephonyConfig(ask_after_s=0)
    wire = tmp_path / "wire.pcap"
    async with running(Config(sip=sip, telephony=quiet), listeners=listeners):
        capture = await asyncio.create_subprocess_exec(
            *(tshark, "-i", "lo", "-f", f"udp port {rtp_port}", "-w", str(wire)),
            *("-B", "16"),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        phone = Telephone(sip.port)
        try:
            if not await begun(wire, capture, rtp_port):
                pytest.skip("tshark cannot capture here")
            await phone.ring()
            await until(lambda: len(phone.packets) >= N_PACKETS, LIMIT_S)
            await phone.hang_up()
        finally:
            if capture.returncode is None:
                capture.terminate()
            await capture.wait()
    streams = await printed(
        *(tshark, "-r", str(wire), "-o", "rtp.heuristic_rtp:TRUE"),
        *("-q", "-z", "rtp,streams"),
    )
    ours = [line.split() for line in streams.splitlines() if f" {rtp_port} " in line]
    # Each has its two ends, an address and a port, where it comes from first.
    sent = [each for each in ours if each[each.index(HOST) + 1] == str(rtp_port)]
    assert len(ours) == 2, streams
    assert len(sent) == 1, streams
    assert "g711U" in sent[0], streams
    at = sent[0].index("g711U")
    n_packets, n_lost = int(sent[0][at + 1]), sent[0][at + 2]
    assert n_packets >= N_PACKETS // 2, streams
    assert n_lost == "0", streams
