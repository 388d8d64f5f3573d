"""What a recorded call looks like on disk, and its strict reading.

A folder holds three files. ``events.jsonl`` has a header, then a line for each thing
that went into the call or came out of it; ``caller.wav`` is what was heard of the
caller, 16 kHz, without gaps: lines of kind ``audio`` say when each piece of it came;
``reply.wav`` is what the caller was sent, 24 kHz, from the beginning of the call on.
Each line has ``t``, milliseconds since the call began, and ``at``, milliseconds of the
caller's audio that had come by then. Knows nothing of sessions.
"""

from __future__ import annotations

import json
import wave
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from voiceserver.audio import MIC_RATE, Samples, from_int16
from voiceserver.errors import BadRecording

FORMAT, VERSION = "voiceserver.recording", 1
EVENTS, CALLER, REPLY = "events.jsonl", "caller.wav", "reply.wav"
LONGEST_LINE = 4_000_000  # characters: of the longest message of a client, and more

Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of a call as it begins.

    Attributes:
        call: Its id.
        began: Time of day, ISO 8601, UTC.
        server: Version of the server.
        carrier: Name of the carrier.
        in_events: Whether audio came inside the client's messages.
        address: What the call's address asked for, as the dialect reads it.
        session: What the client wanted of its session, as the dialect reads it.
        telephone: Whether it was a telephone call: turns are taken more patiently.
    """

    call: str
    began: str = ""
    server: str = ""
    carrier: str = ""
    in_events: bool = False
    address: Mapping[str, str] = field(default_factory=dict)
    session: Mapping[str, Any] = field(default_factory=dict)
    telephone: bool = False

    def line(self) -> dict[str, Any]:
        """As the first line of a file."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"format": FORMAT, "version": VERSION, **fields}


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded call.

    Attributes:
        header: What was known as it began.
        lines: All that happened, in order.
        audio: Of the caller, shape ``(n,)``, 16 kHz.
        whole: Whether it was kept to its end; False where it was cut off.
    """

    header: Header
    lines: Sequence[Line]
    audio: Samples
    whole: bool = True

    @property
    def length_s(self) -> float:
        """From the beginning of the call to the last thing that is known of it."""
        last_ms = float(self.lines[-1]["t"]) if self.lines else 0.0
        return max(last_ms / 1000, len(self.audio) / MIC_RATE)


def encoded(line: Line) -> str:
    """A line as it is written."""
    return json.dumps(line, separators=(",", ":")) + "\n"


def is_recording(folder: Path) -> bool:
    """Whether a folder holds a recorded call; foreign folders are nobody's business."""
    try:
        with (folder / EVENTS).open(encoding="utf-8", errors="replace") as lines:
            return f'"format":"{FORMAT}"' in lines.readline(1000)
    except OSError:
        return False


def read(folder: Path) -> Recording:
    """Read a recorded call.

    One that was cut off (its process was killed, its disk was full) is read up to
    there.

    Raises:
        BadRecording: If there is none, or it is damaged, or of another version; says
            which file and what to do.
    """
    path = folder / EVENTS
    try:
        text = path.read_text("utf-8")
    except UnicodeDecodeError:
        raise BadRecording(f"{path}: is damaged, it is no UTF-8 text") from None
    except OSError as error:
        raise BadRecording(
            f"{folder}: is no recorded call: {EVENTS} cannot be read, {error.strerror}"
        ) from None
    first, *rest = text.split("\n")
    header = _header(path, first)
    if cut := rest[-1:] != [""]:
        rest.append("")
    lines, whole = _lines(path, rest[:-1], cut)
    return Recording(header, lines, _audio(folder / CALLER), whole)


def _header(path: Path, text: str) -> Header:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        given = None
    if not isinstance(given, dict) or given.get("format") != FORMAT:
        raise BadRecording(f"{path}: is no recorded call: its first line says so")
    if given.get("version") != VERSION:
        raise BadRecording(
            f"{path}: is of version {given.get('version')!r}, and this server reads "
            f"version {VERSION}: play it by the release that wrote it"
        )
    fields = {
        name: given[name] for name in Header.__dataclass_fields__ if name in given
    }
    expected = Header("")
    for name, value in fields.items():
        kind = type(getattr(expected, name))
        if not isinstance(value, kind):
            raise BadRecording(f"{path}: is damaged: {name} in its first line")
    if "call" not in fields:
        raise BadRecording(f"{path}: is damaged: its first line names no call")
    return Header(**fields)


def _lines(path: Path, texts: Sequence[str], cut: bool) -> tuple[list[Line], bool]:
    """The lines, and whether the last says that the call ended.

    Args:
        path: For messages.
        texts: One a line.
        cut: The last has no end: it may be half a line.
    """
    lines: list[Line] = []
    for number, text in enumerate(texts, 2):
        try:
            line = json.loads(text) if len(text) <= LONGEST_LINE else None
        except (ValueError, RecursionError):
            line = None
        if isinstance(line, dict) and _is_line(line):
            lines.append(line)
        elif not (cut and number == len(texts) + 1):
            raise BadRecording(f"{path}: is damaged: line {number} is no event")
    return lines, bool(lines) and lines[-1]["kind"] == "closed"


def _is_line(line: Line) -> bool:
    return isinstance(line.get("kind"), str) and all(
        isinstance(line.get(name), int | float) and 0 <= line[name] < 1e9
        for name in ("t", "at")
    )


def _audio(path: Path) -> Samples:
    try:
        with wave.open(str(path), "rb") as file:
            form = file.getnchannels(), file.getsampwidth(), file.getframerate()
            if form != (1, 2, MIC_RATE):
                raise BadRecording(
                    f"{path}: is not 16-bit audio of one channel at {MIC_RATE} Hz: "
                    "it was not written by this server"
                )
            pcm = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as error:
        why = getattr(error, "strerror", None) or str(error) or "it ends too early"
        raise BadRecording(f"{path}: cannot be read: {why}") from None
    return from_int16(np.frombuffer(pcm[: len(pcm) // 2 * 2], "<i2"))
