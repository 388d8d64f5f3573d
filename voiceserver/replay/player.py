"""Plays a recorded call again, through a session like any other.

What went in goes in again, each thing when that much of the caller's audio has come
and its time is there: audio, messages of the client, what the carrier asked for. What
comes out is kept by the same tape that recorded the call, so that both are compared
like with like. Knows neither engines nor which loop it runs in.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from voiceserver.audio import MIC_RATE, PTIME_MS, Samples
from voiceserver.carriers.base import Incoming
from voiceserver.carriers.telephony.attendant import phone_turns
from voiceserver.clock import Clock
from voiceserver.commands import Command, HangUp, Hear
from voiceserver.config import Config, RecordConfig
from voiceserver.dialects.table import DIALECTS, dialect_in
from voiceserver.engines.opened import Engines
from voiceserver.errors import BadRecording, BadRequest
from voiceserver.events import KeyPressed
from voiceserver.metrics import Metrics
from voiceserver.recording.layout import Header, Line, Recording
from voiceserver.recording.tape import BROUGHT, CallTape
from voiceserver.reply.ahead import Ahead
from voiceserver.reply.playout import Outlet, Playout
from voiceserver.session.ports import CallParts, Carrier
from voiceserver.session.session import Session

LEAVE_LIMIT_S = 30.0  # for a call to end once everything was played


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the caller's audio, and when it had come.

    Attributes:
        t_ms: Since the call began.
        until: Samples of the caller up to its end.
        samples: 16 kHz.
        made_up: They stand for audio that did not arrive.
    """

    t_ms: float
    until: int
    samples: Samples
    made_up: bool


def pieces(recording: Recording) -> Iterator[Piece]:
    """The caller's audio as it came.

    Raises:
        BadRecording: If lines and audio do not fit together.
    """
    begun = [line for line in recording.lines if line["kind"] == "audio"]
    if not begun:  # a call of texts alone, or one that ended before it was heard
        if len(recording.audio):
            raise BadRecording("it is damaged: it has audio and no line that says when")
        return
    ends = [_samples_at(line) for line in begun[1:]] + [len(recording.audio)]
    for line, end in zip(begun, ends, strict=True):
        at, block = _samples_at(line), line.get("samples")
        if not isinstance(block, int) or block < 1 or end < at:
            raise BadRecording("it is damaged: its lines of audio are out of order")
        for start in range(at, min(end, len(recording.audio)), block):
            until = min(start + block, end, len(recording.audio))
            t_ms = float(line["t"]) + (until - at - block) * 1000 / MIC_RATE
            yield Piece(
                max(float(line["t"]), t_ms),
                until,
                recording.audio[start:until],
                bool(line.get("made_up")),
            )


def _samples_at(line: Line) -> int:
    return round(float(line["at"]) * MIC_RATE / 1000)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something else that went in.

    Attributes:
        t_ms: Since the call began.
        at: Samples of the caller that had come by then.
        item: A message of the client, or what the carrier asked for or noticed.
    """

    t_ms: float
    at: int
    item: str | Command | KeyPressed


def entries(recording: Recording) -> list[Entry]:
    """What went in beside the caller's audio.

    Raises:
        BadRecording: If a line says nothing that can be done.
    """
    found = []
    for line in recording.lines:
        match line["kind"]:
            case "message":
                item = line.get("text")
            case "brought":
                item = _brought(line)
            case _:
                continue
        if item is None:
            raise BadRecording(f"it is damaged: {line['kind']} at {line['t']} ms")
        found.append(Entry(float(line["t"]), _samples_at(line), item))
    return found


def _brought(line: Line) -> Any:
    kind, fields = BROUGHT.get(str(line.get("name"))), line.get("fields")
    if kind is None or not isinstance(fields, dict):
        return None
    plain = str | int | float | None
    given = {name: value for name, value in fields.items() if isinstance(value, plain)}
    try:
        return kind(**given)
    except TypeError:
        return None


class MemorySink:
    """Keeps the lines of a call in memory, and no audio."""

    def __init__(self) -> None:
        self.header = Header("")
        self.lines: list[Line] = []

    def begin(self, header: Header) -> MemorySink:
        """Begin to keep a call."""
        self.header = header
        return self

    def line(self, line: Line) -> None:
        """Add a line."""
        self.lines.append(line)

    def caller(self, pcm: bytes) -> None:
        """Not kept: it is the recording's."""

    def reply(self, silence: int, pcm: bytes) -> None:
        """Not kept."""

    def end(self) -> None:
        """Nothing is left to do."""

    def forget(self) -> None:
        """Forget everything."""
        self.lines.clear()


