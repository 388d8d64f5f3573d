"""One child process: started by exec, told its settings, warmed up, stopped, reaped.

Exec, never fork: a copy of a process that has an event loop and threads is a trap.
The child ends when its socket closes, so it cannot outlive this process, however
this one ends. Knows nothing of jobs, and nothing of starting again.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import site
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import voiceserver
from voiceserver.errors import EngineFailed
from voiceserver.processes import ipc
from voiceserver.processes.ipc import Kind, Line, Message, Meta

log = logging.getLogger(__name__)

ATTEMPTS = 3  # starts in a row before the first success
TAIL_LINES = 12
TAIL_WIDTH = 240  # characters of a line
LOGGED_LINES = 40  # of one child; more is noise
_POLL_S = 0.005
_REAP_S = 1.0  # a killed process is gone in milliseconds

# What a child may know of our environment: nothing that could be a secret, so that
# its last words can be shown.
_PASSED_ON = frozenset(
    "PATH HOME LANG LC_ALL LC_CTYPE TMPDIR TZ LD_LIBRARY_PATH VIRTUAL_ENV "
    "PYTHONHOME PYTHONDEVMODE PYTHONWARNINGS SYSTEMROOT CUDA_VISIBLE_DEVICES".split()
)
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")


class StartFailed(EngineFailed):
    """A child did not come up.

    Attributes:
        final: It said itself why; another try would end the same way.
    """

    def __init__(self, engine: str, message: str, final: bool) -> None:
        super().__init__(engine, message)
        self.final = final


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run.

    Attributes:
        name: Of the engine, for messages and metrics.
        module: Run by ``python -m``; it takes ``--fd N``, the socket.
        settings: Sent over the socket, so that no list of processes shows them.
        niceness: Added to ours: the media loop goes first. No more than this, or a
            busy machine starves the recogniser: at 2 it gets 0.64 of an equal share.
        start_limit_s: From exec to READY.
        stop_limit_s: From the end of the socket to SIGKILL.
        threads: Of its numeric libraries; 0 leaves it to them.
        environment: Names of variables that it is given beside the usual few.
        attempts: Starts in a row that may fail before the first success.
        ours: It is as trusted as we are: it gets our environment, secrets too, and
            its error output is ours.
    """

    name: str
    module: str
    settings: Meta = field(default_factory=dict)
    niceness: int = 2
    start_limit_s: float = 60.0
    stop_limit_s: float = 2.0
    threads: int = 1
    environment: tuple[str, ...] = ()
    attempts: int = ATTEMPTS
    ours: bool = False


class Process:
    """A running child. ``start_process`` makes it; its owner stops it.

    Attributes:
        about: What the child said of its engine when it was ready.
        send: Sends a message, in order; dropped once the child is gone. The line's
            own: nothing of it passes here.
    """

    def __init__(self, spec: ChildSpec, receive: Callable[[Message], None]) -> None:
        self.about: Meta = {}
        self._spec = spec
        self._receive = receive
        self._ready = asyncio.Event()  # or ended
        self._ended = asyncio.Event()
        self._why = ""
        self._refusal = ""
        ours, theirs = ipc.pair()
        with theirs:
            try:
                self._popen = _spawn(spec, theirs.fileno())
            except OSError:
                ours.close()
                raise
        self._line = Line(ours, self._starting, self._end)
        self.send = self._line.send
        self._tail = _Tail(spec.name, self._popen)
        for message in _settings(spec.settings):
            self.send(message)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._popen.pid

    async def ready(self) -> None:
        """Wait until it is warmed up.

        Raises:
            StartFailed: If it ended, refused or took too long.
        """
        name, limit_s = self._spec.name, self._spec.start_limit_s
        try:
            async with asyncio.timeout(limit_s):
                await self._ready.wait()
        except TimeoutError:
            why = f"not ready within {limit_s:.0f} s"
            raise StartFailed(name, self._with_tail(why), final=False) from None
        if self._refusal:
            raise StartFailed(name, self._refusal, final=True)
        if self._ended.is_set():
            await self._gone(self._spec.stop_limit_s)  # its exit code says more
            why = f"did not start: {self._why}"
            raise StartFailed(name, self._with_tail(why), final=False)

    async def wait_end(self) -> str:
        """Wait until it is gone; return why, with its last words."""
        await self._ended.wait()
        await self._gone(self._spec.stop_limit_s)
        return self._with_tail(self._why)

    def kill(self) -> None:
        """End it now, as a hanging child must be; ``wait_end`` then returns."""
        self._popen.kill()

    async def stop(self) -> None:
        """Ask it to end, wait, kill it if it does not; no trace of it is left."""
        self._line.close()
        try:
            await self._gone(self._spec.stop_limit_s)
        finally:
            self.discard()

    def discard(self) -> None:
        """Kill and reap it at once, without waiting for anything else."""
        self._line.close()
        if self._popen.poll() is None:
            self._popen.kill()
            try:
                self._popen.wait(_REAP_S)
            except subprocess.TimeoutExpired:  # pragma: no cover - a stuck kernel
                log.warning("a killed process stays", extra={"pid": self.pid})
        self._tail.close()

    async def _gone(self, limit_s: float) -> None:
        until = time.monotonic() + limit_s
        # No event tells of it on every system: children are watched by their socket.
        while self._popen.poll() is None and time.monotonic() < until:  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)
        if self._popen.poll() is None:
            self._popen.kill()
        self._tail.read()

    def _starting(self, message: Message) -> None:
        """Take what it says of its start; all that follows READY is its owner's."""
        if message.kind is Kind.READY:
            self.about = message.meta
            self._line.receive = self._receive
            self._ready.set()
        elif message.kind is Kind.FAILED:
            why = str(message.meta.get("why", "it refused to start"))
            self._refusal = why.removeprefix(f"{self._spec.name}: ")
            self._ready.set()

    def _end(self, why: str) -> None:
        self._why = why
        self._ended.set()
        self._ready.set()

    def _with_tail(self, why: str) -> str:
        self._tail.read()
        code = self._popen.poll()
        status = "" if code is None else f" ({_status(code)})"
        words = " | ".join(self._tail.lines)
        return f"{why}{status}" + (f"; its last words: {words}" if words else "")


