"""The leak check of every asynchronous test, checked itself."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEAKS = {
    "task": "asyncio.get_running_loop().create_task(asyncio.sleep(60))",
    "file": "globals().update(kept=open('/dev/null'))",
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_fails_the_test_that_made_it(kind: str, tmp_path: Path) -> None:
    """A task or a file left open is reported."""
    body = f"import asyncio\nasync def test_it():\n    {LEAKS[kind]}\n"
    (tmp_path / "test_leaking.py").write_text(body)
    (tmp_path / "conftest.py").write_text((ROOT / "tests/conftest.py").read_text())
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(tmp_path), "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "left behind" in run.stdout


async def test_a_tidy_test_passes() -> None:
    """Work that is awaited leaves nothing."""
    await asyncio.sleep(0)
