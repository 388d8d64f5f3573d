"""Takes files apart: ``python -m voiceserver.files.decoder_child``.

One process that stays warm, and copies itself for each file: the copy has a bound of
memory and of computing, is killed when its time is over, and whatever a file does to
the libraries that read it ends with that copy. Copying is safe here and nowhere else in
the server: this process has one thread and no event loop.

A job is one file. Its bytes are pushed, or its path if the job says ``named``; each
push is acknowledged (``taken``). Then the copy says how many samples there are, gives
them, of silence the number only, and ends.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import json
import logging
import mmap
import os
import resource
import select
import signal
import socket
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voiceserver.audio import to_int16
from voiceserver.errors import BadAudio
from voiceserver.files.decoding import decoded
from voiceserver.files.joined import Content
from voiceserver.processes.entry import begun
from voiceserver.processes.ipc import (
    MAX_BODY,
    BlockingLine,
    Closed,
    Kind,
    Malformed,
    Message,
)

log = logging.getLogger(__name__)

_TOO_LONG = "the recording takes too long to decode"
_BROKEN = "the recording cannot be decoded: it is damaged, or takes too much memory"


@dataclass(frozen=True, slots=True)
class Limits:
    """What decoding one file may take.

    Attributes:
        memory_bytes: Beyond the file and what the libraries take.
        cpu_s: Of computing: ten minutes of FLAC, eight channels at 192 kHz, took 15 s.
        clock_s: In all, on a machine that has other things to do.
    """

    memory_bytes: int = 192 * 1024 * 1024
    cpu_s: int = 20
    clock_s: float = 60.0


@dataclass(slots=True)
class _File:
    """One job.

    Attributes:
        generation: Of the job.
        named: What is pushed is its path.
        content: What was pushed.
        pid: Of the copy that decodes it; 0 before.
        until: When that is killed, monotonic seconds.
    """

    generation: int
    named: bool
    content: bytearray = field(default_factory=bytearray)
    pid: int = 0
    until: float = 0.0


class Decoders:
    """The jobs of one parent.

    Args:
        sock: To it.
        line: The same.
        limits: Of each copy.
    """

    def __init__(self, sock: socket.socket, line: BlockingLine, limits: Limits) -> None:
        self._sock = sock
        self._line = line
        self._limits = limits
        self._files: dict[int, _File] = {}  # by slot
        # The slot and the copy, by the pipe that the copy's end closes.
        self._ends: dict[int, tuple[int, int]] = {}

    def serve(self) -> None:
        """Work until the parent is gone, which raises ``Closed``."""
        try:
            while True:
                wait_s = 1.0 if self._ends else None
                fd = self._sock.fileno()
                ready, _, _ = select.select([fd, *self._ends], [], [], wait_s)
                for pipe in set(self._ends).intersection(ready):
                    self._reap(pipe)
                self._kill_late()
                while fd in ready and (message := self._line.receive(False)):
                    self._obey(message)
        finally:
            for file in self._files.values():
                if file.pid:
                    os.kill(file.pid, signal.SIGKILL)

    def _obey(self, message: Message) -> None:
        slot, generation = message.slot, message.generation
        if message.kind is Kind.OPEN:
            self._files[slot] = _File(generation, bool(message.meta.get("named")))
            return
        file = self._files.get(slot)
        if file is None or file.generation != generation:
            return  # the job ended while this was under way
        match message.kind:
            case Kind.PUSH:
                file.content += message.body
                self._tell(Kind.ITEM, slot, generation, taken=len(file.content))
            case Kind.FINISH:
                self._start(slot, file)
            case Kind.CANCEL:
                del self._files[slot]
                if file.pid:
                    os.kill(file.pid, signal.SIGKILL)  # its pipe tells of its end
                self._tell(Kind.CANCELLED, slot, generation)
            case _:
                raise Malformed(f"{message.kind.name} is not for a decoder")

    def _start(self, slot: int, file: _File) -> None:
        ours, theirs = os.pipe()
        file.until = time.monotonic() + self._limits.clock_s
        file.pid = os.fork()
        if not file.pid:
            os.close(ours)
            _be_copy(self._line, slot, file, self._limits)
        os.close(theirs)
        file.content = bytearray()  # the copy has it
        self._ends[ours] = (slot, file.pid)

    def _reap(self, pipe: int) -> None:
        slot, pid = self._ends.pop(pipe)
        os.close(pipe)
        _, status = os.waitpid(pid, 0)
        file = self._files.get(slot)
        if file is None or file.pid != pid:
            return  # it was cancelled, or has ended and another took its place
        del self._files[slot]
        if status:  # it could not say so itself
            late = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU
            why = _TOO_LONG if late or time.monotonic() >= file.until else _BROKEN
            self._tell(Kind.FAILED, slot, file.generation, why=why)

    def _kill_late(self) -> None:
        for file in self._files.values():
            if file.pid and time.monotonic() >= file.until:
                os.kill(file.pid, signal.SIGKILL)

    def _tell(self, kind: Kind, slot: int, generation: int, **meta: object) -> None:
        self._line.send(Message(kind, slot, generation, meta))


def _be_copy(line: BlockingLine, slot: int, file: _File, limits: Limits) -> None:
    """Decode the file and end; never returns."""
    code = 1
    try:
        content = _mapped(file.content) if file.named else file.content
        _bound(limits)
        _answer(line, slot, file.generation, content)
        code = 0
    except (Closed, MemoryError):
        pass
    except Exception as error:  # noqa: BLE001 - the edge of the process
        log.warning("a decoder failed: %s", type(error).__name__)
    finally:
        os._exit(code)


def _mapped(path: bytearray) -> Content:
    with open(bytes(path), "rb") as file:
        if os.fstat(file.fileno()).st_size == 0:
            return b""  # which cannot be mapped
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _answer(line: BlockingLine, slot: int, generation: int, content: Content) -> None:
    try:
        found = [to_int16(samples) for samples in decoded(content)]
    except BadAudio as error:
        line.send(Message(Kind.FAILED, slot, generation, {"why": str(error)}))
        return
    meta: dict[str, object] = {"n_samples": sum(map(len, found))}
    line.send(Message(Kind.ITEM, slot, generation, meta))
    for part in _told(found):
        about: dict[str, object] = {} if isinstance(part, bytes) else {"n_zeros": part}
        body = part if isinstance(part, bytes) else b""
        line.send(Message(Kind.ITEM, slot, generation, about, body))
    line.send(Message(Kind.END, slot, generation))


def _told(blocks: Iterable[NDArray[np.int16]]) -> Iterator[bytes | int]:
    """What is sent of blocks: their bytes, or of how many samples of silence.

    Few messages: each takes the parent's loop from its calls.
    """
    for sounds, together in itertools.groupby(blocks, lambda block: bool(block.any())):
        if not sounds:
            yield sum(map(len, together))
            continue
        pcm = b""
        for block in together:
            pcm += np.ascontiguousarray(block, "<i2").tobytes()
            while len(pcm) >= MAX_BODY:
                yield pcm[:MAX_BODY]
                pcm = pcm[MAX_BODY:]
        if pcm:
            yield pcm


def _bound(limits: Limits) -> None:
    """Bound what this copy may take; and if memory runs out, it is the one to go."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 1))
    with contextlib.suppress(OSError):  # where there is no /proc
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[0])
        most = pages * resource.getpagesize() + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:
            score.write("1000")


def main() -> int:
    """Run the process."""
    sock = begun("voiceserver.files.decoder_child")
    gc.collect()
    gc.freeze()  # or each copy would copy what it counts
    try:
        line = BlockingLine(sock)
        told = line.receive()
        assert told is not None
        line.send(Message(Kind.READY))
        Decoders(sock, line, Limits(**json.loads(told.body))).serve()
    except Closed:
        pass  # the usual end
    return 0


if __name__ == "__main__":
    sys.exit(main())
