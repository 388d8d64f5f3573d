"""Listens to a call as its session has it, and writes down what a replay needs.

What goes in: the caller's audio with the time of each piece, the client's messages
and what the carrier asks for. What comes out: what the dialect is told, the account of
each turn, the reply's audio. Nothing is written before the session has consented.
Knows neither carriers nor the protocol; where it is written is the sink's.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Protocol

from voiceserver import __version__
from voiceserver.audio import MIC_RATE, SPEECH_FRAME, SPEECH_RATE, Samples, to_int16
from voiceserver.budget import TurnRecord
from voiceserver.clock import Clock
from voiceserver.commands import (
    AddMessage,
    Attach,
    Command,
    Configure,
    CreateReply,
    HangUp,
    Hear,
)
from voiceserver.events import AudioDelta, Event, KeyPressed, MediaReport, TextDelta
from voiceserver.recording.layout import Header, Line
from voiceserver.session.ports import Dialect, Opened, Opening

LATE_MS = 30.0  # audio that is less off its time came at its time
# What a carrier itself asks for or notices.
BROUGHT: Mapping[str, Any] = {
    kind.__name__: kind for kind in (AddMessage, CreateReply, HangUp, KeyPressed)
}
_SECRET = ("key", "token", "secret", "password", "auth")


class Sink(Protocol):
    """Where a call is written; none of its methods blocks or raises."""

    def line(self, line: Line) -> None:
        """Add a line of events."""

    def caller(self, pcm: bytes) -> None:
        """Add audio of the caller, 16 kHz, 16-bit."""

    def reply(self, silence: int, pcm: bytes) -> None:
        """Add audio of the reply, 24 kHz, after so many samples of silence."""

    def end(self) -> None:
        """The call is over, and whole."""

    def forget(self) -> None:
        """Whoever consented takes it back: what was written is removed."""


class CallTape:
    """A ``Tape`` that writes to a sink, once the session consents.

    Args:
        begin: Opens the sink, given what is known of the call; None where it cannot.
        clock: Monotonic clock.
        began: Time of day, ISO 8601.
    """

    def __init__(
        self,
        begin: Callable[[Header], Sink | None],
        clock: Clock,
        began: str = "",
    ) -> None:
        self._begin = begin
        self._clock = clock
        self._began = began
        self._header = Header("")
        self._sink: Sink | None = None
        self._zero_ns = clock.now_ns()
        self._n_before = 0  # samples of the caller before anything was written
        self._n_heard = 0  # and since
        self._piece = (0.0, 0, 0, False)  # when, at, block, made up
        self._sounding: list[tuple[int, bytes]] = []  # from which sample on
        self._n_spoken = 0  # samples of the reply's track that were written

    def over(self, opening: Opening, opened: Opened) -> Opened:
        """Listen to what the dialect is told and told to do; return what does."""
        carrier = opening.carrier
        address = {
            name: value
            for name, value in opening.address.items()
            if not any(word in name.lower() for word in _SECRET)
        }
        self._header = Header(
            opening.call_id,
            self._began,
            __version__,
            carrier.name,
            carrier.in_events,
            address,
            dict(opening.session),
            carrier.telephone,
        )
        listening = _Listening(opened.dialect, self, opened.settings.record)
        return Opened(listening, opened.settings)

    def opened(self, consents: bool) -> None:
        """The conversation begins: this is the beginning of its time."""
        self._zero_ns = self._clock.now_ns()
        self.consents(consents)

    def consents(self, yes: bool) -> None:
        """The session says whether it may be recorded."""
        if yes and self._sink is None:
            self._sink = self._begin(self._header)
            self._line("begun", before=self._n_before)
        elif not yes and self._sink is not None:
            self._sink.forget()
            self._sink, self._n_before = None, self._n_before + self._n_heard
            self._n_heard = self._n_spoken = 0

    def heard(self, samples: Samples, made_up: bool) -> None:
        """Audio of the caller came, or what stands for it."""
        if self._sink is None:
            self._n_before += len(samples)
            return
        now_ms, n = self._now_ms(), len(samples)
        began_ms, at, block, was_made_up = self._piece
        due_ms = began_ms + (self._n_heard + n - at - block) * 1000 / MIC_RATE
        if (
            not self._n_heard
            or made_up != was_made_up
            or abs(now_ms - due_ms) > LATE_MS
        ):
            self._piece = (now_ms, self._n_heard, n, made_up)
            self._line("audio", samples=n, made_up=made_up)
        self._sink.caller(to_int16(samples).tobytes())
        self._n_heard += n

    def spoke(self, samples: Samples, in_s: float) -> None:
        """Audio went out, that should sound in so many seconds."""
        if self._sink is None:
            return
        self._write_sounded()
        at = round((self._now_ms() / 1000 + in_s) * SPEECH_RATE)
        self._sounding.append((at, to_int16(samples).tobytes()))

    def silenced(self) -> None:
        """What went out and has not sounded yet will not."""
        self._write_sounded()
        # What was handed over this very moment sounds.
        now = round(self._now_ms() / 1000 * SPEECH_RATE) + SPEECH_FRAME
        cut = [(at, pcm[: 2 * max(0, now - at)]) for at, pcm in self._sounding]
        self._sounding = [(at, pcm) for at, pcm in cut if pcm]

    def brought(self, item: Command | Event) -> None:
        """The carrier itself asks for something, or has noticed it."""
        if type(item).__name__ in BROUGHT:
            self._line("brought", name=type(item).__name__, fields=_plain(item))

    def message(self, text: str, sender: int) -> None:
        """A message of the client, or of a sideband, that was not audio alone."""
        self._line("message", text=text, sender=sender)

    def told(self, event: Event) -> None:
        """The dialect is told of an event; single words and audio are left out."""
        if not isinstance(event, TextDelta | AudioDelta | MediaReport):
            self._line("event", name=type(event).__name__, fields=_plain(event))

    def accounted(self, record: TurnRecord) -> None:
        """A turn is over."""
        self._line("turn", fields=_plain(record))

    def refused(self, command: Command) -> None:
        """A command could not be carried out."""
        self._line("refused", name=type(command).__name__)

    def closed(self, end: HangUp) -> None:
        """The call is over; may be called again."""
        self.silenced()
        self._write_sounded(whole=True)
        self._line("closed", reason=end.reason, code=end.code)
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.end()

    def _line(self, kind: str, **fields: Any) -> None:
        if self._sink is not None:
            at_ms = round(self._n_heard * 1000 / MIC_RATE, 3)
            self._sink.line({"t": self._now_ms(), "at": at_ms, "kind": kind, **fields})

    def _now_ms(self) -> float:
        return max(0.0, round((self._clock.now_ns() - self._zero_ns) / 1e6, 3))

    def _write_sounded(self, whole: bool = False) -> None:
        """Write what has begun to sound by now; a gap of a frame is none."""
        if self._sink is None:
            self._sounding.clear()
            return
        now = round(self._now_ms() / 1000 * SPEECH_RATE)
        while self._sounding and (whole or self._sounding[0][0] <= now):
            at, pcm = self._sounding[0]
            if not whole and at + len(pcm) // 2 > now:
                return
            del self._sounding[0]
            gap = at - self._n_spoken
            gap = gap if gap > SPEECH_RATE // 20 else 0
            self._sink.reply(gap, pcm)
            self._n_spoken += gap + len(pcm) // 2


class _Listening:
    """A dialect that a tape listens to."""

    def __init__(self, dialect: Dialect, tape: CallTape, consents: bool) -> None:
        self._dialect = dialect
        self._tape = tape
        self._consents = consents

    def opened(self) -> None:
        """As the dialect."""
        self._tape.opened(self._consents)
        self._dialect.opened()

    def notify(self, event: Event) -> None:
        """As the dialect."""
        self._tape.told(event)
        self._dialect.notify(event)

    def account(self, record: TurnRecord) -> None:
        """As the dialect."""
        self._tape.accounted(record)
        self._dialect.account(record)

    def receive(self, text: str, sender: int = 0, active: int = 0) -> Iterable[Command]:
        """As the dialect. A message that brings audio is kept as its audio."""
        noted = False
        for command in self._dialect.receive(text, sender, active):
            if isinstance(command, Configure):
                self._tape.consents(command.settings.record)
            if not noted and not isinstance(command, Hear):
                self._tape.message(text, sender)
            noted = True
            yield command
        if not noted:
            self._tape.message(text, sender)

    def attach(self, listener: Attach) -> None:
        """As the dialect."""
        self._dialect.attach(listener)

    def refused(self, command: Command) -> None:
        """As the dialect."""
        self._tape.refused(command)
        self._dialect.refused(command)

    def closed(self, end: HangUp) -> None:
        """As the dialect."""
        self._tape.closed(end)
        self._dialect.closed(end)


def _plain(thing: Any) -> Any:
    """A dataclass as JSON: names of its fields and what is in them."""
    if dataclasses.is_dataclass(thing):
        return {
            field.name: _plain(getattr(thing, field.name))
            for field in dataclasses.fields(thing)
        }
    match thing:
        case Enum():
            return thing.value
        case Mapping():
            return {str(key): _plain(value) for key, value in thing.items()}
        case str() | int() | float() | bool() | None:
            return thing
        case list() | tuple():
            return [_plain(value) for value in thing]
        case _:
            return str(type(thing).__name__)
