"""Entry point of an engine's process: ``python -m voiceserver.engines.remote.child``.

Reads its settings from the socket, loads the core they name, says READY, then takes
a step of one job at a time and reads the socket between steps: a cancel is obeyed
within one step, and a closed socket ends the process. One thread; the core decides
whether it uses more.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import logging
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Protocol

from voiceserver.engines.remote.recogniser_child import RecognitionJobs
from voiceserver.engines.remote.synthesizer_child import SpeechJobs
from voiceserver.errors import EngineFailed, NotInstalled, VoiceServerError
from voiceserver.processes.ipc import (
    BlockingLine,
    Closed,
    Kind,
    Malformed,
    Message,
    Meta,
)

log = logging.getLogger(__name__)


class ChildJob(Protocol):
    """A job inside the child."""

    @property
    def urgency(self) -> float | None:
        """The least is stepped first; None if it waits for input or credits."""

    def push(self, body: bytes) -> None:
        """Take input."""

    def note(self, meta: Meta) -> None:
        """Take what is told about the input so far, or leave it."""

    def finish(self) -> None:
        """Take notice that the input is complete."""

    def credit(self, items: int) -> None:
        """Take leave to give more items."""

    def step(self) -> tuple[Kind, Meta, bytes]:
        """Do a little; return ITEM, or END with the last result.

        Raises:
            EngineFailed: The job is over.
        """

    def close(self) -> None:
        """Stop the work at once."""


class ChildJobs(Protocol):
    """An engine inside the child."""

    @property
    def about(self) -> Meta:
        """What the parent is told when it is ready."""

    def open(self, meta: Meta) -> ChildJob:
        """Begin a job."""


KINDS: dict[str, Callable[[object], ChildJobs]] = {
    "speech": SpeechJobs,
    "recogniser": RecognitionJobs,
}


class Server:
    """Serves the jobs of one parent, a step at a time.

    Args:
        line: To the parent.
        jobs: The engine.
    """

    def __init__(self, line: BlockingLine, jobs: ChildJobs) -> None:
        self._line = line
        self._jobs = jobs
        self._open: dict[int, tuple[int, ChildJob]] = {}  # slot: generation, job
        self._turn = 0

    def serve(self) -> None:
        """Work until the parent is gone, which raises ``Closed``."""
        while True:
            ready = self._next()
            message = self._line.receive(wait=ready is None)
            while message is not None:
                self._obey(message)
                message = self._line.receive(wait=False)
            ready = self._next()
            if ready is not None:
                self._step(ready)

    def _next(self) -> int | None:
        """Slot of the job to be stepped: by urgency, then in the order of opening."""
        ready = [
            (urgency, generation, slot)
            for slot, (generation, job) in self._open.items()
            if (urgency := job.urgency) is not None
        ]
        return min(ready)[2] if ready else None

    def _step(self, slot: int) -> None:
        generation, job = self._open[slot]
        try:
            kind, meta, body = job.step()
        except VoiceServerError as error:
            self._fail(slot, generation, str(error))
            return
        except Exception as error:  # noqa: BLE001 - the edge between core and server
            log.warning("a core failed\n%s", _trace(error))
            self._fail(slot, generation, type(error).__name__)
            return
        if kind is not Kind.ITEM:
            del self._open[slot]
        self._line.send(Message(kind, slot, generation, meta, body))

    def _fail(self, slot: int, generation: int, why: str) -> None:
        entry = self._open.pop(slot, None)
        if entry is not None:
            self._close(entry[1])
        self._line.send(Message(Kind.FAILED, slot, generation, {"why": why[:800]}))

    def _obey(self, message: Message) -> None:
        slot, generation = message.slot, message.generation
        if message.kind is Kind.OPEN:
            self._begin(message)
            return
        entry = self._open.get(slot)
        if entry is None or entry[0] != generation:
            return  # the job ended while this was under way
        job = entry[1]
        match message.kind:
            case Kind.PUSH:
                job.push(message.body)
            case Kind.NOTE:
                job.note(message.meta)
            case Kind.FINISH:
                job.finish()
            case Kind.CREDIT:
                job.credit(_number(message.meta))
            case Kind.CANCEL:
                del self._open[slot]
                self._close(job)
                self._line.send(Message(Kind.CANCELLED, slot, generation))
            case _:
                raise Malformed(f"{message.kind.name} is not for a child")

    def _begin(self, message: Message) -> None:
        slot, generation = message.slot, message.generation
        try:
            self._open[slot] = (generation, self._jobs.open(message.meta))
        except Exception as error:  # noqa: BLE001 - the edge between core and server
            log.warning("a job could not begin\n%s", _trace(error))
            self._fail(slot, generation, str(error) or type(error).__name__)

    def _close(self, job: ChildJob) -> None:
        try:
            job.close()
        except Exception as error:  # noqa: BLE001 - the edge between core and server
            log.warning("a core failed to stop\n%s", _trace(error))


def _number(meta: Meta) -> int:
    items = meta.get("items")
    return items if isinstance(items, int) else 0


def _trace(error: Exception) -> str:
    """The places of an error without its text, which may quote what was said."""
    frames = traceback.extract_tb(error.__traceback__)[-4:]
    places = [f"{os.path.basename(f.filename)}:{f.lineno} {f.name}" for f in frames]
    return " > ".join([*places, type(error).__name__])


def read_settings(line: BlockingLine) -> dict[str, object]:
    """Read the settings, the first thing that the parent sends.

    Raises:
        Malformed: If something else comes.
    """
    raw = b""
    while True:
        message = line.receive()
        if message is None or message.kind is not Kind.SETTINGS:
            raise Malformed("settings were expected")
        raw += message.body
        if message.meta.get("last"):
            settings = json.loads(raw)
            if not isinstance(settings, dict):
                raise Malformed("settings are no table")
            return settings


def load_jobs(settings: dict[str, object]) -> ChildJobs:
    """Load the core that the settings name.

    Args:
        settings: ``kind`` ("speech" or "recogniser"), ``core`` ("module:factory"),
            ``extra`` (of the package, with what it imports) and whatever the factory
            takes.

    Raises:
        EngineFailed: If there is no such core, or it cannot be loaded.
    """
    kind, core = str(settings.get("kind")), str(settings.get("core"))
    module, _, factory = core.partition(":")
    if kind not in KINDS or not factory:
        raise EngineFailed(core, f"no core of kind {kind!r}")
    try:
        load = getattr(importlib.import_module(module), factory)
    except ImportError as error:
        extra = str(settings.get("extra", ""))
        raise NotInstalled(core, error, extra) from error
    except AttributeError as error:
        raise EngineFailed(core, f"cannot be loaded: {error}") from error
    return KINDS[kind](load(settings))


def run(line: BlockingLine) -> None:
    """Be an engine until the parent is gone."""
    began = time.perf_counter()
    try:
        jobs = load_jobs(read_settings(line))
    except EngineFailed as error:
        line.send(Message(Kind.FAILED, meta={"why": str(error)[:800]}))
        return
    # What was loaded stays: a full collection would only stop the work.
    gc.collect()
    gc.freeze()
    log.debug("loaded in %.2f s", time.perf_counter() - began)
    line.send(Message(Kind.READY, meta=jobs.about))
    Server(line, jobs).serve()


def main() -> int:
    """Run a child; its exit code tells little, its last lines of error output more."""
    parser = argparse.ArgumentParser(prog="voiceserver.engines.remote.child")
    parser.add_argument("--fd", type=int, required=True, help="connected socket")
    parser.add_argument("--niceness", type=int, default=0)
    parser.add_argument("--name", default="", help="shown in lists of processes")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    os.nice(arguments.niceness)
    # systemd tells the whole group, and calls go on while the server drains. What ends
    # an engine is its socket.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    line = BlockingLine(socket.socket(fileno=arguments.fd))
    try:
        run(line)
    except Closed:
        pass  # the usual end
    finally:
        line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
