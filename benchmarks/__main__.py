"""Runs benchmarks, one after the other: ``python -m benchmarks [NAME ...]``."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = (
    "vad",
    "http_stack",
    "media",
    "conversation",
    "cycles",
    "websocket",
    "embedded",
    "budget",
    "voice_speed",
)


def main() -> int:
    """Run them in processes of their own; return the number that failed.

    Options after a single name are that benchmark's.
    """
    failed = 0
    names = [name for name in sys.argv[1:] if name in BENCHMARKS]
    options = sys.argv[2:] if len(names) == 1 else []
    for name in names or BENCHMARKS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *options]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