async def start_process(spec: ChildSpec, receive: Callable[[Message], None]) -> Process:
    """Start a child and wait until it is ready.

    Args:
        spec: What to run.
        receive: Takes its messages, once it is ready.

    Raises:
        StartFailed: If it did not come up; nothing of it is left then.
    """
    try:
        process = Process(spec, receive)
    except OSError as error:
        why = f"no process could be started: {error}"
        raise StartFailed(spec.name, why, final=False) from error
    try:
        await process.ready()
    except BaseException:
        process.discard()
        raise
    return process


class _Tail:
    """The last lines of a child's error output; the pipe is always kept empty."""

    def __init__(self, name: str, popen: subprocess.Popen[bytes]) -> None:
        self.lines: deque[str] = deque(maxlen=TAIL_LINES)
        self._name = name
        self._pipe = popen.stderr
        self._left = LOGGED_LINES
        self._part = b""
        self._loop = asyncio.get_running_loop()
        if self._pipe is not None:
            os.set_blocking(self._pipe.fileno(), False)
            self._loop.add_reader(self._pipe.fileno(), self.read)

    def read(self) -> None:
        """Take what is there, a bounded amount."""
        if self._pipe is None or self._pipe.closed:
            return
        try:
            raw = os.read(self._pipe.fileno(), 65536)
        except BlockingIOError:
            return
        if not raw:
            self.close()
        *lines, self._part = (self._part + raw).split(b"\n")
        self._part = self._part[-TAIL_WIDTH:]
        for line in lines:
            self._add(line[-TAIL_WIDTH:].decode("utf-8", "replace").strip())

    def _add(self, line: str) -> None:
        if not line:
            return
        self.lines.append(line)
        if self._left > 0:
            self._left -= 1
            log.info("an engine says", extra={"engine": self._name, "line": line})

    def close(self) -> None:
        if self._pipe is not None and not self._pipe.closed:
            self._loop.remove_reader(self._pipe.fileno())
            self._pipe.close()


def _spawn(spec: ChildSpec, fd: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-P", "-m", spec.module, "--fd", str(fd)]
    command += ["--niceness", str(spec.niceness), "--name", spec.name]
    return subprocess.Popen(
        command,
        pass_fds=(fd,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=None if spec.ours else subprocess.PIPE,
        env=_environment(os.environ, spec),
        start_new_session=True,  # Ctrl-C is for us; the child ends with its socket
    )


def _environment(ours: Mapping[str, str], spec: ChildSpec) -> dict[str, str]:
    """The child's environment, with this package importable as it is for us."""
    names = _PASSED_ON.union(spec.environment)
    passed = {n: value for n, value in ours.items() if spec.ours or n in names}
    paths = [path for path in ours.get("PYTHONPATH", "").split(os.pathsep) if path]
    root = str(Path(voiceserver.__file__).resolve().parent.parent)
    if root not in site.getsitepackages():
        paths.insert(0, root)  # else it would stand before the standard library
    # Mostly one: a child is one core's work, and thread pools cost memory.
    bounded = () if spec.ours or not spec.threads else _THREADS
    threads = dict.fromkeys(bounded, str(spec.threads))
    found = {"PYTHONPATH": os.pathsep.join(paths)} if paths else {}
    return {**passed, **threads, **found, "PYTHONUNBUFFERED": "1"}


def _settings(settings: Meta) -> list[Message]:
    raw = json.dumps(settings).encode()
    parts = [raw[at : at + ipc.MAX_BODY] for at in range(0, len(raw), ipc.MAX_BODY)]
    return [
        Message(Kind.SETTINGS, meta={"last": at == len(parts) - 1}, body=part)
        for at, part in enumerate(parts)
    ]


def _status(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"
