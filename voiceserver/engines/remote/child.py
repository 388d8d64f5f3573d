"""Entry point of an engine's process: ``python -m voiceserver.engines.remote.child``.

Reads its settings from the socket, loads the core they name and says READY; the jobs
that come are the business of ``steps`` and ``speech_jobs``. A closed socket ends the
process. One thread; the core decides whether it uses more.
"""

from __future__ import annotations

import gc
import importlib
import logging
import sys
import time
from collections.abc import Callable
from typing import cast

from voiceserver.engines.remote.speech_jobs import SpeechJobs
from voiceserver.engines.remote.steps import ChildJobs, JobLoop, RecognitionJobs
from voiceserver.engines.remote.turn_ends_child import TurnEndJobs
from voiceserver.errors import EngineFailed, NotInstalled
from voiceserver.processes.entry import begun
from voiceserver.processes.ipc import (
    BlockingLine,
    Closed,
    Kind,
    Message,
    read_settings,
)

log = logging.getLogger(__name__)


def _itself(core: object) -> ChildJobs:
    return cast(ChildJobs, core)


# "jobs" is a core that decides itself whose turn it is.
KINDS: dict[str, Callable[[object], ChildJobs]] = {
    "speech": SpeechJobs,
    "recogniser": RecognitionJobs,
    "jobs": _itself,
    "turn_ends": TurnEndJobs,
}


def load_jobs(settings: dict[str, object]) -> ChildJobs:
    """Load the core that the settings name.

    Args:
        settings: ``kind`` (of ``KINDS``), ``core`` ("module:factory"),
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
    JobLoop(line, jobs).run()


def main() -> int:
    """Run a child; its exit code tells little, its last lines of error output more."""
    line = BlockingLine(begun("voiceserver.engines.remote.child"))
    try:
        run(line)
    except Closed:
        pass  # the usual end
    finally:
        line.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
