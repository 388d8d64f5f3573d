"""Runs the server and measures the longest stop of its event loop.

A stop is the computing of one step of the loop, in CPU time of its thread: what a
loaded machine adds, or a debugger, is not the server's. The loop is asyncio's own, as
uvloop's steps cannot be watched.

    python -m benchmarks.loop_stops FILE serve [OPTIONS]

At SIGUSR1 the longest since the last one is written to FILE, as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

from voiceserver.cli import loop, main


class Stops:
    """The longest step so far, what it was, and how much of it collected garbage."""

    def __init__(self) -> None:
        self.longest_ms = 0.0
        self.what = ""
        self.collecting_ms = 0.0
        self._collecting_s = 0.0  # of the step that runs

    def watch(self) -> None:
        """Measure each step of the main thread's loop from now on."""
        handle: Any = asyncio.Handle
        run, thread = handle._run, threading.main_thread().ident
        began_collecting_s = 0.0

        def collected(phase: str, _: object) -> None:
            nonlocal began_collecting_s
            if threading.get_ident() != thread:
                return
            if phase == "start":
                began_collecting_s = time.thread_time()
            else:
                self._collecting_s += time.thread_time() - began_collecting_s

        gc.callbacks.append(collected)

        def measured(step: Any) -> None:
            if threading.get_ident() != thread:
                run(step)
                return
            self._collecting_s = 0.0
            began_s = time.thread_time()
            run(step)
            took_ms = (time.thread_time() - began_s) * 1000
            if took_ms > self.longest_ms:
                self.longest_ms, self.what = took_ms, repr(step)[:400]
                self.collecting_ms = self._collecting_s * 1000

        handle._run = measured

    def write(self, path: Path) -> None:
        """Write the longest, and forget it."""
        told = {
            "longest_ms": round(self.longest_ms, 2),
            "collecting_ms": round(self.collecting_ms, 2),
            "what": self.what,
        }
        part = path.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.rename(path)
        self.longest_ms, self.what, self.collecting_ms = 0.0, "", 0.0


def run(words: list[str]) -> int:
    """Run the server, measured; return its exit code."""
    stops, path = Stops(), Path(words[0])
    stops.watch()
    loop._new_loop = asyncio.new_event_loop
    signal.signal(signal.SIGUSR1, lambda *_: stops.write(path))
    return main(words[1:])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
