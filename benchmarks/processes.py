"""Starts a server for a benchmark and watches what it costs."""

from __future__ import annotations

import os
import platform
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

# Configuration, at its beginning, of a server whose engines are not measured.
STUB_ENGINES = """
[engines]
recogniser = "stub"
text = "stub"
speech = "stub"
"""
START_LIMIT_S = 90.0


@dataclass(frozen=True, slots=True)
class Cost:
    """What a server's processes have used so far.

    Attributes:
        at_s: ``perf_counter`` when it was read.
        front_cpu_s: CPU time of the process that holds the calls.
        all_cpu_s: CPU time of that process and its children.
        front_rss_mb: Resident memory of the first, in MiB.
        all_rss_mb: Resident memory of all.
    """

    at_s: float
    front_cpu_s: float
    all_cpu_s: float
    front_rss_mb: float
    all_rss_mb: float


class Server:
    """A server process on loopback."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        port: int,
        log: IO[bytes],
        scheme: str = "http",
    ) -> None:
        self._process = process
        self._log = log
        self.url = f"{scheme}://127.0.0.1:{port}"

    @property
    def pid(self) -> int:
        """Process id of the front."""
        return self._process.pid

    def printed(self) -> str:
        """All that the processes have printed so far."""
        # By position: the processes write where this file's own offset is.
        n_bytes = os.fstat(self._log.fileno()).st_size
        return os.pread(self._log.fileno(), n_bytes, 0).decode(errors="replace")

    def cost(self) -> Cost:
        """Read CPU time and memory."""
        front = psutil.Process(self._process.pid)
        family = [front, *front.children(recursive=True)]
        cpu = [sum(process.cpu_times()[:2]) for process in family]
        rss = [process.memory_info().rss / 2**20 for process in family]
        return Cost(time.perf_counter(), cpu[0], sum(cpu), rss[0], sum(rss))

    def cpu_by_part(self) -> dict[str, float]:
        """CPU seconds so far of the front and of each engine, by its name."""
        front = psutil.Process(self._process.pid)
        found = {"front": sum(front.cpu_times()[:2])}
        for child in front.children(recursive=True):
            line = child.cmdline()
            name = line[line.index("--name") + 1] if "--name" in line else "other"
            found[name] = found.get(name, 0.0) + sum(child.cpu_times()[:2])
        return found

    def udp_ports(self) -> list[int]:
        """UDP ports that the processes have open."""
        front = psutil.Process(self._process.pid)
        return [
            socket.laddr.port
            for process in (front, *front.children(recursive=True))
            for socket in process.net_connections("udp4")
        ]

    def metric(self, name: str) -> dict[str, float]:
        """Read the samples of a metric whose names begin so."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as reply:
            lines = reply.read().decode().splitlines()
        pairs = [line.rsplit(" ", 1) for line in lines if line.startswith(name)]
        return {key: float(value) for key, value in pairs}


@contextmanager
def serving(
    command: list[str],
    ready_path: str = "/readyz",
    tls: ssl.SSLContext | None = None,
    port: int = 0,
) -> Iterator[Server]:
    """Run ``command`` with ``--port N`` until the block ends.

    Args:
        command: Of a Python that runs the server.
        ready_path: Answers 200 when it is ready.
        tls: Trusts the server, where that is configured to speak TLS.
        port: Where; 0 is a free one.

    Raises:
        RuntimeError: If it does not get ready; with the end of what it printed.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        port = probe.getsockname()[1]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, *command, "--port", str(port)], stdout=log, stderr=log
        )
        try:
            server = Server(process, port, log, "http" if tls is None else "https")
            if not _ready(process, server.url + ready_path, tls):
                log.seek(0)
                raise RuntimeError(log.read().decode(errors="replace")[-2000:])
            yield server
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(
    process: subprocess.Popen[bytes], url: str, tls: ssl.SSLContext | None
) -> bool:
    until_s = time.monotonic() + START_LIMIT_S
    while time.monotonic() < until_s and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=2, context=tls) as reply:
                if reply.status == 200:
                    return True
        except OSError:
            time.sleep(0.2)
    return False


def machine() -> dict[str, object]:
    """What a figure was measured on; quote it with the figure."""
    names = [
        line.split(":", 1)[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "load_average": [round(load, 2) for load in os.getloadavg()],
    }
