"""A call in virtual time that is recorded, folder and all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.carriers.incoming import EXTENDED
from tests.fakes import LOUD, FakeVad
from voiceserver.audio import MIC_RATE, Samples
from voiceserver.carriers.base import Incoming
from voiceserver.commands import HangUp
from voiceserver.config import Config, RecordConfig
from voiceserver.dialects.realtime.dialect import Realtime
from voiceserver.engines.opened import Engines
from voiceserver.engines.stub import StubRecogniser, StubSpeech, StubText
from voiceserver.metrics import Metrics
from voiceserver.recording.folder import CallFolder
from voiceserver.recording.layout import Header, Line, Recording, read
from voiceserver.recording.tape import CallTape
from voiceserver.replay.virtual_time import VirtualClock, run_virtual
from voiceserver.reply.ahead import Ahead
from voiceserver.reply.playout import Playout
from voiceserver.session.ports import CallParts, Carrier
from voiceserver.session.session import Session

ALWAYS = Config(record=RecordConfig("always", "somewhere"))
Script = Sequence[tuple[float, object]]


def stubs() -> Engines:
    """Engines that need no time; what is loud is speech."""
    return Engines(FakeVad(), StubRecogniser(), StubText(), StubSpeech())


class DirectSink:
    """Writes at once, into a folder or a list."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.folder: CallFolder | None = None
        self.header = Header("")
        self.lines: list[Line] = []
        self.pcm = {"caller": b"", "reply": b""}
        self.ends: list[str] = []

    def begin(self, header: Header) -> DirectSink:
        self.header = header
        if self._path is not None:
            self.folder = CallFolder(self._path, header)
        return self

    def line(self, line: Line) -> None:
        self.lines.append(line)
        if self.folder is not None:
            self.folder.line(line)

    def caller(self, pcm: bytes) -> None:
        self.pcm["caller"] += pcm
        if self.folder is not None:
            self.folder.caller(pcm)

    def reply(self, silence: int, pcm: bytes) -> None:
        self.pcm["reply"] += bytes(2 * silence) + pcm
        if self.folder is not None:
            self.folder.reply(silence, pcm)

    def end(self) -> None:
        self.ends.append("end")
        if self.folder is not None:
            self.folder.close()

    def forget(self) -> None:
        self.ends.append("forget")
        if self.folder is not None:
            self.folder.remove()


def said(seconds: float, speaking: bool) -> Samples:
    """A caller's audio."""
    return np.full(round(seconds * MIC_RATE), LOUD if speaking else 0.0, np.float32)


class TapedCall:
    """One call; its script is ``(at, what)``: audio, a message or a command.

    Audio goes in 20 ms at a time at its pace, or whole where it comes in events.
    """

    def __init__(
        self,
        script: Script,
        sink: DirectSink | None = None,
        carrier: Carrier = Carrier("toy"),  # noqa: B008 - it never changes
        config: Config = ALWAYS,
        session: Mapping[str, Any] | None = None,
        engines: Callable[[], Engines] = stubs,
    ) -> None:
        self.sink = sink or DirectSink()
        self._script = sorted(script, key=lambda each: each[0])
        self._carrier = carrier
        self._config = config
        self._given = dict(session or {})
        self._engines = engines
        self.sent: list[str] = []
        run_virtual(self._run())

    async def _run(self) -> None:
        clock = VirtualClock()
        tape = CallTape(self.sink.begin, clock)
        parts = CallParts(
            "rtc_taped", self._config, self._engines(), clock, Metrics(), tape=tape
        )
        incoming = Incoming(parts, Realtime(), EXTENDED, self._given)
        opened = incoming.open(self._carrier, self.sent.append)
        ahead = self._carrier.in_events
        outlet: Playout | Ahead = Ahead(clock.now_ns) if ahead else Playout()
        session = Session(parts, opened, outlet, self._carrier)
        async with asyncio.TaskGroup() as group:
            holding = group.create_task(session.run())
            pulling = group.create_task(self._pull(outlet))
            group.create_task(self._play(session))
            await asyncio.wait({holding})
            pulling.cancel()

    async def _pull(self, outlet: Playout | Ahead) -> None:
        while isinstance(outlet, Playout):
            await asyncio.sleep(0.02)
            outlet.next_frame()

    async def _play(self, session: Session) -> None:
        loop = asyncio.get_running_loop()
        for at_s, what in self._script:
            await asyncio.sleep(max(0.0, at_s - loop.time()))
            match what:
                case str():
                    session.receive(what)
                case np.ndarray():
                    for at in range(0, len(what), 320):
                        await asyncio.sleep(0.02)
                        session.hear(what[at : at + 320])
                case _:
                    session.command(what)  # type: ignore[arg-type]
        session.command(HangUp("The script is over."))


def recorded(folder: Path, script: Script, **how: Any) -> Recording:
    """A call that was recorded into a folder."""
    TapedCall(script, DirectSink(folder), **how)
    return read(folder)
