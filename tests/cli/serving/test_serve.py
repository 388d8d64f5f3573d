"""``voiceserver serve``, as a process."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from voiceserver.server.connections import bound_socket

pytestmark = pytest.mark.net
ROOT = Path(__file__).resolve().parents[3]
STUBS = '[engines]\nvad = "stub"\nrecogniser = "stub"\ntext = "stub"\nspeech = "stub"\n'


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    """Start a server with stub engines."""
    (folder / "voiceserver.toml").write_text(STUBS)
    return subprocess.Popen(
        [sys.executable, "-m", "voiceserver", "serve", *words],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_listens_and_ends_in_order(
    tmp_path: Path, number: signal.Signals
) -> None:
    """Exit code 0 at a signal."""
    server = started(tmp_path, "--port", "0")
    try:
        assert server.stdout is not None
        line = server.stdout.readline()
        assert line.startswith("voiceserver listens at http://127.0.0.1:")
        url = line.split()[-1] + "/readyz"
        with urllib.request.urlopen(url, timeout=5) as answer:
            assert answer.status == 200
        server.send_signal(number)
        _, err = server.communicate(timeout=15)
    finally:
        server.kill()
        server.communicate()
    assert server.returncode == 0, err
    assert "Traceback" not in err


def test_a_port_in_use_is_exit_code_1(tmp_path: Path) -> None:
    """Known before any engine is loaded."""
    with bound_socket("127.0.0.1", 0) as taken:
        server = started(tmp_path, "--port", str(taken.getsockname()[1]))
        _, err = server.communicate(timeout=30)
    assert server.returncode == 1
    assert "the port is in use" in err
    assert "Traceback" not in err
