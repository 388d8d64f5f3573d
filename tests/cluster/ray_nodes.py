"""A cluster of Ray for all tests that need a real one: two nodes on this machine."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None, reason="ray is not installed"
)
START_LIMIT_S = 120
ENVIRONMENT = ("RAY_TMPDIR", "RAY_AUTH_MODE")  # what a process finds the nodes by
CONFIG = """
[engines]
vad = "stub"
recogniser = "stub"
text = "stub"
speech = "ray"
[cluster]
address = "{address}"
[cluster.speech]
engine = "espeak"
replicas = 2
streams = 2
cpus = 1.0
"""


@dataclass(frozen=True)
class Nodes:
    """A cluster, and the configuration of a server that uses it.

    Attributes:
        config: Of a server whose voice is there.
        address: Of the head.
        environment: Of who uses it.
        pid: Of the process whose children the nodes are.
    """

    config: Path
    address: str
    environment: dict[str, str]
    pid: int

    def used_here(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have processes that this test starts find them."""
        for name in ENVIRONMENT:
            monkeypatch.setenv(name, self.environment[name])

    def deploy(self) -> None:
        """Have the voice there."""
        deployed = self.command("deploy")
        assert deployed.returncode == 0, deployed.stderr[-2000:]

    def command(self, action: str) -> subprocess.CompletedProcess[str]:
        words = ["-m", "voiceserver", "cluster", action, "--config", str(self.config)]
        return subprocess.run(
            [sys.executable, *words],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=2 * START_LIMIT_S,
            check=False,
        )


@pytest.fixture(scope="package")
def nodes() -> Iterator[Nodes]:
    """Two nodes, with nothing deployed yet."""
    with cluster_nodes() as found:
        yield found


@contextmanager
def cluster_nodes(*cores: int) -> Iterator[Nodes]:
    """Run two nodes inside, or one on each of these cores."""
    with ExitStack() as stack:
        # Short: names of Unix sockets are.
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vs"))
        environment = os.environ | {
            "RAY_TMPDIR": folder,
            "RAY_AUTH_MODE": "disabled",
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # else 15: starved on a busy machine
        }
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "tests.cluster.two_nodes", *map(str, cores)],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        )
        assert process.stdin is not None and process.stdout is not None
        stack.callback(process.stdin.close)
        address = process.stdout.readline().strip()
        if not address:
            pytest.skip("no nodes of Ray can be started on this machine")
        config = Path(folder) / "voiceserver.toml"
        config.write_text(CONFIG.format(address=address))
        yield Nodes(config, address, environment, process.pid)


def processes_of(nodes: Nodes, name: str) -> list[psutil.Process]:
    """Processes of this cluster alone, by what stands in their command line."""
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if name in " ".join(each.info["cmdline"] or []) and _belongs(nodes, each)
    ]


def _belongs(nodes: Nodes, process: psutil.Process) -> bool:
    """It knows our folder, or is an engine whose actor does."""
    folder = nodes.environment["RAY_TMPDIR"]
    with suppress(psutil.Error):
        kin = [process, *process.parents()[:1]]
        return any(one.environ().get("RAY_TMPDIR") == folder for one in kin)
    return False