async def play(
    recording: Recording, config: Config, engines: Engines, clock: Clock
) -> Recording:
    """Play a recorded call through a session; return what came of it.

    Args:
        recording: What was recorded.
        config: Of the server that is tried.
        engines: Its engines.
        clock: Of the running loop.

    Raises:
        BadRecording: If it is damaged, or its session is none of this server.
    """
    header, others = recording.header, entries(recording)
    played = list(pieces(recording))
    config = dataclasses.replace(config, record=RecordConfig("always", "a replay"))
    if header.telephone:
        turn = phone_turns(config.turn, config.telephony)
        config = dataclasses.replace(config, turn=turn)
    sink, outlet = MemorySink(), _outlet(header, clock)
    tape = CallTape(sink.begin, clock)
    parts = CallParts(header.call, config, engines, clock, Metrics(), tape=tape)
    session = _session(header, parts, outlet)
    began_ns = clock.now_ns()
    async with asyncio.TaskGroup() as group:
        holding = group.create_task(session.run())
        pulling = group.create_task(_pull(outlet))
        playing = group.create_task(_played(session, header, played, others))
        await asyncio.wait({holding, playing}, return_when=asyncio.FIRST_COMPLETED)
        # Hung up, as then; or cut off where the recording ends.
        limit_s = recording.length_s - (clock.now_ns() - began_ns) / 1e9
        if any(isinstance(other.item, HangUp) for other in others):
            limit_s = LEAVE_LIMIT_S
        await asyncio.wait({holding}, timeout=max(0.0, limit_s))
        for task in (playing, holding, pulling):
            task.cancel()
    return Recording(sink.header, sink.lines, recording.audio)


def _outlet(header: Header, clock: Clock) -> Playout | Ahead:
    return Ahead(clock.now_ns) if header.in_events else Playout()


def _session(header: Header, parts: CallParts, outlet: Outlet) -> Session:
    carrier = Carrier(header.carrier, header.in_events, header.telephone)
    try:
        dialect = dialect_in(header.address, DIALECTS)
        incoming = Incoming(parts, dialect, header.address, header.session)
        opened = incoming.open(carrier, lambda _text: None)
    except BadRequest as refused:
        raise BadRecording(f"its session is refused here: {refused}") from None
    return Session(parts, opened, outlet, carrier)


async def _pull(outlet: Playout | Ahead) -> None:
    """Take the reply as a paced carrier does."""
    if isinstance(outlet, Ahead):
        return
    loop = asyncio.get_running_loop()
    due_s = loop.time()
    while True:
        due_s += PTIME_MS / 1000
        await asyncio.sleep(due_s - loop.time())
        outlet.next_frame()


async def _played(
    session: Session, header: Header, played: Sequence[Piece], others: Sequence[Entry]
) -> None:
    """Put in what went in, in the order in which it came."""
    loop = asyncio.get_running_loop()
    began_s, at = loop.time(), 0

    async def until(t_ms: float) -> None:
        await asyncio.sleep(max(0.0, began_s + t_ms / 1000 - loop.time()))

    async def hear(piece: Piece) -> None:
        await until(piece.t_ms)
        if header.in_events:
            session.command(Hear(piece.samples))
        else:
            session.hear(piece.samples, piece.made_up)

    for other in others:
        while at < len(played) and played[at].until <= other.at:
            await hear(played[at])
            at += 1
        await until(other.t_ms)
        match other.item:
            case str():
                session.receive(other.item)
            case KeyPressed():
                session.happens(other.item)
            case _:
                session.command(other.item)
    for piece in played[at:]:
        await hear(piece)
