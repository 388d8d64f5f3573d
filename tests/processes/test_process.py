"""One child process: its start, its last words, its end."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.processes.children import ROOT, gone, voice_spec
from voiceserver.processes.ipc import Message
from voiceserver.processes.process import ChildSpec, StartFailed, start_process

pytestmark = pytest.mark.net


def ignore(_message: Message) -> None:
    pass


async def test_a_child_is_ready_at_lower_priority_and_stops_when_told() -> None:
    """It says what it offers, runs behind us, and ends with its socket."""
    process = await start_process(voice_spec(), ignore)
    assert process.about == {"voices": ["alloy", "tone"], "languages": []}
    assert psutil.Process(process.pid).nice() == os.nice(0) + 2
    pid = process.pid
    await process.stop()
    assert gone(pid)


async def test_a_signal_to_the_whole_group_leaves_a_child_at_work() -> None:
    """The server drains and needs it; it ends with its socket, as ever."""
    process = await start_process(voice_spec(), ignore)
    os.kill(process.pid, signal.SIGTERM)
    await asyncio.sleep(0.2)
    assert not gone(process.pid)
    pid = process.pid
    await process.stop()
    assert gone(pid)


async def test_a_child_sees_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is a short list, its settings are in no argument."""
    monkeypatch.setenv("SOME_API_KEY", "canary")
    spec = voice_spec(settings={"secret": "canary"})
    process = await start_process(spec, ignore)
    child = psutil.Process(process.pid)
    assert "canary" not in str(child.environ()) + str(child.cmdline())
    await process.stop()


async def test_a_child_gets_the_threads_and_variables_that_it_is_to_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of its engine's row; no others."""
    monkeypatch.setenv("HF_HOME", "/models")
    monkeypatch.setenv("SOME_API_KEY", "canary")
    spec = replace(voice_spec(), threads=3, environment=("HF_HOME", "NOT_SET"))
    process = await start_process(spec, ignore)
    environment = psutil.Process(process.pid).environ()
    await process.stop()
    assert environment["HF_HOME"] == "/models"
    assert environment["OMP_NUM_THREADS"] == environment["OPENBLAS_NUM_THREADS"] == "3"
    assert not {"SOME_API_KEY", "NOT_SET"} & set(environment)


async def test_a_child_may_choose_its_threads_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A library on a graphics card knows better."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    process = await start_process(replace(voice_spec(), threads=0), ignore)
    environment = psutil.Process(process.pid).environ()
    await process.stop()
    assert "OMP_NUM_THREADS" not in environment


async def test_a_core_that_refuses_says_why() -> None:
    """The core's own words are the error, and another try would be in vain."""
    with pytest.raises(StartFailed, match=r"fake: the model is missing") as caught:
        await start_process(voice_spec("load_nothing"), ignore)
    assert caught.value.final


async def test_a_core_that_dies_leaves_its_last_words() -> None:
    """The error has the exit code and the end of what it wrote."""
    with pytest.raises(StartFailed, match=r"exit code 7.*about to crash") as caught:
        await start_process(voice_spec("load_and_die"), ignore)
    assert not caught.value.final


async def test_an_unknown_core_is_named() -> None:
    """A wrong name is no traceback."""
    with pytest.raises(StartFailed, match="cannot be loaded"):
        await start_process(voice_spec("load_what"), ignore)


async def test_a_child_that_never_gets_ready_is_killed() -> None:
    """The start has a limit."""
    spec = ChildSpec("fake", "tests.processes.sleeper", start_limit_s=0.5)
    with pytest.raises(StartFailed, match="not ready within"):
        await start_process(spec, ignore)


async def test_a_child_that_ignores_its_end_is_killed() -> None:
    """Stopping takes at most its limit."""
    spec = ChildSpec("fake", "tests.processes.stubborn", stop_limit_s=0.2)
    process = await start_process(spec, ignore)
    pid, began = process.pid, time.monotonic()
    await process.stop()
    assert gone(pid)
    assert time.monotonic() - began < 3


async def test_settings_of_any_length_arrive() -> None:
    """A grammar may be longer than a message."""
    spec = voice_spec("load_and_measure", {"grammar": "xyz" * 70_000})
    with pytest.raises(StartFailed, match=r"210000 characters, \['x', 'y', 'z'\]"):
        await start_process(spec, ignore)


async def test_a_stop_that_is_cancelled_still_leaves_nothing() -> None:
    """Killed at once instead of waited for."""
    spec = ChildSpec("fake", "tests.processes.stubborn", stop_limit_s=5.0)
    process = await start_process(spec, ignore)
    async with asyncio.TaskGroup() as group:
        stopping = group.create_task(process.stop())
        await asyncio.sleep(0.01)
        stopping.cancel()
    assert gone(process.pid)


def test_a_child_does_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """SIGKILL leaves the parent no time to do anything; the child ends all the same."""
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent("""
        import asyncio
        from tests.processes.children import voice_spec
        from voiceserver.processes.process import start_process

        async def main():
            process = await start_process(voice_spec(), lambda message: None)
            print(process.pid, flush=True)
            await asyncio.sleep(60)

        asyncio.run(main())
        """)
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    until = time.monotonic() + 5
    while not gone(pid) and time.monotonic() < until:
        time.sleep(0.01)
    assert gone(pid)
