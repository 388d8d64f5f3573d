"""A real PBX: Asterisk, set up by the pages of ``docs/phone.md`` and little beside.

It runs in a folder of its own, on loopback, as whoever runs the tests.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[2] / "docs" / "phone.md"
START_LIMIT_S = 60.0  # of a busy machine; it takes some two seconds

ASTERISK = """[directories]
astetcdir => {folder}
astvarlibdir => {folder}/lib
astdbdir => {folder}
astkeydir => {folder}
astspooldir => {folder}
astrundir => {folder}
astlogdir => {folder}
[options]
hideconnect = yes
"""
# Not those that have ports of their own, or take long to say they have no settings.
MODULES = """[modules]
autoload = yes
noload = chan_iax2.so
noload = chan_unistim.so
noload = chan_mgcp.so
noload = chan_skinny.so
noload = chan_ooh323.so
noload = cdr_csv.so
noload = res_phoneprov.so
noload = res_xmpp.so
noload = res_snmp.so
noload = pbx_dundi.so
noload = pbx_ael.so
noload = pbx_lua.so
"""
# As FreePBX writes an extension, and one for a telephone that proves nothing.
PJSIP = """[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{sip_port}
[200]
type = endpoint
context = house
disallow = all
allow = ulaw,alaw,g722
direct_media = no
rtp_symmetric = yes
force_rport = yes
rewrite_contact = yes
auth = 200
aors = 200
[200]
type = auth
auth_type = userpass
username = 200
password = {password}
[200]
type = aor
max_contacts = 1
remove_existing = yes
qualify_frequency = 60
[phone]
type = endpoint
context = house
disallow = all
allow = ulaw,alaw
direct_media = no
aors = phone
[phone]
type = aor
contact = sip:phone@127.0.0.1:{phone_port}
"""
EXTENSIONS = """[house]
{pages}
exten => 200,1,Dial(PJSIP/200,20)
exten => 201,1,Dial(PJSIP/phone,20)
exten => 202,1,Dial(Local/203@house,20)
exten => 203,1,Answer()
 same => n,Set(GLOBAL(TRANSFERRED)=yes)
 same => n,Wait(30)
"""


def page(heading: str, kind: str, number: int = 0) -> str:
    """A block of the page, as it is written.

    Args:
        heading: That it is under.
        kind: ``"toml"`` or ``"ini"``.
        number: Which of them.
    """
    rest = PAGE.read_text().split(f"# {heading}\n", 1)[1]
    section = re.split(r"^#+ ", rest, maxsplit=1, flags=re.MULTILINE)[0]
    blocks: list[str] = re.findall(rf"```{kind}\n(.*?)```", section, re.DOTALL)
    return blocks[number]


class Asterisk:
    """One that runs.

    Attributes:
        sip_port: Where it is rung.
    """

    def __init__(self, folder: Path, sip_port: int) -> None:
        self.sip_port = sip_port
        self._folder = folder

    async def told(self, command: str) -> str:
        """Have it do something; what it says."""
        asked = await asyncio.create_subprocess_exec(
            *(program(), "-C", str(self._folder / "asterisk.conf"), "-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await asked.communicate()
        return said.decode(errors="replace")

    async def until(self, command: str, wanted: str, limit_s: float = 20.0) -> str:
        """Wait until it says that."""
        said = ""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    said = await self.told(command)
                    if wanted in said:
                        return said
                    await asyncio.sleep(0.1)
        except TimeoutError:
            log = self._folder / "messages.log"
            more = log.read_text(errors="replace")[-3000:] if log.exists() else ""
            raise AssertionError(f"no {wanted!r} in {said!r}\n{more}") from None


def program() -> str:
    """Skip where there is none."""
    found = shutil.which("asterisk") or shutil.which("asterisk", path="/usr/sbin")
    if found is None:
        pytest.skip(
            "no asterisk (Debian 12 has none; 'apt install asterisk' elsewhere)"
        )
    return found


@contextlib.asynccontextmanager
async def asterisk(
    folder: Path, sip_port: int, phone_port: int, files: Mapping[str, str]
) -> AsyncGenerator[Asterisk, None]:
    """Run one inside.

    Args:
        folder: Of its own, not there yet.
        sip_port: Where it is rung.
        phone_port: Of the telephone that is its 201.
        files: Further ones, by name; ``extensions.conf`` is laid into its dialplan.
    """
    name = program()
    (folder / "lib").mkdir(parents=True)
    pages = files.get("extensions.conf", "")
    written = {
        "asterisk.conf": ASTERISK.format(folder=folder),
        "modules.conf": MODULES,
        "logger.conf": "[logfiles]\nmessages.log => notice,warning,error,verbose\n",
        "pjsip.conf": PJSIP.format(
            sip_port=sip_port, phone_port=phone_port, password="secret"
        ),
        "rtp.conf": "[general]\nrtpstart = 23000\nrtpend = 23998\n",
        **files,
        "extensions.conf": EXTENSIONS.format(pages=pages),
    }
    for each, text in written.items():
        (folder / each).write_text(text)
    log = (folder / "console.log").open("wb")
    running = await asyncio.create_subprocess_exec(
        *(name, "-f", "-C", str(folder / "asterisk.conf"), "-vvv"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env={**os.environ, "HOME": str(folder)},
    )
    it = Asterisk(folder, sip_port)
    try:
        await it.until("core waitfullybooted", "fully booted", START_LIMIT_S)
        yield it
    finally:
        if running.returncode is None:
            running.terminate()
            try:
                await asyncio.wait_for(running.wait(), 10)
            except TimeoutError:
                running.kill()
                await running.wait()
        log.close()
