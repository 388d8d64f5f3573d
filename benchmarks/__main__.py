"""Runs every benchmark, one after the other: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

BENCHMARKS = ("vad", "http_stack", "conversation", "websocket", "embedded")


def main() -> int:
    """Run them in processes of their own; return the number that failed."""
    failed = 0
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}"]
        failed += subprocess.run(command, check=False).returncode != 0
    return failed


if __name__ == "__main__":
    raise SystemExit(main())
