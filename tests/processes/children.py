"""Children for tests, and whether a process is there."""

from __future__ import annotations

from pathlib import Path

import psutil

from voiceserver.processes.ipc import Meta
from voiceserver.processes.process import ChildSpec

ROOT = Path(__file__).resolve().parents[2]


def voice_spec(
    factory: str = "load_voice", settings: Meta | None = None, attempts: int = 3
) -> ChildSpec:
    """Describe a child with a made-up voice."""
    core = f"tests.engines.remote.fake_cores:{factory}"
    given = {**(settings or {}), "kind": "speech", "core": core}
    return ChildSpec(
        "fake",
        "voiceserver.engines.remote.child",
        given,
        stop_limit_s=5,
        attempts=attempts,
    )


def gone(pid: int) -> bool:
    """Whether a process has ended; one nobody has reaped yet counts as ended."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
