"""A machine without any network but loopback: the whole conversation still works.

The test runs this file as a program in a network namespace of its own.
"""

from __future__ import annotations

import asyncio
import fcntl
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.browser import open_browser
from tests.e2e.running import running_server
from tests.e2e.test_browser_conversation import STATE, said
from tests.recordings import data_folder, microphone

pytestmark = [pytest.mark.net, pytest.mark.speech]

ROOT = Path(__file__).resolve().parent.parent.parent
LIMIT_S = 100
# Chromium alone needs telling: by default it never uses the loopback interface.
FLAG = "--allow-loopback-in-peer-connection"
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 1  # linux/sockios.h, if.h


def test_a_conversation_without_a_network() -> None:
    """A question is heard and answered where there is no interface but loopback."""
    data_folder()
    if shutil.which("unshare") is None:
        pytest.skip("there is no unshare to take the network away with")
    away = ["unshare", "--map-root-user", "--net"]
    if subprocess.run([*away, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this system permits no network namespaces")
    done = subprocess.run(
        [*away, sys.executable, "-m", "tests.e2e.test_loopback_only"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def raise_loopback() -> None:
    """Bring the loopback interface up, as every machine does when it starts."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sh14x", b"lo", 0)
        found = fcntl.ioctl(any_socket, _SIOCGIFFLAGS, request)
        (flags,) = struct.unpack_from("h", found, 16)
        request = struct.pack("16sh14x", b"lo", flags | _IFF_UP)
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, request)


async def converse(folder: Path) -> None:
    """Ask how old the Brooklyn Bridge is, and wait for the answer."""
    wav = microphone(folder, 2.5, "speech/command/brooklyn.wav", 12.0)
    async with (
        running_server() as server,
        open_browser(microphone=wav, flags=(FLAG,)) as browser,
    ):
        await browser.navigate(server.url)
        await browser.click("#talk")
        await browser.wait_for(f"{STATE} === 'speaking'", 30)
        await said(browser, "assistant", "brooklyn")


def main() -> int:
    """Run in a new network namespace."""
    raise_loopback()
    names = {name for _, name in socket.if_nameindex()}
    if names != {"lo"}:
        print(f"this is no machine without a network: {names}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(converse(Path(folder)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
