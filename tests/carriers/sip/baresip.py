"""A real telephone, driven: baresip by its control port, recording what it hears."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import wave
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.e2e.running import free_port
from voiceserver.audio import Samples, from_int16

CONFIG = """poll_method epoll
sip_listen 127.0.0.1:{sip_port}
audio_player aufile,{folder}/play.wav
audio_source aufile,{folder}/say.wav
audio_alert aufile,{folder}/alert.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports 22000-22998
module_path /usr/lib/baresip/modules
module stdio.so
module g711.so
module g722.so
module opus.so
module aufile.so
module sndfile.so
module srtp.so
module_tmp uuid.so
module_tmp account.so
module_app menu.so
module ctrl_tcp.so
ctrl_tcp_listen 127.0.0.1:{control_port}
snd_path {folder}/rec
{more}"""
RATE = 8000
LIMIT_S = 40.0  # of what takes a second where nothing else runs


class Baresip:
    """One running telephone.

    Attributes:
        folder: Where it records.
        sip_port: Where it is rung.
        events: That it told.
    """

    def __init__(
        self,
        folder: Path,
        sip_port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.folder = folder
        self.sip_port = sip_port
        self.events: list[dict[str, Any]] = []
        self._reader, self._writer = reader, writer

    def command(self, name: str, params: str = "") -> None:
        """Have it do something."""
        body = json.dumps({"command": name, "params": params, "token": name})
        self._writer.write(f"{len(body)}:{body},".encode())

    async def until(self, kind: str, limit_s: float = LIMIT_S) -> dict[str, Any]:
        """Wait for an event."""
        async with asyncio.timeout(limit_s):
            while True:
                for event in self.events:
                    if event.get("type") == kind:
                        self.events.remove(event)
                        return event
                self.events.append(await self._next())

    def heard(self) -> Samples:
        """What came from the other side, as it is recorded; silence until it is."""
        found = sorted((self.folder / "rec").glob("dump-*-dec.wav"))
        written = found[0].read_bytes() if found else b""
        # Its length is in its head only once the call is over.
        pcm = written.partition(b"data")[2][4:]
        return from_int16(pcm[: len(pcm) // 2 * 2] or bytes(2))

    @property
    def hears(self) -> bool:
        """Whether anything sounded."""
        return bool(np.abs(self.heard()).max() > 0.05)

    async def _next(self) -> dict[str, Any]:
        size = await self._reader.readuntil(b":")
        body = await self._reader.readexactly(int(size[:-1]) + 1)
        message: dict[str, Any] = json.loads(body[:-1])
        return message


@contextlib.asynccontextmanager
async def telephone(
    folder: Path,
    transport: str = "udp",
    encrypted: bool = False,
    trusted: str = "",
    answers: bool = False,
    codecs: str = "PCMU,PCMA",
) -> AsyncGenerator[Baresip, None]:
    """Run one inside; skips where there is no baresip.

    Args:
        folder: Of its own, not there yet.
        transport: That it rings by.
        encrypted: Its audio has to be.
        trusted: File of the certificate that it trusts.
        answers: It takes calls by itself.
        codecs: That it has.
    """
    program = shutil.which("baresip")
    if program is None:
        pytest.skip("no baresip (on Debian: apt install baresip-core)")
    (folder / "rec").mkdir(parents=True)
    sip_port, control_port = free_port(), free_port()
    values = {"folder": folder, "sip_port": sip_port, "control_port": control_port}
    more = f"sip_cafile {trusted}\n" if trusted else ""
    (folder / "config").write_text(CONFIG.format(more=more, **values))
    media = ";mediaenc=srtp-mand" if encrypted else ""
    (folder / "contacts").write_text("")
    (folder / "accounts").write_text(
        f"<sip:phone@127.0.0.1;transport={transport}>;regint=0"
        f";audio_codecs={codecs}{media}{';answermode=auto' if answers else ''}\n"
    )
    _write_wav(folder / "say.wav", np.zeros(RATE * 30, np.int16))
    running = await asyncio.create_subprocess_exec(
        *(program, "-4", "-f", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    writer: asyncio.StreamWriter | None = None
    try:
        reader, writer = await _control(control_port)
        yield Baresip(folder, sip_port, reader, writer)
    finally:
        if writer is not None:
            writer.close()
        if running.returncode is None:
            running.kill()
        await running.wait()


async def _control(
    port: int,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    async with asyncio.timeout(LIMIT_S):
        while True:
            try:
                return await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)


def _write_wav(path: Path, samples: np.ndarray[Any, np.dtype[np.int16]]) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(samples.tobytes())
