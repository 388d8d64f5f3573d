"""Writes the recorded calls of a server, by a thread of its own and a bounded queue.

A disk that is full or slow ends a recording with a line in the log, and never a call.
"""

from __future__ import annotations

import asyncio
import logging
import os
import queue
import threading
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from voiceserver.clock import Clock
from voiceserver.config import RecordConfig
from voiceserver.errors import ConfigError
from voiceserver.recording.folder import CallFolder
from voiceserver.recording.layout import Header, Line
from voiceserver.recording.retention import expire
from voiceserver.recording.tape import CallTape
from voiceserver.session.ports import NO_TAPE, Tape

log = logging.getLogger(__name__)

WAITING_BYTES = 16_000_000  # not yet written, of all calls: 100 calls for two seconds
LINE_BYTES = 500  # that a line counts for
FLUSH_S = 1.0
EXPIRE_S = 600.0  # recordings are looked through that often, and after each call
END_LIMIT_S = 3.0  # for what waits to be written when the server ends

MakeFolder = Callable[[Path, Header], CallFolder]


@dataclass(eq=False, slots=True)
class _Open:
    """A call that is being recorded, as the thread has it; its methods run there."""

    header: Header
    folder: CallFolder | None = None
    over: bool = False  # set by either side: nothing more is written
    flushed_s: float = field(default_factory=time.monotonic)


class Recorder:
    """Records the calls of one server. An asynchronous context manager.

    Args:
        config: Which calls, where, and how long they are kept.
        make: Opens a call's folder.
    """

    def __init__(self, config: RecordConfig, make: MakeFolder = CallFolder) -> None:
        self._config = config
        self._make = make
        self._folder = Path(config.folder)
        self._queue: queue.SimpleQueue[tuple[_Open, Callable[[], None], int] | None]
        self._queue = queue.SimpleQueue()
        self._waiting = 0  # bytes; either side adds, within the lock
        self._lock = threading.Lock()
        self._open: set[_Open] = set()  # the thread's own
        self._thread = threading.Thread(
            target=self._write, name="recorder", daemon=True
        )

    @property
    def on(self) -> bool:
        """Whether any call may be recorded."""
        return self._config.calls != "off"

    def prepare(self) -> None:
        """Find out whether anything can be written.

        Raises:
            ConfigError: If not.
        """
        if not self.on:
            return
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(
                f"[record] folder = {self._config.folder!r}: {error.strerror}"
            ) from None
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise ConfigError(
                f"[record] folder = {self._config.folder!r} cannot be written to"
            )

    def tape(self, clock: Clock) -> Tape:
        """That of a call that begins now."""
        if not self.on:
            return NO_TAPE
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return CallTape(self.begin, clock, now)

    def begin(self, header: Header) -> _Writing:
        """Begin to write a call."""
        one = _Open(header)
        self.put(one, lambda: self._begin(one), LINE_BYTES)
        return _Writing(self, one)

    async def __aenter__(self) -> Recorder:
        self.prepare()
        if self.on:
            self._thread.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        if self.on:
            self._queue.put(None)
            await asyncio.to_thread(self._thread.join, END_LIMIT_S)

    def put(
        self, one: _Open, work: Callable[[], None], n_bytes: int, last: bool = False
    ) -> None:
        """Have the thread do something; too much that waits ends the recording.

        Args:
            one: The call.
            work: What is done.
            n_bytes: That wait with it.
            last: Is always taken.
        """
        if one.over and not last:
            return
        with self._lock:
            full = self._waiting + n_bytes > WAITING_BYTES
            if not full or last:
                self._waiting += n_bytes
        if full and not last:
            self._fail(one, "the disk is too slow")
            return
        self._queue.put((one, work, n_bytes))

    def _fail(self, one: _Open, why: str) -> None:
        """Once: what was written until now stays."""
        if not one.over:
            one.over = True
            extra = {"call": one.header.call, "why": why}
            log.warning("the recording of a call ended before the call", extra=extra)

    def _write(self) -> None:
        """Run by the thread."""
        due_s = 0.0
        while True:
            if time.monotonic() >= due_s:
                due_s = time.monotonic() + EXPIRE_S
                self._expire()
            try:
                taken = self._queue.get(timeout=FLUSH_S)
            except queue.Empty:
                self._flush()
                continue
            if taken is None:
                break
            one, work, n_bytes = taken
            self._do(one, work)
            with self._lock:
                self._waiting -= n_bytes
        for one in tuple(self._open):
            self._let_go(one)

    def _do(self, one: _Open, work: Callable[[], None]) -> None:
        try:
            work()
            due = time.monotonic() > one.flushed_s + FLUSH_S
            if one.folder is not None and not one.over and due:
                one.flushed_s = time.monotonic()
                one.folder.flush()
        except (OSError, ValueError, wave.Error) as error:
            why = getattr(error, "strerror", None) or type(error).__name__
            self._fail(one, why)
            self._let_go(one)
        except Exception as error:  # a fault of ours; others go on being recorded
            log.exception("a recorder failed", extra={"call": one.header.call})
            self._fail(one, type(error).__name__)
            self._let_go(one)

    def _begin(self, one: _Open) -> None:
        name = "".join(c if c.isalnum() or c in "-_" else "_" for c in one.header.call)
        day = one.header.began[:19].replace(":", "").replace("-", "")
        path = self._folder / f"{day or 'call'}-{name[-80:]}"
        one.folder = self._make(path, one.header)
        self._open.add(one)

    def _flush(self) -> None:
        for one in tuple(self._open):
            if one.folder is not None:
                self._do(one, one.folder.flush)

    def _let_go(self, one: _Open) -> None:
        self._open.discard(one)
        if one.folder is not None:
            one.folder.abandon()

    def finished(self, one: _Open) -> None:
        """The thread has done the last of a call."""
        self._open.discard(one)
        self._expire()

    def _expire(self) -> None:
        config = self._config
        busy = {one.folder.path for one in self._open if one.folder is not None}
        removed = expire(
            self._folder, config.max_age_days, config.max_gb, time.time(), busy
        )
        if removed:
            log.info("recordings were removed", extra={"calls": len(removed)})


class _Writing:
    """The sink of one call: hands everything to the thread."""

    def __init__(self, recorder: Recorder, one: _Open) -> None:
        self._recorder = recorder
        self._one = one

    def line(self, line: Line) -> None:
        """Add a line of events."""
        text = line.get("text")
        n_bytes = LINE_BYTES + (len(text) if isinstance(text, str) else 0)
        self._put(lambda folder: folder.line(line), n_bytes)

    def caller(self, pcm: bytes) -> None:
        """Add audio of the caller."""
        self._put(lambda folder: folder.caller(pcm), len(pcm))

    def reply(self, silence: int, pcm: bytes) -> None:
        """Add audio of the reply."""
        self._put(lambda folder: folder.reply(silence, pcm), len(pcm))

    def end(self) -> None:
        """The call is over."""
        self._last(lambda folder: folder.close())

    def forget(self) -> None:
        """Remove the call."""
        self._last(lambda folder: folder.remove())

    def _put(self, work: Callable[[CallFolder], None], n_bytes: int) -> None:
        one = self._one

        def done() -> None:
            if one.folder is not None and not one.over:
                work(one.folder)

        self._recorder.put(one, done, n_bytes)

    def _last(self, work: Callable[[CallFolder], None]) -> None:
        one, recorder = self._one, self._recorder

        def done() -> None:
            if one.folder is not None:
                work(one.folder)
            one.over = True
            recorder.finished(one)

        recorder.put(one, done, 0, last=True)
